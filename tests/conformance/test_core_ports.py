"""Clock, ids, chance and the way to the bus: the real ones pass, planted faults do not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.kernel.commands.decision import Answer
from autobot.kernel.commands.linked import COMMAND, QUERY, BusService, LinkedBus
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.wired import Wired
from autobot.testing.conformance.core import check_chance, check_clock, check_ids
from autobot.testing.conformance.dispatcher import check_dispatcher
from tests.unit.kernel.support import Count, Total, World, context_of, user

ANN = context_of(user("ann"))


def test_the_machines_clock_ids_and_chance_hold() -> None:
    """The adapters of the product pass the suites."""
    check_clock(SystemClock())
    check_ids(Uuid7Source(SystemClock(), system_chance()))
    check_chance(system_chance())


class NaiveClock(SystemClock):
    """Forgets the offset."""

    def now(self) -> datetime:
        """Return a naive time."""
        return super().now().replace(tzinfo=None)


class BackwardClock(SystemClock):
    """Goes back now and then."""

    def __init__(self) -> None:
        self._ticks = itertools.cycle((1.0, 2.0, 1.5))

    def monotonic(self) -> float:  # type: ignore[override]
        """Return a jumping time."""
        return next(self._ticks)


class WholeClock(SystemClock):
    """Counts in whole seconds."""

    def monotonic(self) -> float:  # type: ignore[override]
        """Return an integer."""
        return 1


@pytest.mark.parametrize("faulty", [NaiveClock, BackwardClock, WholeClock])
def test_the_clock_suite_finds_planted_faults(faulty: Callable[[], SystemClock]) -> None:
    """A naive, a backward and a whole clock are refused."""
    with pytest.raises(AssertionError):
        check_clock(faulty())


class Texts:
    """Ids from a list."""

    def __init__(self, make: Callable[[int], str]) -> None:
        self._make, self._count = make, itertools.count()

    def new(self) -> str:
        """Return the next."""
        return self._make(next(self._count))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: f"{n // 2:032x}",
        lambda n: f"00000000-0000-7000-8000-{n // 2:012x}",
        lambda n: f"00000000-0000-7000-8000-{2**40 - n:012x}",
    ],
    ids=["no uuid", "doubled", "reversed"],
)
def test_the_id_suite_finds_planted_faults(make: Callable[[int], str]) -> None:
    """Doubled, reversed and malformed ids are refused."""
    with pytest.raises(AssertionError):
        check_ids(Texts(make))


class Loaded(random.Random):
    """Chance with a fault."""

    def __init__(self, fault: str) -> None:
        super().__init__(1)
        self._fault = fault

    def random(self) -> float:
        """Return a draw."""
        return {"high": 0.9, "out": 1.0}.get(self._fault, super().random())

    def getrandbits(self, k: int, /) -> int:
        """Return bits."""
        return 7 if self._fault == "same" else super().getrandbits(k)


@pytest.mark.parametrize("fault", ["high", "out", "same"])
def test_the_chance_suite_finds_planted_faults(fault: str) -> None:
    """Draws that are lopsided, out of range or repeated are refused."""
    with pytest.raises(AssertionError):
        check_chance(Loaded(fault))


def linked(world: World) -> LinkedBus:
    """Return the bus behind a row."""
    fields = {"pattern": "direct", "transport": "direct", "error_handling": "propagate"}
    registry = LinkRegistry(Matrix({"routers-services": fields}), SystemClock(), system_chance())
    service = BusService(world.bus)
    handlers = {COMMAND.name: service.command, QUERY.name: service.query}
    registry.wire("routers-services", Wired(transport=DirectTransport(handlers), targets=("local",)))
    return LinkedBus(registry.link("routers-services"))


async def hold(dispatcher: Dispatcher, world: World) -> None:
    """Run the suite."""
    world.counters.owners["theirs"] = "bob"
    await check_dispatcher(
        dispatcher,
        ANN,
        command=lambda n: Count(counter="mine", by=n),
        query=Total(counter="mine"),
        read=lambda answer: answer.value,
        foreign=Count(counter="theirs", by=1),
    )


@pytest.mark.anyio
@pytest.mark.parametrize("way", [lambda world: world.bus, linked], ids=["bus", "linked"])
async def test_every_way_to_the_bus_holds(way: Callable[[World], Dispatcher]) -> None:
    """The bus and the bus behind its row answer alike."""
    world = World()
    await hold(way(world), world)


class Faulty:
    """A dispatcher with a fault."""

    def __init__(self, world: World, fault: str) -> None:
        self._bus, self._fault = world.bus, fault

    async def dispatch(self, command: Any, context: CallContext, *, key: str | None = None) -> Answer[Any]:
        """Dispatch, faultily."""
        if self._fault == "forgets the key":
            return await self._bus.dispatch(command, context)
        answer = await self._bus.dispatch(command, context, key=key)
        if self._fault == "doubles":
            await self._bus.dispatch(command, context)
        if self._fault == "hides the replay":
            return replace(answer, replayed=False)
        return answer

    async def ask(self, query: Any, context: CallContext) -> Any:
        """Ask."""
        return await self._bus.ask(query, context)


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["forgets the key", "doubles", "hides the replay"])
async def test_the_dispatcher_suite_finds_planted_faults(fault: str) -> None:
    """A way that loses the key, doubles effects or hides replays is refused."""
    world = World()
    with pytest.raises(AssertionError):
        await hold(Faulty(world, fault), world)
