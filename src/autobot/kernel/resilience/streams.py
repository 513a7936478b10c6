"""A stream that has begun: its first chunk is there, its permits are held, and it ends exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from autobot.kernel.resilience.attempt_timeout.strategy import Guard
from autobot.kernel.resilience.deadline.strategy import Bound, Deadline
from autobot.kernel.resilience.outcome import Failure
from autobot.kernel.resilience.records import Attempt, Records

END: Final = object()
"""What `next` returns after the last chunk."""


class OpenStream:
    """Chunks of one attempt, each gap bounded, the whole bounded by the call's end.

    Contract: after `begin` either the stream ends by itself (`next` returned END or a Failure) or
    `close` ends it; `close` may be called always and closes the transport's iterator too.
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
        self._ended = False
        self.first: Any = END

    async def begin(self) -> None:
        """Wait for the first chunk. Raises what came instead, with the iterator closed and the attempt not yet ended."""
        attempt = self._attempt
        try:
            self.first = await self._guard.drive(
                self._chunks.__anext__(), attempt.started, self._limit, attempt.target.address, "first_byte"
            )
        except StopAsyncIteration:
            self._ended = True
            self._records.succeeded(attempt)
        except BaseException:
            await self._close_chunks()
            raise
        else:
            self._records.answered(attempt)

    async def next(self) -> Any:
        """Return the next chunk, END, or a Failure."""
        if self._ended:
            return END
        now = self._monotonic()
        until = self._limit.until
        try:
            # Chunks that are there without waiting arm no timer; the whole is still bounded.
            if until is not None and now >= until:
                raise self._deadline.exceeded(self._limit)
            return await self._guard.drive(
                self._chunks.__anext__(), now, self._limit, self._attempt.target.address, "gap"
            )
        except StopAsyncIteration:
            self._ended = True
            self._records.succeeded(self._attempt)
            return END
        except Exception as error:  # noqa: BLE001 - an outcome is a value in here; the edge raises it
            # No name here keeps the error: this frame is in its traceback.
            breaking = self._broke(error)
        return await breaking

    async def _broke(self, error: Exception) -> Failure:
        self._ended = True
        self._records.failed(self._attempt, error)
        await self._close_chunks()
        return Failure(error)

    async def close(self) -> None:
        """End a stream whose reader has gone; nothing happens after its own end."""
        if self._ended:
            return
        self._ended = True
        try:
            await self._close_chunks()
        finally:
            self._records.abandoned(self._attempt, GeneratorExit())

    async def _close_chunks(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()
