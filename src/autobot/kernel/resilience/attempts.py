"""The inner half of a pipeline: deadline, retry, endpoint choice, breaker, bulkhead, attempt timeout.

`call` holds the straight way through all of them in one frame, for a call that meets an only target
whose breaker lets everything through, room in the bulkhead and time left, which is nearly every call.
Everything else goes the long way, where each strategy is asked by name; both end in the same records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Rejected
from autobot.kernel.resilience.admission import Admission
from autobot.kernel.resilience.attempt_timeout.strategy import Guard
from autobot.kernel.resilience.classify import is_below, is_declined, never_begun
from autobot.kernel.resilience.deadline.strategy import Bound, Deadline
from autobot.kernel.resilience.latency import EIGHTH, EXACT
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.kernel.resilience.outcome import Failure
from autobot.kernel.resilience.records import Attempt, Records
from autobot.kernel.resilience.registry import LinkState, Target
from autobot.kernel.resilience.retry.strategy import Retry
from autobot.kernel.resilience.served import note
from autobot.kernel.resilience.streams import OpenStream
from autobot.kernel.telemetry.listener import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the inner half is made of. `retry` is None where the row has none."""

    link: str
    targets: Sequence[Target]
    state: LinkState
    deadline: Deadline
    retry: Retry | None
    admission: Admission
    guard: Guard
    transport: Transport
    clock: Clock
    listener: Listener | None
    records: Records
    narrow_context: bool


Send = Callable[[Attempt, Operation, Any, CallContext, Bound], Awaitable[Any]]


