"""The idempotency key of a write, and what else a request says about how it wants to be answered.

`Idempotency-Key` follows the IETF draft: a String item of RFC 9651; a bare token is accepted as well. The claim
itself is the command bus's: here the key is only read.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of
from autobot.gateway.middleware.csrf import SAFE
from autobot.gateway.structured_fields import FieldSyntaxError, parse_item
from autobot.kernel.core.errors import FieldError, Malformed

_QUOTED: Final = re.compile(rb'"([!#-\[\]-~]{1,255})"')
_VISIBLE: Final = re.compile(r"[!-~]{1,255}")
_BARE: Final = re.compile(r"[!#$&'*+./0-9<=>A-Z\[\]^_`a-z{|}~-][!#-+./0-:<-\[\]-~-]{0,254}")
"""Not a String item, and no item of another type, list or parameter either: clients that forget the quotes."""
_WAIT: Final = re.compile(r'(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=[;,]|$)', re.IGNORECASE)


def idempotency_key(field: bytes) -> str:
    """Return the key of an Idempotency-Key field. Raises Malformed unless it has 1–255 visible ASCII characters."""
    match = _QUOTED.fullmatch(field)
    if match is not None:
        return match[1].decode("ascii")
    text = field.decode("latin-1").strip(" ")
    if text.startswith('"'):
        try:
            key = parse_item(text).value
        except FieldSyntaxError:
            key = ""
    else:
        key = text if _BARE.fullmatch(text) else ""
    if not isinstance(key, str) or _VISIBLE.fullmatch(key) is None:
        raise Malformed(
            'Idempotency-Key must be a quoted string of 1 to 255 visible ASCII characters, such as "8e03978e-40d5".',
            errors=(FieldError(detail="is no String item of RFC 9651", pointer="#/Idempotency-Key"),),
        )
    return key


def preferred_wait(field: bytes, most_s: float) -> float | None:
    """Return the seconds of `Prefer: wait=N` (RFC 7240 §4.3), at most `most_s`; None when it does not ask."""
    match = _WAIT.search(field.decode("latin-1"))
    return None if match is None else min(float(match[1]), most_s)


class Idempotency:
    """Sets `exchange.key` on writes, and `exchange.wait`. Raises Malformed for a key that is none."""

    def __init__(self, app: ASGIApp, wait_max_s: float) -> None:
        self._app, self._wait_max_s = app, wait_max_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the key read."""
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            field = exchange.fields.get(b"idempotency-key")
            if field is not None and scope["method"] not in SAFE:
                exchange.key = idempotency_key(field)
            prefer = exchange.fields.get(b"prefer")
            if prefer is not None:
                exchange.wait = preferred_wait(prefer, self._wait_max_s)
        await self._app(scope, receive, send)
