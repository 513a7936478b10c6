"""Every way to the command bus passes one suite, and planted faults do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.kernel.commands.decision import Answer
from autobot.kernel.commands.linked import COMMAND, QUERY, BusService, LinkedBus
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.wired import Wired
from autobot.testing.conformance.dispatcher import check_dispatcher
from tests.unit.kernel.support import Count, Total, World, context_of, user

ANN = context_of(user("ann"))


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
