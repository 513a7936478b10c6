"""How long the caller waits: `X-Deadline-Ms` in, one absolute deadline for everything below."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import DeadlineExceeded, Malformed

_DIGITS_MAX: Final = 10


def remaining_s(field: bytes) -> float:
    """Return the seconds of an `X-Deadline-Ms` field. Raises Malformed for anything but 1–10 digits."""
    if not field.isdigit() or len(field) > _DIGITS_MAX:
        raise Malformed("X-Deadline-Ms must be a whole number of milliseconds.")
    return int(field) / 1000


class Deadline:
    """Sets `exchange.deadline` and holds it. Raises DeadlineExceeded when the time is spent, on arrival or later.

    Without the field there is no deadline of the caller; the rows of the matrix bound each hop all the same.
    """

    def __init__(self, app: ASGIApp, clock: Clock, most_s: float) -> None:
        self._app, self._now, self._most_s = app, clock.monotonic, most_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on for as long as the caller waits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        field = exchange.fields.get(b"x-deadline-ms")
        if field is None:
            field = exchange.fields.get(b"x-envoy-expected-rq-timeout-ms")
            if field is None:
                await self._app(scope, receive, send)
                return
        deadline = exchange.deadline = exchange.arrived + min(remaining_s(field), self._most_s)
        if deadline <= self._now():
            raise DeadlineExceeded("The time that the caller gave was spent before work began.")
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                await self._app(scope, receive, send)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("The time that the caller gave is spent.") from None
