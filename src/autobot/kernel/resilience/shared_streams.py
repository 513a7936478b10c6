"""Streams that several read: equal ones in the air are one, and a whole one is kept and played again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import DeadlineExceeded, Overloaded
from autobot.kernel.resilience.cache.key import exact_key
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.cache.store import Store
from autobot.kernel.resilience.deadline.options import HOP_MARGIN
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure, Step
from autobot.kernel.resilience.streams import END, OpenStream

CHUNKS_KEPT: Final = 4_096
"""A stream of more chunks is shared, and not kept."""
CHUNKS_AN_ENTRY: Final = 16
"""So many chunks of a kept stream count as one entry of the store."""


class SharedStream:
    """One stream and all that it has said. Its source is read as fast as it comes; readers follow at their own pace.

    `failure` is what came in place of a stream, `error` what broke it later; `done` is set at its end, whatever that was.
    """

    __slots__ = ("_link", "_moved", "chunks", "done", "error", "failure", "readers", "task")

    def __init__(self, link: str) -> None:
        self._link = link
        self.chunks: list[Any] = []
        self.done = False
        self.failure: Failure | None = None
        self.error: Exception | None = None
        self.readers = 0
        self.task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    async def pump(self, opened: Callable[[], Any], finished: Callable[[SharedStream], None]) -> None:
        """Read the source to its end; `finished` is called when that was a good one."""
        try:
            stream = await opened()
            if type(stream) is Failure:
                self.failure = stream
                return
            await self._read(stream)
            if self.error is None:
                finished(self)
        except asyncio.CancelledError:
            self.failure = Failure(
                Overloaded(f"{self._link} was closed while the stream was read.", link=self._link)
            )
            self.error = self.failure.error
            raise
        finally:
            self.done = True
            self._moved.set()

    async def _read(self, stream: OpenStream) -> None:
        try:
            chunk, stream.first = stream.first, END
            while chunk is not END:
                self.chunks.append(chunk)
                moved, self._moved = self._moved, asyncio.Event()
                moved.set()
                try:
                    chunk = await stream.next()
                except StopAsyncIteration:
                    return
        except Exception as error:  # noqa: BLE001 - each reader raises it when it has come so far
            self.error = error
        finally:
            await stream.close()

    async def beyond(self, at: int, timeout: float | None) -> bool:
        """Wait until there are more than `at` chunks or the end; say whether that was in time."""
        try:
            async with asyncio.timeout(timeout):
                while len(self.chunks) <= at and not self.done:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True


class Reader:
    """One reader of a shared stream, with the face of an OpenStream: it leaves without harm to the others."""

    __slots__ = ("_at", "_leave", "_link", "_monotonic", "_shared", "_until", "first")

    def __init__(
        self,
        link: str,
        shared: SharedStream,
        until: float | None,
        monotonic: Callable[[], float],
        leave: Callable[[], None],
    ) -> None:
        self._link, self._shared, self._until, self._monotonic = link, shared, until, monotonic
        self._leave: Callable[[], None] | None = leave
        self._at = 0
        self.first: Any = END

    async def begin(self) -> Failure | None:
        """Wait for the first chunk; return what came instead."""
        try:
            self.first = await self.next()
        except StopAsyncIteration:
            return None
        except Exception as error:  # noqa: BLE001 - an outcome is a value in here; the edge raises it
            return Failure(error)
        return None

    async def next(self) -> Any:
        """Return the next chunk. Raises StopAsyncIteration after the last, what broke the stream, DeadlineExceeded."""
        shared, at = self._shared, self._at
        if len(shared.chunks) <= at and not shared.done:
            left = None if self._until is None else max(0.0, self._until - self._monotonic())
            try:
                in_time = await shared.beyond(at, left)
            except BaseException:
                self.dropped()
                raise
            if not in_time:
                self.dropped()
                raise DeadlineExceeded(
                    f"The caller's time was over while {self._link} answered a shared call."
                )
        if at < len(shared.chunks):
            self._at += 1
            return shared.chunks[at]
        self.dropped()
        if shared.failure is not None:
            raise shared.failure.error
        if shared.error is not None:
            raise shared.error
        raise StopAsyncIteration

    async def close(self) -> None:
        """Leave before the end; nothing happens after it."""
        self.dropped()

    def dropped(self) -> None:
        """Leave, at most once."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class StreamCache:
    """Opens streams of cacheable operations: from the store, with one that is in the air, or anew. Owns their tasks.

    As with calls, a shared stream runs without its first reader's deadline and ends when its last reader has left. Only
    one that came to a good end is kept. Each `tier` of a fallback has entries of its own. `served` is called once for
    each stream that needed no source of its own.
    """

    def __init__(
        self,
        link: str,
        options: CacheOptions,
        store: Store,
        inner: Step,
        monotonic: Callable[[], float],
        served: Callable[[str], None],
        tier: int = 0,
    ) -> None:
        self._link, self._scope, self._tier = link, options.scope, tier
        self._store, self._inner, self._monotonic, self._served = store, inner, monotonic, served
        self._flying: dict[str, SharedStream] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return a stream that has its first chunk, or a Failure."""
        if not operation.cacheable:
            return await self._inner(operation, payload, context)
        try:
            key = "stream:" + exact_key(operation, payload, context.principal, self._scope, self._tier)
        except (TypeError, ValueError):
            return await self._inner(operation, payload, context)
        entry = self._store.full(key, None)
        if entry is not None and self._monotonic() < entry.fresh_until:
            self._served("hit")
            return await self._reading(key, entry.value, context)
        shared = self._flying.get(key)
        if shared is None or shared.done:
            shared = self._start(key, operation, payload, context)
        else:
            self._served("joined")
        return await self._reading(key, shared, context)

    async def _reading(self, key: str, shared: SharedStream, context: CallContext) -> Any:
        until = None if context.deadline is None else context.deadline - HOP_MARGIN
        shared.readers += 1
        reader = Reader(self._link, shared, until, self._monotonic, lambda: self._left(key, shared))
        return await reader.begin() or reader

    def _start(self, key: str, operation: Operation, payload: Any, context: CallContext) -> SharedStream:
        shared, epoch = SharedStream(self._link), self._store.epoch
        alone = replace(context, deadline=None)

        def finished(whole: SharedStream) -> None:
            chunks = len(whole.chunks)
            if chunks <= CHUNKS_KEPT:
                self._store.put(
                    key,
                    None,
                    whole,
                    operation.tags,
                    self._monotonic(),
                    epoch,
                    weight=1 + chunks // CHUNKS_AN_ENTRY,
                )

        self._flying[key] = shared
        work = shared.pump(lambda: self._inner(operation, payload, alone), finished)
        task = asyncio.get_running_loop().create_task(work, name=f"shared stream on {self._link}")
        shared.task = task
        task.add_done_callback(lambda _: self._landed(key, shared))
        return shared

    def _landed(self, key: str, shared: SharedStream) -> None:
        if shared.task is not None:
            self._leaving.discard(shared.task)
        if self._flying.get(key) is shared:
            del self._flying[key]

    def _left(self, key: str, shared: SharedStream) -> None:
        """End a stream that nobody reads any more; who comes now starts a new one."""
        shared.readers -= 1
        task = shared.task
        if not shared.readers and not shared.done and task is not None:
            self._flying.pop(key, None)
            self._leaving.add(task)
            task.cancel()

    async def close(self) -> None:
        """End every stream in the air and wait until it has ended."""
        tasks = [one.task for one in self._flying.values() if one.task is not None] + list(self._leaving)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