class Attempts:
    """Sends calls to the targets of one tier. Used from one event loop."""

    def __init__(self, parts: Parts) -> None:
        self._link = parts.link
        self._state = parts.state
        self._bulkhead = parts.state.bulkhead
        self._budget = parts.state.budget
        self._deadline = parts.deadline
        self._margin = parts.deadline.margin
        self._guard = parts.guard
        self._retry = parts.retry
        self._admission = parts.admission
        self._narrow = parts.narrow_context
        self._records = parts.records
        self._listener = parts.listener
        self._monotonic = parts.clock.monotonic
        self._transport = parts.transport
        self._send = parts.transport.call
        # A context that must be copied for each attempt costs more than the straight way saves.
        self._several = len(parts.targets) > 1
        self._single = None if self._several else parts.targets[0]
        self._only = None if parts.narrow_context else self._single

    # ------------------------------------------------------------------------------ the straight way

    async def call(self, operation: Operation, payload: Any, context: CallContext, edge: bool = True) -> Any:
        """Send and return the answer. At the edge a failure is raised; inside the pipeline it is returned."""
        self._state.calls += edge
        started = self._monotonic()
        target, bulkhead, deadline = self._only, self._bulkhead, context.deadline
        if (
            target is None
            or not (breaker := target.breaker).flowing
            or target.throttle.alert
            or bulkhead.running >= bulkhead.free_below
            or (deadline is not None and deadline - started <= self._margin)
        ):
            way = self._long_way(self._send_call, operation, payload, context, started)
            return self._records.leave(await way, edge)
        permit = breaker.generation
        bulkhead.running += 1
        hop = None if self._listener is None else self._records.started(target, operation, context)
        rest = result = None
        try:
            step = self._send(target.address, operation, payload, context)
            waiting_for = step.send(None)
            result = await self._guard.finish_only(step, waiting_for, started, deadline, target.address)
        except StopIteration as done:
            result = done.value
        except Exception as error:  # noqa: BLE001 - an outcome is a value in here; the edge raises it
            attempt = self._records.take_over(target, permit, started, hop)
            rest = self._after(self._send_call, attempt, error, operation, payload, context, started)
        except BaseException as error:
            self._records.abandoned(self._records.take_over(target, permit, started, hop), error)
            raise
        if rest is not None:
            return self._records.leave(await rest, edge)
        ended = self._monotonic()
        bulkhead.running -= 1
        latency = target.latency
        if ended >= latency.ends:
            latency.roll(ended)
        latency.count = count = latency.count + 1
        if count <= EXACT or not count & EIGHTH:
            latency.measure(ended - started)
        if permit == breaker.countable:
            if ended >= (window := breaker.window).ends:
                window.roll(ended)
            window.calls += 1
            breaker.consecutive = 0
        else:
            self._records.slow_success(target, permit, ended, ended - started)
        if hop is not None or bulkhead.attentive or not self._budget.full:
            self._records.completed(hop, ended, ended - started)
        return result

    def step(self, operation: Operation, payload: Any, context: CallContext) -> Awaitable[Any]:
        """Call from inside the pipeline: a failure is returned as a Failure."""
        return self.call(operation, payload, context, False)

    async def open(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return an OpenStream that has its first chunk, or a Failure."""
        started = self._monotonic()
        target, bulkhead, deadline = self._single, self._bulkhead, context.deadline
        if (
            target is None
            or not target.breaker.flowing
            or target.throttle.alert
            or bulkhead.running >= bulkhead.free_below
            or (deadline is not None and deadline - started <= self._margin)
        ):
            return await self._long_way(self._send_stream, operation, payload, context, started)
        bulkhead.running += 1
        attempt = self._records.begin(target, target.breaker.generation, operation, context, started)
        limit = self._deadline.bound(started, deadline)
        narrowed = self._narrowed(self._send_stream, context, started, limit)
        try:
            return await self._send_stream(attempt, operation, payload, narrowed, limit)
        except Exception as error:  # noqa: BLE001 - an outcome is a value in here; the edge raises it
            rest = self._after(self._send_stream, attempt, error, operation, payload, context, started)
        except BaseException as error:
            self._records.abandoned(attempt, error)
            raise
        return await rest

    async def _after(
        self,
        send: Send,
        attempt: Attempt,
        error: Exception,
        operation: Operation,
        payload: Any,
        context: CallContext,
        started: float,
    ) -> Any:
        """Go on after a first attempt on the straight way has failed."""
        self._records.failed(attempt, error)
        limit = self._deadline.bound(started, context.deadline)
        tried = [attempt.target]
        return await self._again(send, Failure(error), tried, operation, payload, context, limit)

    # ---------------------------------------------------------------------------------- the long way

    async def _long_way(
        self, send: Send, operation: Operation, payload: Any, context: CallContext, started: float
    ) -> Any:
        """Call with every strategy asked by name. Returns an answer or a Failure."""
        limit = self._deadline.bound(started, context.deadline)
        if limit.until is not None and limit.until <= started:
            error = self._deadline.spent()
            self._records.refused("", operation, context, error)
            return Failure(error)
        tried: list[Target] = []
        result = await self._somewhere(send, tried, operation, payload, context, limit)
        if type(result) is not Failure:
            return result
        return await self._again(send, result, tried, operation, payload, context, limit)

    async def _again(
        self,
        send: Send,
        failure: Failure,
        tried: list[Target],
        operation: Operation,
        payload: Any,
        context: CallContext,
        limit: Bound,
    ) -> Any:
        """Send again as long as retry rules, budget and time allow. Returns an answer or the last failure.

        A further attempt that our own pipeline refused leaves the failure before it standing: that one
        names the cause.
        """
        number = 0
        while True:
            number += 1
            wait = self._wait(number, failure.error, tried, operation, context, limit)
            if wait is None:
                return failure
            sent = len(tried)
            with self._budget.spend():
                if wait > 0.0:
                    await asyncio.sleep(wait)
                further = replace(context, attempt=number)
                result = await self._somewhere(send, tried, operation, payload, further, limit)
            self._state.retries += len(tried) - sent
            if type(result) is not Failure:
                return result
            if self._own_refusal(result.error):
                return failure
            failure = result

    def _wait(
        self,
        number: int,
        error: Exception,
        tried: list[Target],
        operation: Operation,
        context: CallContext,
        limit: Bound,
    ) -> float | None:
        """Return the seconds before further attempt `number`, None to give up."""
        retry = self._retry
        if retry is None or context.attempt > 0 or is_below(error, self._link):
            return None
        if not retry.allows(number, error, operation, begun=not never_begun(error, self._link)):
            return None
        wait = retry.delay(number, error)
        if wait is None:
            return None
        now = self._monotonic()
        if limit.until is not None:
            usual = tried[-1].latency.tally(now).quantile(0.5) if tried else None
            if now + wait + (usual or 0.0) >= limit.until:
                return None
        if not self._budget.grants(self._bulkhead.running + self._budget.retrying + 1):
            self._records.counted("link_retry_budget_exhausted_total")
            return None
        return wait

    def _own_refusal(self, error: Exception) -> bool:
        """Say whether our own pipeline refused an attempt."""
        return isinstance(error, Rejected) and not is_declined(error, self._link)

    async def _somewhere(
        self,
        send: Send,
        tried: list[Target],
        operation: Operation,
        payload: Any,
        context: CallContext,
        limit: Bound,
    ) -> Any:
        """Make one attempt; where a target began nothing, go on at once at those that were not asked yet.

        That is choosing an endpoint, not retrying (gRPC A6, transparent retries): it takes no budget, and an unsafe
        call may do it.
        """
        result = await self._once(send, tried, operation, payload, context, limit)
        while (
            self._several
            and type(result) is Failure
            and never_begun(result.error, self._link)
            and self._admission.has_other(tried, operation)
        ):
            further = await self._once(send, tried, operation, payload, context, limit)
            if type(further) is Failure and self._own_refusal(further.error):
                break
            result = further
        return result

    async def _once(
        self,
        send: Send,
        tried: list[Target],
        operation: Operation,
        payload: Any,
        context: CallContext,
        limit: Bound,
    ) -> Any:
        """Make one attempt and write it down. Returns an answer, an OpenStream or a Failure."""
        attempt = await self._admission.admit(operation, context, limit, tried)
        if isinstance(attempt, Failure):
            return attempt
        tried.append(attempt.target)
        context = self._narrowed(send, context, attempt.started, limit)
        try:
            answer = await send(attempt, operation, payload, context, limit)
        except Exception as error:  # noqa: BLE001 - an outcome is a value in here; the edge raises it
            self._records.failed(attempt, error)
            return Failure(error)
        except BaseException as error:
            self._records.abandoned(attempt, error)
            raise
        if self._several:
            note(self._link, attempt.target.address, fallback=False)
        return answer

    def _narrowed(self, send: Send, context: CallContext, started: float, limit: Bound) -> CallContext:
        """Return the context that goes on the wire: until the end of the attempt, on a stream of the whole.

        The timeout of a streaming row bounds its silences; a callee that took it for the deadline would end every
        longer answer in the middle.
        """
        if not self._narrow:
            return context
        ends = limit.until if send == self._send_stream else self._guard.ends(started, limit)
        return context if ends is None else context.within(ends)

    async def _send_call(
        self, attempt: Attempt, operation: Operation, payload: Any, context: CallContext, limit: Bound
    ) -> Any:
        address = attempt.target.address
        awaitable = self._transport.call(address, operation, payload, context)
        answer = await self._guard.drive(awaitable, attempt.started, limit, address)
        self._records.succeeded(attempt)
        return answer

    async def _send_stream(
        self, attempt: Attempt, operation: Operation, payload: Any, context: CallContext, limit: Bound
    ) -> OpenStream:
        chunks = self._transport.stream(attempt.target.address, operation, payload, context)
        stream = OpenStream(
            chunks, attempt, limit, self._deadline, self._guard, self._records, self._monotonic
        )
        await stream.begin()
        return stream
