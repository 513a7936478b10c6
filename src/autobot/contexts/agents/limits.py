"""How many answers of a model are made at a time: an operator's limits, each with a bounded queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import BulkheadFull, DeadlineExceeded, InvalidInput
from autobot.kernel.resilience.bulkhead.criticality import Criticality, criticality_of
from autobot.kernel.resilience.bulkhead.entry import IN, wait_for_place
from autobot.kernel.resilience.bulkhead.machine import Bulkhead
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions

FREE: Final = nullcontext()
"""The place at a model without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is going on at a model that has a limit."""

    running: int
    waiting: int
    limit: int


def limits_of(rules: Sequence[str]) -> dict[str, BulkheadOptions]:
    """Read an operator's `NAME=LIMIT` and `NAME=LIMIT+QUEUE` items. Raises InvalidInput for one that is none.

    Without a queue of its own a model lets as many wait as it answers at a time.
    """
    found: dict[str, BulkheadOptions] = {}
    for rule in rules:
        name, _, numbers = rule.rpartition("=")
        limit, plus, queue = numbers.strip().partition("+")
        right = limit.isdigit() and int(limit) >= 1 and (queue.isdigit() if plus else True)
        if not name.strip() or not right:
            raise InvalidInput(
                f"{rule!r} is no limit.", hint="Write NAME=LIMIT+QUEUE, such as ollama:llama3=4+16"
            )
        waiting = int(queue) if plus else int(limit)
        found[name.strip()] = BulkheadOptions(limit=int(limit), queue=waiting)
    return found


class ModelLimits:
    """Places at models, by full or bare name. Used from one event loop; `rules` are asked at each call."""

    def __init__(self, rules: Callable[[], Mapping[str, BulkheadOptions]], clock: Clock) -> None:
        self._rules, self._clock = rules, clock
        self._places: dict[str, Bulkhead] = {}

    def place(self, name: str, model: str, context: CallContext) -> AbstractAsyncContextManager[None]:
        """Hold a place at a model for the block, after waiting in its queue for one; at once where it has no limit.

        Entering raises BulkheadFull when the queue is full, DeadlineExceeded when the caller's time is over first.
        """
        rules = self._rules()
        options = rules.get(name) or rules.get(model) if rules else None
        if options is not None:
            return self._held(name, options, context)
        if self._places:
            self._forget(name)
        return FREE

    @asynccontextmanager
    async def _held(self, name: str, options: BulkheadOptions, context: CallContext) -> AsyncIterator[None]:
        places = await self._enter(name, options, context)
        try:
            yield
        finally:
            places.leave(self._clock.monotonic())

    async def _enter(self, name: str, options: BulkheadOptions, context: CallContext) -> Bulkhead:
        now = self._clock.monotonic()
        places = self._places.get(name)
        if places is None:
            places = self._places[name] = Bulkhead(options, now)
        places.reconfigure(options, now)
        level = _level(context.principal)
        if places.try_enter(level):
            return places
        how = await wait_for_place(places, level, now, context.deadline, self._clock.monotonic)
        if how == IN:
            return places
        if how == "late":
            raise DeadlineExceeded(f"The caller's time was over before {name} had a place.")
        raise BulkheadFull(
            f"{name} makes {places.running} answers at a time, and {places.waiting} more wait.",
            link="",
            retry_after=max(1.0, places.delay()),
            hint="The setting model.concurrency says how many may.",
        )

    def _forget(self, name: str) -> None:
        """Drop the places of a model that has no limit any more, once nobody holds one."""
        places = self._places.get(name)
        if places is not None and not places.running and not places.waiting:
            del self._places[name]

    def loads(self) -> Mapping[str, Load]:
        """Return what is going on at each model that has a limit and was asked."""
        return {
            name: Load(running=one.running, waiting=one.waiting, limit=one.limit)
            for name, one in self._places.items()
        }


def _level(principal: Principal) -> Criticality:
    """Return who goes first. Everybody may wait for a model: programs with a key do so all day."""
    return max(criticality_of(principal), Criticality.CRITICAL)
