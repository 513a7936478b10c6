"""Fetches what lies at an address that somebody gave: public addresses only, redirects followed a few times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.contexts.knowledge.ports.fetching import FETCH, Fetched, Wanted
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.links.ports import HttpRequest
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.telemetry.listener import Listener

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
REDIRECTS_MAX: Final = 5
GUARDED: Final = HttpOptions(guarded=True, idle_s=0, connect_s=10.0)
_KEPT: Final = "".join(chr(one) for one in range(ord("!"), ord("\x7f")) if chr(one) not in '"<>')
"""What of an address is sent as it stands; of ASCII all else is never part of one (RFC 3986 §2)."""
ACCEPT: Final = "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.5"


class WebTransport:
    """Implements `Transport` for Wanted → Fetched. Whatever the target is called, the address is the payload's.

    Each fetch has connections of its own, so no two share a cookie, a name or a fate.
    """

    def __init__(
        self,
        link: str,
        clock: Clock,
        chance: Chance,
        listener: Listener | None = None,
        options: HttpOptions = GUARDED,
    ) -> None:
        self._link, self._clock, self._chance, self._listener = link, clock, chance, listener
        self._options = options

    async def call(self, target: str, operation: Operation, payload: Wanted, context: CallContext) -> Fetched:
        transport = HttpTransport(self._link, self._options, self._clock, self._chance, self._listener)
        try:
            return await self._followed(transport, payload, context)
        finally:
            await transport.close()

    def stream(
        self, target: str, operation: Operation, payload: Wanted, context: CallContext
    ) -> AsyncIterator[Fetched]:
        raise TypeError("an address is fetched whole")

    async def probe(self, target: str) -> bool | None:
        return None

    async def close(self) -> None:
        """Nothing stays open between two fetches."""

    async def _followed(self, transport: HttpTransport, wanted: Wanted, context: CallContext) -> Fetched:
        url = wanted.url
        for _ in range(REDIRECTS_MAX + 1):
            origin, path = split(url)
            request = HttpRequest(
                method="GET", path=path, headers={"accept": ACCEPT}, max_bytes=wanted.max_bytes
            )
            answer = await transport.call(origin, FETCH, request, context)
            if answer.status not in REDIRECTS or not answer.headers.get("location"):
                kind = answer.headers.get("content-type", "")
                return Fetched(url=url, media_type=kind, body=answer.body)
            # The next address is judged as the first was: by its own scheme, name and address.
            url = _led(url, answer.headers["location"])
        raise InvalidInput(f"It redirects more than {REDIRECTS_MAX} times: {wanted.url}.")


def _led(url: str, location: str) -> str:
    """Return where a redirect leads. Raises InvalidInput when that is no address."""
    with suppress(UnicodeError):
        # Sites send UTF-8, which the one client of ours reads as such and the other as Latin-1.
        location = location.encode("latin-1").decode()
    try:
        return urljoin(url, location)
    except ValueError:
        raise InvalidInput("It redirects to what is no address.") from None


def split(url: str) -> tuple[str, str]:
    """Return origin and path with query of an address, encoded. Raises InvalidInput for one that is not fetched."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("It is no address.") from None
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.username is not None
        or parts.password is not None
    ):
        raise InvalidInput("Only http and https addresses without a name and password are fetched.")
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(ord(one) < ord(" ") or one == "\x7f" for one in path):
        raise InvalidInput("An address must hold no control characters.")
    # As a browser does: people copy addresses as they are shown, and sites redirect to them.
    path = quote(path, safe=_KEPT, errors="surrogateescape")
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else ""), path
