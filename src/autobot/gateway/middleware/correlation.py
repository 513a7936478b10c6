"""Ids of a request: its own, the caller's correlation id, and the trace that it belongs to."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.context import TraceContext
from autobot.kernel.core.ids import IdSource

CORRELATION: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
"""What is accepted as X-Correlation-ID: it goes into logs, facts and answers."""

SAMPLED_RANDOM: Final = 0x03


class Correlation:
    """Sets request id, correlation id and trace, and echoes the correlation id on every answer.

    A correlation id that is not well formed is replaced, not refused: it never decides anything.
    """

    def __init__(self, app: ASGIApp, ids: IdSource, chance: Chance) -> None:
        self._app, self._new, self._chance = app, ids.new, chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the ids set."""
        if scope["type"] != "lifespan":
            exchange = exchange_of(scope)
            fields = exchange.fields
            request_id = exchange.request_id = self._new()
            given = fields.get(b"x-correlation-id")
            if given is not None and CORRELATION.fullmatch(given):
                exchange.correlation_id = given.decode("ascii")
            else:
                exchange.correlation_id = request_id
                given = request_id.encode("ascii")
            exchange.trace = TraceContext(
                trace_id=request_id.replace("-", ""),
                span_id=f"{self._chance.getrandbits(64):016x}",
                flags=SAMPLED_RANDOM,
            )
            exchange.answer_fields.append((b"x-correlation-id", given))
        await self._app(scope, receive, send)
