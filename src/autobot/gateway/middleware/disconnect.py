"""A client that gives up ends the work that was done for it alone.

Work that was accepted with 202 is a run of its own and goes on. Only a request that runs for a while is watched:
nearly every one is over before that, and pays for two dictionary operations.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autobot.gateway.exchange import Exchange, exchange_of

CLIENT_GONE: Final = 499
"""What the log and the metrics show; nobody is there to read an answer."""


class _Watch:
    """One request: listens for its disconnect when told to, and then answers the application's own `receive`."""

    __slots__ = ("_exchange", "_news", "_receive", "gone", "listener", "task")

    def __init__(self, receive: Receive, exchange: Exchange, task: asyncio.Task[object]) -> None:
        self._receive, self._exchange, self.task = receive, exchange, task
        self.gone = False
        self._news: asyncio.Event | None = None
        self.listener: asyncio.Task[None] | None = None

    @property
    def may_listen(self) -> bool:
        """Whether everything that the application will read has been read."""
        fields = self._exchange.fields
        has_body = fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields
        return self.listener is None and (self._exchange.body_whole or not has_body)

    def listen(self, group: asyncio.TaskGroup) -> None:
        """Begin to listen."""
        self._news = asyncio.Event()
        self.listener = group.create_task(self._until_gone(self._news))

    async def receive(self) -> Message:
        """The application's `receive`: the server's, or the news of the listener once there is one."""
        if self._news is None:
            return await self._receive()
        await self._news.wait()
        return {"type": "http.disconnect"}

    async def _until_gone(self, news: asyncio.Event) -> None:
        try:
            while (await self._receive())["type"] != "http.disconnect":
                continue
        except (OSError, RuntimeError):
            # A server that cannot tell any more has lost the client.
            pass
        self.gone = True
        news.set()
        self.task.cancel()


class Watchers:
    """Knows the running requests and watches the long ones; open for as long as the server runs (lifespan)."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._young: dict[_Watch, None] = {}
        self._old: dict[_Watch, None] = {}

    def add(self, watch: _Watch) -> None:
        """Know a request."""
        self._young[watch] = None

    def remove(self, watch: _Watch) -> None:
        """Forget a request that is over."""
        if self._young.pop(watch, self) is self:
            self._old.pop(watch, None)
        if watch.listener is not None:
            watch.listener.cancel()

    async def run(self) -> None:
        """Look at the running requests again and again. Cancelled at shutdown, with what listens."""
        if not self._after_s:
            return
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._after_s)
                for watch in self._old:
                    if watch.may_listen:
                        watch.listen(group)
                self._old.update(self._young)
                self._young = {}


class Disconnect:
    """Cancels the task of a request whose client went away."""

    def __init__(self, app: ASGIApp, watchers: Watchers) -> None:
        self._app, self._watchers = app, watchers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; end quietly when the client is gone."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        watch = _Watch(receive, exchange, task)
        self._watchers.add(watch)
        try:
            await self._app(scope, watch.receive, send)
        except asyncio.CancelledError:
            if not watch.gone or task.uncancel() > 0:
                raise
            exchange.status = CLIENT_GONE
        finally:
            self._watchers.remove(watch)
