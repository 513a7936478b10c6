"""Driving one attempt so that a timer exists only when it is needed.

The attempt's coroutine is stepped once by hand. Most direct calls end in that step and never cost a
timer. Only when it waits for something is a timeout armed, and the coroutine driven on as `await`
would have (PEP 380).
"""

from __future__ import annotations

import asyncio
from typing import Any

from autobot.kernel.core.errors import AttemptTimeout, DeadlineExceeded
from autobot.kernel.core.stepping import resume
from autobot.kernel.resilience.attempt_timeout.options import AttemptTimeoutOptions
from autobot.kernel.resilience.deadline.strategy import Bound, Deadline

_SAYS = {
    "attempt": "did not answer",
    "first_byte": "sent nothing",
    "gap": "fell silent in the middle of its answer",
}


class Guard:
    """Bounds attempts of one link by the attempt timeout and by the end of the whole call."""

    __slots__ = ("_deadline", "_link", "_seconds")

    def __init__(self, link: str, options: AttemptTimeoutOptions | None, deadline: Deadline) -> None:
        self._link = link
        self._seconds = None if options is None else options.seconds
        self._deadline = deadline

    def ends(self, started: float, limit: Bound) -> float | None:
        """Return when an attempt that begins at `started` is over, in monotonic seconds; None: never."""
        if self._seconds is None:
            return limit.until
        own = started + self._seconds
        return own if limit.until is None else min(own, limit.until)

    async def finish(self, step: Any, waiting_for: Any, started: float, limit: Bound, target: str) -> Any:
        """Drive `step` on from its first suspension to its end.

        Raises AttemptTimeout when the attempt took too long, DeadlineExceeded when the
        whole call did; at the same moment the attempt is to blame.
        """
        ends = self.ends(started, limit)
        if ends is None:
            return await resume(step, waiting_for)
        scope = asyncio.timeout_at(ends)
        try:
            async with scope:
                return await resume(step, waiting_for)
        except TimeoutError:
            if not scope.expired():
                raise
        raise self.expired(started, limit, target, "attempt")

    def expired(
        self, started: float, limit: Bound, target: str, phase: str
    ) -> AttemptTimeout | DeadlineExceeded:
        """Return the error of an attempt (or a gap of its stream) that began at `started` and whose time is over."""
        if self._seconds is None or (limit.until is not None and limit.until < started + self._seconds):
            return self._deadline.exceeded(limit)
        return AttemptTimeout(
            f"{target} {_SAYS[phase]} within {self._seconds:g} s.",
            phase=phase,
            link=self._link,
            target=target,
        )

    async def finish_only(
        self, step: Any, waiting_for: Any, started: float, deadline: float | None, target: str
    ) -> Any:
        """Do as `finish` for an attempt that began together with its call, under the caller's `deadline`."""
        limit = self._deadline.bound(started, deadline)
        return await self.finish(step, waiting_for, started, limit, target)

    async def drive(self, awaitable: Any, started: float, limit: Bound, target: str) -> Any:
        """Run `awaitable` from its start to its end, as `finish` does."""
        step = awaitable.__await__()
        try:
            waiting_for = step.send(None)
        except StopIteration as done:
            return done.value
        return await self.finish(step, waiting_for, started, limit, target)
