"""One timer for all the waits of a stream.

A timeout of its own for each chunk costs more than the chunk. The timer stands where the first wait would end;
when it rings early for the wait that is going on, it is set again, and when nobody waits, it is let be.
"""

from __future__ import annotations

import asyncio
from typing import Any

from autobot.kernel.core.stepping import resume


class Watch:
    """Bounds waits that follow one another. Used from one event loop; `close` it when no wait will come."""

    __slots__ = ("_ends", "_handle", "_rings", "_rung", "_task", "expired")

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None
        self._rings = self._ends = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._rung = False
        self.expired = False
        """Whether the last wait was over before what it waited for."""

    async def wait(self, step: Any, waiting_for: Any, ends: float) -> Any:
        """Drive `step`, which has just yielded `waiting_for`, to its end, until `ends` (seconds of the loop's clock).

        Raises TimeoutError from the cancellation when the time is over; `step` is cancelled then.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a wait is bounded by cancelling its task, and there is none")
        before = task.cancelling()
        self._task, self._ends, self.expired = task, ends, False
        if self._handle is None or ends < self._rings:
            self._set(ends)
        try:
            return await resume(step, waiting_for)
        except asyncio.CancelledError as cancelled:
            if self._taken_back(task) and not task.cancelling() > before:
                raise TimeoutError from cancelled
            raise
        finally:
            self._task = None
            self._taken_back(task)

    def close(self) -> None:
        """Put the timer away."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _taken_back(self, task: asyncio.Task[Any]) -> bool:
        """Take the timer's own cancellation back, also where the wait ended in another way at that very moment."""
        if not self._rung:
            return False
        self._rung, self.expired = False, True
        task.uncancel()
        return True

    def _set(self, at: float) -> None:
        self.close()
        self._rings = at
        self._handle = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._handle = None
        if self._task is None:
            return
        if self._ends > self._rings:
            self._set(self._ends)
            return
        self._rung = True
        self._task.cancel()
