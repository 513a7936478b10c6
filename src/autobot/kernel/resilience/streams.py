"""A stream that has begun: its first chunk is there, its permits are held, and it ends exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.stepping import resume
from autobot.kernel.resilience.attempt_timeout.strategy import Guard
from autobot.kernel.resilience.attempt_timeout.watch import Watch
from autobot.kernel.resilience.deadline.strategy import Bound, Deadline
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Step
from autobot.kernel.resilience.records import Attempt, Records
from autobot.kernel.resilience.registry import LinkState

END: Final = object()
"""The first chunk of a stream that has none."""


class OpenStream:
    """Chunks of one attempt, each gap bounded, the whole bounded by the call's end.

    Contract: after `begin` either the stream ends by itself (`next` raised) or `close` ends it; `close` may be
    called always and closes the transport's iterator too.
    """

    __slots__ = (
        "_attempt",
        "_chunks",
        "_deadline",
        "_ended",
        "_guard",
        "_limit",
        "_monotonic",
        "_records",
        "_watch",
        "first",
    )

    def __init__(
        self,
        chunks: AsyncIterator[Any],
        attempt: Attempt,
        limit: Bound,
        deadline: Deadline,
        guard: Guard,
        records: Records,
        monotonic: Callable[[], float],
    ) -> None:
        self._chunks = chunks
        self._attempt = attempt
        self._limit = limit
        self._deadline = deadline
        self._guard = guard
        self._records = records
        self._monotonic = monotonic
        self._watch: Watch | None = None
        self._ended = False
        self.first: Any = END

    async def begin(self) -> None:
        """Wait for the first chunk. Raises what came instead, with the iterator closed and the attempt not yet ended."""
        attempt = self._attempt
        step = self._chunks.__anext__().__await__()
        try:
            try:
                waiting_for = step.send(None)
                self.first = await self._wait(step, waiting_for, attempt.started, "first_byte")
            except StopIteration as there:
                self.first = there.value
        except StopAsyncIteration:
            self._end()
            self._records.succeeded(attempt)
        except BaseException:
            self._end()
            await self._close_chunks()
            raise
        else:
            self._records.answered(attempt)

    async def next(self) -> Any:
        """Return the next chunk. Raises StopAsyncIteration after the last, and what broke the stream."""
        if self._ended:
            raise StopAsyncIteration
        now = self._monotonic()
        until = self._limit.until
        try:
            # Chunks that are there without waiting arm no timer; the whole is still bounded.
            if until is not None and now >= until:
                raise self._deadline.exceeded(self._limit)
            step = self._chunks.__anext__().__await__()
            try:
                waiting_for = step.send(None)
                return await self._wait(step, waiting_for, now, "gap")
            except StopIteration as there:
                return there.value
        except StopAsyncIteration:
            self._end()
            self._records.succeeded(self._attempt)
            raise
        except Exception as error:
            # The iterator is closed before the error goes on, and the error is told before that.
            self._end()
            self._records.failed(self._attempt, error)
            await self._close_chunks()
            self._records.blamed(error)
            raise
        except BaseException:
            await self.close()
            raise

    async def _wait(self, step: Any, waiting_for: Any, started: float, phase: str) -> Any:
        """Wait for a chunk that is not there yet. Raises AttemptTimeout or DeadlineExceeded besides what came."""
        ends = self._guard.ends(started, self._limit)
        if ends is None:
            return await resume(step, waiting_for)
        watch = self._watch
        if watch is None:
            watch = self._watch = Watch()
        try:
            return await watch.wait(step, waiting_for, ends)
        except TimeoutError:
            if not watch.expired:
                raise
        raise self._guard.expired(started, self._limit, self._attempt.target.address, phase)

    def _end(self) -> None:
        self._ended = True
        if self._watch is not None:
            self._watch.close()

    async def close(self) -> None:
        """End a stream whose reader has gone; nothing happens after its own end."""
        if self._ended:
            return
        self._end()
        try:
            await self._close_chunks()
        finally:
            self._records.abandoned(self._attempt, GeneratorExit())

    def dropped(self) -> None:
        """End a stream that nobody holds any more; its iterator goes the same way."""
        if not self._ended:
            self._end()
            self._records.abandoned(self._attempt, GeneratorExit())

    async def _close_chunks(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()


class Chunks:
    """The chunks of one call, for who called: nothing is sent before the first is asked for.

    Not a generator: each chunk would pass one more frame on every link. Raises as `Pipeline.stream` says.
    """

    __slots__ = ("_call", "_open", "_records", "_state", "_stream")

    def __init__(
        self, opened: Step, call: tuple[Operation, Any, CallContext], state: LinkState, records: Records
    ) -> None:
        self._open, self._state, self._records = opened, state, records
        self._call: tuple[Operation, Any, CallContext] | None = call
        self._stream: OpenStream | None = None

    def __aiter__(self) -> Chunks:
        """Return itself."""
        return self

    def __anext__(self) -> Awaitable[Any]:
        """Return the next chunk."""
        stream = self._stream
        return self._first() if stream is None else stream.next()

    async def _first(self) -> Any:
        call, self._call = self._call, None
        if call is None:
            raise StopAsyncIteration
        self._state.calls += 1
        stream: OpenStream = self._records.leave(await self._open(*call))
        self._stream = stream
        chunk, stream.first = stream.first, END
        if chunk is END:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """End the stream before its end, and close the transport's iterator."""
        self._call = None
        if self._stream is not None:
            await self._stream.close()

    def __del__(self) -> None:
        """Give back what a reader left open: nobody will close it any more."""
        if self._stream is not None:
            self._stream.dropped()
