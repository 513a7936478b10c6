"""How long the caller waits: `X-Deadline-Ms` in, one absolute deadline for everything below."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import exchange_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.links.propagation import remaining_s


class Deadline:
    """Sets `exchange.deadline` and holds it. Raises DeadlineExceeded when the time is spent, on arrival or later,
    and Malformed for a field that is no number of milliseconds.

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
        remaining = remaining_s(exchange.fields)
        if remaining is None:
            await self._app(scope, receive, send)
            return
        deadline = exchange.deadline = exchange.arrived + min(remaining, self._most_s)
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
