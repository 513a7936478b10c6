"""What is written down of each attempt, in one place: windows, counters, last error, reports to the listener."""

from __future__ import annotations

from typing import Any

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded, HopFailed, Rejected
from autobot.kernel.resilience.classify import (
    Verdict,
    classify,
    is_below,
    is_declined,
    is_overload,
    opens_for,
    retry_after_of,
)
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure
from autobot.kernel.resilience.registry import LinkState, Seen, Target
from autobot.kernel.telemetry.listener import Change, Hop, Listener


class Attempt:
    """One attempt that was admitted: it holds a bulkhead permit and `permit` of the target's breaker."""

    __slots__ = ("hop", "permit", "settled", "started", "target")

    def __init__(self, target: Target, permit: int, started: float, hop: Hop | None) -> None:
        self.target = target
        self.permit = permit
        self.started = started
        self.hop = hop
        self.settled = False


class Records:
    """Writes down how attempts of one link went. Used from one event loop; no method waits.

    Every admitted attempt ends in exactly one of `succeeded`, `failed` and `abandoned`, which give
    its permits back; a stream says `answered` at its first chunk before that.
    """

    def __init__(self, link: str, state: LinkState, clock: Clock, listener: Listener | None) -> None:
        self._link = link
        self._state = state
        self._clock = clock
        self._listener = listener
        self._labelled: dict[str, tuple[tuple[str, str], ...]] = {}

    def begin(
        self, target: Target, permit: int, operation: Operation, context: CallContext, started: float
    ) -> Attempt:
        """Return the record of an attempt that starts now, and report it."""
        target.in_flight += 1
        return Attempt(target, permit, started, self.started(target, operation, context))

    def started(self, target: Target, operation: Operation, context: CallContext) -> Hop | None:
        """Report the start of an attempt; return what its end is reported with."""
        if self._listener is None:
            return None
        hop = Hop(self._link, target.address, operation.name, context.attempt, context)
        self._listener.started(hop)
        return hop

    def answered(self, attempt: Attempt) -> None:
        """Write down the first chunk of a stream: the time to it is the latency, and a probe has passed."""
        now = self._clock.monotonic()
        duration = now - attempt.started
        target = attempt.target
        attempt.settled = True
        target.consecutive = 0
        target.latency.add(now, duration)
        if not target.breaker.flowing:
            target.breaker.succeeded(attempt.permit, now, duration)
        if target.throttle.alert:
            target.throttle.answered()
        self.moved(target)
        if self._listener is not None:
            self._listener.counted("link_first_chunk_seconds", duration, self._labels(target.address))

    def _labels(self, address: str) -> tuple[tuple[str, str], ...]:
        """Return the labels of a target's counters, made once: a pipeline has few targets."""
        labels = self._labelled.get(address)
        if labels is None:
            labels = self._labelled[address] = (("link", self._link), ("target", address))
        return labels

    def succeeded(self, attempt: Attempt) -> None:
        """Write down an answer, or the good end of a stream."""
        now = self._clock.monotonic()
        duration = now - attempt.started
        target = attempt.target
        self._leave(attempt, now, duration, dropped=False)
        if not attempt.settled:
            target.latency.add(now, duration)
        target.consecutive = 0
        target.breaker.succeeded(attempt.permit, now, duration)
        if target.throttle.alert:
            target.throttle.answered()
        if not self._state.budget.full:
            self._state.budget.succeeded()
        self.moved(target)
        if attempt.hop is not None and self._listener is not None:
            self._listener.completed(attempt.hop, duration)

    def failed(self, attempt: Attempt, error: Exception) -> None:
        """Write down a failed attempt, or a stream that broke."""
        now = self._clock.monotonic()
        duration = now - attempt.started
        target = attempt.target
        if isinstance(error, HopFailed) and not error.link:
            error.link, error.target = self._link, target.address
        # The failure of a link below is an answer of this one: a dead model must not close the way to the others.
        below = is_below(error, self._link)
        declined = is_declined(error, self._link)
        self._leave(attempt, now, duration, dropped=declined or (not below and is_overload(error)))
        verdict = Verdict.SUCCESS if below else Verdict.THROTTLED if declined else classify(error)
        if verdict is Verdict.IGNORED:
            target.ignored += not attempt.settled
            target.breaker.ignored(attempt.permit)
        else:
            if not attempt.settled:
                target.latency.add(now, duration)
            self._judge(target, attempt.permit, verdict, error, now, duration)
            if below or verdict is not Verdict.SUCCESS:
                self._blame(target, error, now)
        self.moved(target)
        if attempt.hop is not None and self._listener is not None:
            self._listener.failed(attempt.hop, duration, error)

    def _judge(
        self, target: Target, permit: int, verdict: Verdict, error: Exception, now: float, duration: float
    ) -> None:
        if verdict is Verdict.FAILURE:
            target.consecutive += 1
            target.breaker.failed(permit, now, duration, opens_for(error))
        else:
            target.consecutive = 0
            target.breaker.succeeded(permit, now, duration)
        if verdict is Verdict.THROTTLED:
            target.throttle.throttled(now, retry_after_of(error))
        elif target.throttle.alert:
            target.throttle.answered()

    def _blame(self, target: Target, error: Exception, now: float) -> None:
        """Count a failure for those who look at the link; its breaker has judged by its own rules."""
        self._state.budget.failed()
        target.latency.fail(now)
        code = error.code if isinstance(error, AutoBotError) else "internal"
        target.last_error = Seen(now, code, str(error))

    def abandoned(self, attempt: Attempt, error: BaseException) -> None:
        """Write down an attempt that was cancelled, or a stream that its reader closed: it says nothing."""
        now = self._clock.monotonic()
        target = attempt.target
        self._leave(attempt, now, now - attempt.started, dropped=False)
        target.ignored += not attempt.settled
        target.breaker.ignored(attempt.permit)
        if attempt.hop is not None and self._listener is not None:
            self._listener.failed(attempt.hop, now - attempt.started, error)

    def take_over(self, target: Target, permit: int, started: float, hop: Hop | None) -> Attempt:
        """Return the record of an attempt that the fused path has begun and cannot end by itself."""
        target.in_flight += 1
        return Attempt(target, permit, started, hop)

    def slow_success(self, target: Target, permit: int, now: float, duration: float) -> None:
        """Tell the breaker of an answer that the fused path may not count by itself."""
        target.breaker.succeeded(permit, now, duration)
        self.moved(target)

    def completed(self, hop: Hop | None, now: float, duration: float) -> None:
        """Tell of an answer those who want to hear of it; the fused path asks first whether anybody does."""
        state = self._state
        if not state.budget.full:
            state.budget.succeeded()
        if state.bulkhead.attentive:
            state.bulkhead.left(now, duration, dropped=False)
        if hop is not None and self._listener is not None:
            self._listener.completed(hop, duration)

    def leave(self, result: Any, edge: bool = True) -> Any:
        """Leave the pipeline: return an answer, raise a failure; count it where the link is to blame.

        Not at the edge the failure stays a value. Callers keep no name for a result that they pass in:
        their frames are in the error's traceback, and the error would be garbage for the collector only.
        """
        if type(result) is not Failure or not edge:
            return result
        error = result.error
        self.blamed(error)
        try:
            raise error
        finally:
            del result, error

    def blamed(self, error: Exception) -> None:
        """Count a failure that leaves the pipeline where the link is to blame."""
        if isinstance(error, HopFailed | Rejected | DeadlineExceeded):
            self._state.failures += 1

    def _leave(self, attempt: Attempt, now: float, duration: float, *, dropped: bool) -> None:
        attempt.target.in_flight -= 1
        bulkhead = self._state.bulkhead
        bulkhead.running -= 1
        if bulkhead.attentive:
            bulkhead.left(now, duration, dropped=dropped)

    def refused(self, address: str, operation: Operation, context: CallContext, error: Exception) -> None:
        """Write down a call that was turned away before it was sent."""
        self._state.refused += 1
        if self._listener is not None:
            self._listener.failed(
                Hop(self._link, address, operation.name, context.attempt, context), 0.0, error
            )

    def moved(self, target: Target) -> None:
        """Report the transitions of a target's breaker."""
        for moved in target.breaker.drain():
            if self._listener is not None:
                self._listener.changed(
                    Change(
                        kind="breaker",
                        subject=f"breaker:{self._link}:{target.address}",
                        before=moved.before.value,
                        after=moved.after.value,
                        reason=moved.reason,
                        by=moved.by,
                    )
                )

    def counted(self, name: str, **labels: str) -> None:
        """Report that a counter of this link grew by one."""
        if self._listener is not None:
            self._listener.counted(name, 1.0, (("link", self._link), *labels.items()))
