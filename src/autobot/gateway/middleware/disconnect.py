"""A client that gives up ends the work that was done for it alone.

Work that was accepted with 202 is a run of its own and goes on. Watching starts late, because nearly every
request is over before it would be worth the cost.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autobot.gateway.exchange import Exchange, exchange_of

CLIENT_GONE: Final = 499
"""What the log and the metrics show; nobody is there to read an answer."""


class Watchers:
    """Owns the watching tasks of one process; open for as long as the server runs (lifespan)."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Watchers:
        """Open."""
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Cancel what still watches and wait for it."""
        group, self._group = self._group, None
        if group is not None:
            for task in tuple(self._running):
                task.cancel()
            await group.__aexit__(None, None, None)

    def watch(self, watch: _Watch) -> None:
        """Begin to watch; without an open group nothing is watched."""
        if self._group is not None:
            task = self._group.create_task(watch.listen())
            watch.listener = task
            self._running.add(task)
            task.add_done_callback(self._running.discard)


class _Watch:
    """Listens for the disconnect of one request, and answers the application's own `receive` meanwhile."""

    __slots__ = ("_exchange", "_gone", "_has_body", "_receive", "_task", "gone", "listener", "timer")

    def __init__(self, receive: Receive, exchange: Exchange, task: asyncio.Task[object]) -> None:
        self._receive, self._exchange, self._task = receive, exchange, task
        fields = exchange.fields
        self._has_body = fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields
        self._gone = asyncio.Event()
        self.gone = False
        self.listener: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle

    @property
    def may_begin(self) -> bool:
        """Whether everything that the application will read has been read."""
        return not self._has_body or self._exchange.body_whole

    async def receive(self) -> Message:
        """The application's `receive`: the server's, or the news of the watcher once it listens."""
        if self.listener is None:
            return await self._receive()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def listen(self) -> None:
        """Wait for the disconnect, then cancel the request's task."""
        while True:
            if (await self._receive())["type"] == "http.disconnect":
                break
        self.gone = True
        self._gone.set()
        self._task.cancel()


class Disconnect:
    """Cancels the task of a request whose client went away. Off when `after_s` is 0."""

    def __init__(self, app: ASGIApp, watchers: Watchers, after_s: float) -> None:
        self._app, self._watchers, self._after_s = app, watchers, after_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; end quietly when the client is gone."""
        task = asyncio.current_task()
        if scope["type"] != "http" or not self._after_s or task is None:
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        watch = _Watch(receive, exchange, task)
        loop = asyncio.get_running_loop()

        watch.timer = loop.call_later(self._after_s, self._begin, watch)
        try:
            await self._app(scope, watch.receive, send)
        except asyncio.CancelledError:
            if not watch.gone or task.uncancel() > 0:
                raise
            exchange.status = CLIENT_GONE
        finally:
            watch.timer.cancel()
            if watch.listener is not None:
                watch.listener.cancel()

    def _begin(self, watch: _Watch) -> None:
        if watch.may_begin:
            self._watchers.watch(watch)
        else:
            watch.timer = asyncio.get_running_loop().call_later(self._after_s, self._begin, watch)
