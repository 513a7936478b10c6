"""The bulkhead of one link: permits, a bounded queue, and who goes first. Pure, with time by argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from math import ceil
from typing import Final

from autobot.kernel.resilience.bulkhead.criticality import SHARES, Criticality
from autobot.kernel.resilience.bulkhead.gradient import Gradient
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions

UNLIMITED: Final = 1 << 60


class Wait(Enum):
    """How a waiter stands."""

    WAITING = "waiting"
    GRANTED = "granted"
    DROPPED = "dropped"


class Waiter:
    """One attempt in the queue. `wake` is called once, when `state` has left WAITING; it must only schedule."""

    __slots__ = ("criticality", "deadline", "state", "wake")

    def __init__(self, criticality: Criticality, deadline: float | None, wake: Callable[[], None]) -> None:
        self.criticality = criticality
        self.deadline = deadline
        self.wake = wake
        self.state = Wait.WAITING


class Bulkhead:
    """Counts what runs on a link and lets the rest wait or go away.

    Contract: used from one event loop; no method waits. Whoever is admitted (`try_enter` returned true,
    or its waiter was granted) calls `leave` exactly once. A waiter that gives up calls `give_up`
    exactly once, whatever its state: a permit granted in the same moment goes to the next.

    The fused path of the pipeline may add 1 to `running` itself while `running < free_below`, and
    take it off again, when it then calls `left` if `attentive` is true.
    """

    __slots__ = (
        "_full",
        "_gradient",
        "_options",
        "_queue_max",
        "_queues",
        "attentive",
        "expected",
        "free_below",
        "limit",
        "running",
        "waiting",
    )

    def __init__(self, options: BulkheadOptions | None, now: float) -> None:
        self.running = 0
        self.waiting = 0
        self.expected = 0.0
        self._queues: tuple[deque[Waiter], ...] = tuple(deque() for _ in Criticality)
        self._options: BulkheadOptions | None = None
        self._gradient: Gradient | None = None
        self._apply(options, now)

    def _apply(self, options: BulkheadOptions | None, now: float) -> None:
        self._options = options
        self._gradient = None
        if options is not None and options.adaptive:
            self._gradient = Gradient(
                options.limit, options.limit_min, options.limit_max, options.tolerance, now
            )
        self._limit_to(UNLIMITED if options is None else options.limit)

    def _limit_to(self, limit: int) -> None:
        self.limit = limit
        self._full = tuple(max(1, ceil(limit * share)) if limit < UNLIMITED else limit for share in SHARES)
        self.free_below = self._full[0]
        options = self._options
        if options is None:
            self._queue_max = 0
        else:
            self._queue_max = limit // 10 if options.queue is None else options.queue
        self._attend()

    def _attend(self) -> None:
        self.attentive = self.waiting > 0 or self._gradient is not None

    def reconfigure(self, options: BulkheadOptions | None, now: float) -> None:
        """Go on under new options: what runs goes on, waiters get what room there is now."""
        if options == self._options:
            return
        self._apply(options, now)
        self._grant(now)
        while self.waiting > self._queue_max:
            self._drop(self._worst())

    # ------------------------------------------------------------------------------------ admission

    def try_enter(self, criticality: Criticality) -> bool:
        """Take a permit if there is one for this criticality and nobody waits who should go first."""
        if self.running >= self._full[criticality] or self.waiting:
            return False
        self.running += 1
        return True

    def wait(
        self,
        criticality: Criticality,
        now: float,
        deadline: float | None,
        wake: Callable[[], None],
    ) -> Waiter | None:
        """Join the queue, or return None: sheddable, no room, or no hope before `deadline`.

        In a full queue a less critical waiter makes room.
        """
        if SHARES[criticality] < 1.0 or self._queue_max == 0:
            return None
        if deadline is not None and now + self.delay() > deadline:
            return None
        if self.waiting >= self._queue_max:
            worst = self._worst()
            if worst.criticality >= criticality:
                return None
            self._drop(worst)
        waiter = Waiter(criticality, deadline, wake)
        self._queues[criticality].append(waiter)
        self.waiting += 1
        self._attend()
        return waiter

    def delay(self) -> float:
        """Return the seconds after which somebody who came now could be done, by the expected service time."""
        return self.expected * (1.0 + (self.waiting + 1) / self.limit)

    def give_up(self, waiter: Waiter, now: float) -> None:
        """Take a waiter back that was cancelled or ran out of time."""
        if waiter.state is Wait.GRANTED:
            self.leave(now)
        elif waiter.state is Wait.WAITING:
            waiter.state = Wait.DROPPED
            self._queues[waiter.criticality].remove(waiter)
            self.waiting -= 1
            self._attend()

    # -------------------------------------------------------------------------------------- leaving

    def leave(self, now: float) -> None:
        """Give a permit back."""
        self.running -= 1
        if self.waiting:
            self._grant(now)

    def left(self, now: float, duration: float, *, dropped: bool) -> None:
        """Tell of an attempt that ran and has left (`running` is already lower): the limit may move, waiters go on."""
        gradient = self._gradient
        if gradient is not None and gradient.sample(now, duration, self.running + 1, dropped=dropped):
            self._limit_to(gradient.limit)
        if self.waiting:
            self._grant(now)

    def _grant(self, now: float) -> None:
        while self.waiting and self.running < self.limit:
            # Under overload the newest has the best chance to be in time; the oldest has waited it away.
            newest = self.waiting * 2 > self._queue_max
            queue = next(queue for queue in reversed(self._queues) if queue)
            waiter = queue.pop() if newest else queue.popleft()
            self.waiting -= 1
            late = waiter.deadline is not None and now + self.expected > waiter.deadline
            waiter.state = Wait.DROPPED if late else Wait.GRANTED
            self.running += not late
            waiter.wake()
        self._attend()

    def _worst(self) -> Waiter:
        return next(queue for queue in self._queues if queue)[0]

    def _drop(self, waiter: Waiter) -> None:
        self._queues[waiter.criticality].remove(waiter)
        self.waiting -= 1
        waiter.state = Wait.DROPPED
        waiter.wake()
        self._attend()
