"""A row of the matrix over a hop: the bus behind it, what its breaker counts, where its calls go."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.kernel.commands.linked import COMMAND, KEYED_COMMAND, QUERY, BusService, LinkedBus
from autobot.kernel.commands.wire import bus_wires
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AttemptTimeout,
    CircuitOpen,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    InvalidInput,
    NotFound,
    Overloaded,
    RemoteError,
    Unauthenticated,
)
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.wire import Wire
from autobot.kernel.links.wired import Wired
from autobot.kernel.resilience.operation import Effect
from autobot.testing.conformance.dispatcher import check_dispatcher
from tests.integration.role_hop.kit import (
    CONTEXT,
    PATIENCE_S,
    ROW,
    MovableClock,
    Role,
    operation,
    role,
    text_wires,
    transport,
)
from tests.unit.kernel.support import Count, Sum, Total, World, context_of, user

pytestmark = pytest.mark.anyio

POLICY = {
    "pattern": "request-response",
    "transport": "http",
    "timeout": 5.0,
    "breaker": {"failures": 3, "window": 60.0},
    "error_handling": "propagate",
    "idempotency": "required",
}


@asynccontextmanager
async def row(
    wires: dict[str, Wire], *targets: str, tokens: Any = None, **fields: Any
) -> AsyncIterator[LinkRegistry]:
    """The row gateway-backend to these targets."""
    clock = MovableClock()
    given = {} if tokens is None else {"tokens": tokens}
    async with transport(wires, clock, **given) as made:
        registry = LinkRegistry(Matrix({ROW: {**POLICY, **fields}}), clock, random.Random(1))
        registry.wire(ROW, Wired(transport=made, targets=targets, speaks="http"))
        try:
            yield registry
        finally:
            await registry.close()


def state(registry: LinkRegistry) -> list[str]:
    """The breakers of the row's targets."""
    return [one["breaker_state"] for one in registry.describe()[0]["targets"]]


# --------------------------------------------------------------------------------------------------- the bus


@asynccontextmanager
async def bus(world: World) -> AsyncIterator[tuple[LinkedBus, Role]]:
    """The bus of a role, as another role holds it."""
    service = BusService(world.bus)
    wires = bus_wires(world.commands, world.queries)
    calls = {COMMAND.name: service.command, QUERY.name: service.query}
    async with role(calls, wires=wires) as served, row(wires, served.address) as registry:
        yield LinkedBus(registry.link(ROW)), served


async def test_the_bus_holds_over_a_hop() -> None:
    """The bus behind a hop passes the suite of every way to the bus: keys, replays, refusals, positions."""
    world = World()
    world.counters.owners["theirs"] = "bob"
    async with bus(world) as (dispatcher, _):
        await check_dispatcher(
            dispatcher,
            context_of(user("ann")),
            command=lambda n: Count(counter="mine", by=n),
            query=Total(counter="mine"),
            read=lambda answer: answer.value,
            foreign=Count(counter="theirs", by=1),
        )


async def test_rules_of_a_contract_are_the_bus_s_over_a_hop() -> None:
    """A limit of a contract is refused with its pointer, and the refusal is audited where it was decided."""
    world = World()
    async with bus(world) as (dispatcher, _):
        with pytest.raises(InvalidInput) as refused:
            await dispatcher.dispatch(Count(counter="mine", by=0), context_of(user("ann")))
    assert [one.pointer for one in refused.value.errors] == ["#/by"]
    assert world.counters.runs == 0


async def test_a_long_query_is_waited_for_as_long_as_its_row_says() -> None:
    """The one whose row gives less ends as a timeout of the attempt while the other waits on, and is answered."""
    entered: list[str] = []
    go_on = asyncio.Event()

    async def slow(payload: str, context: CallContext) -> str:
        entered.append(payload)
        await go_on.wait()
        return payload

    wires = text_wires("slow")
    async with (
        role({"slow": slow}, wires=wires) as served,
        row(wires, served.address, timeout=PATIENCE_S) as patient,
        row(wires, served.address, timeout=0.2) as usual,
        asyncio.timeout(PATIENCE_S),
        asyncio.TaskGroup() as group,
    ):
        waits = group.create_task(patient.link(ROW).call(operation("slow"), "long", CONTEXT))
        with pytest.raises(AttemptTimeout):
            await usual.link(ROW).call(operation("slow"), "short", CONTEXT)
        assert not waits.done()
        go_on.set()
        assert await waits == "long"
    assert "long" in entered


async def test_a_client_that_leaves_ends_a_query_and_tears_no_commit() -> None:
    """A caller that gives up ends what runs; a commit that was begun is whole or was never there."""
    world = World()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        reached.set()
        await go_on.wait()

    world.counters.pause = pause
    async with bus(world) as (dispatcher, served):
        context, command = context_of(user("ann")), Count(counter="mine", by=2)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            work = group.create_task(dispatcher.dispatch(command, context, key="k-1"))
            await reached.wait()
            work.cancel()
            await served.heard.failing.wait()
        go_on.set()
        world.counters.pause = None
        assert await dispatcher.ask(Total(counter="mine"), context) == Sum(value=0)
        # The key is free again: the same command runs once.
        answer = await dispatcher.dispatch(command, context, key="k-1")
        assert (answer.value, answer.replayed) == (Sum(value=2), False)


# --------------------------------------------------------------------------------------- what a breaker counts


def raising(error: Exception) -> dict[str, Any]:
    """A call that raises."""

    async def raises(payload: str, context: CallContext) -> str:
        raise error

    return {"raises": raises}


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gone"),
        Conflict("not now"),
        InvalidInput("wrong"),
        Unauthenticated("wrong password"),
        Overloaded("too many sign in", link=""),
        ConnectFailed("down", link="ai-ollama", target="http://127.0.0.1:11434"),
        RemoteError("500", status=500, link="ai-openai"),
        ConnectionLost("cut", link="ai-ollama"),
        CircuitOpen("open", link="ai-ollama", target="t", since=0.0, retry_after=1.0),
        KeyError("a fault of one handler"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_a_handler_answers_does_not_open_the_hop(error: Exception) -> None:
    """Refusals, failures of hops further down and faults of one handler are answers: one call each, breaker closed."""
    async with role(raising(error)) as served:
        async with row(text_wires("raises"), served.address, retry={"max": 2, "delay": 0.001}) as registry:
            for _ in range(6):
                with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the matter of another test
                    await registry.link(ROW).call(operation("raises"), "", CONTEXT)
            assert state(registry) == ["closed"]
    assert len(served.arrivals) == 6


async def test_a_role_that_is_gone_opens_the_hop() -> None:
    """Nobody at the address: after as many failures as the row says nothing is sent any more."""
    async with role() as served:
        address = served.address
    async with row(text_wires("echo"), address) as registry:
        kinds = []
        for _ in range(5):
            try:
                await registry.link(ROW).call(operation("echo"), "", CONTEXT)
            except (ConnectFailed, CircuitOpen) as error:
                kinds.append(type(error))
    assert kinds == [ConnectFailed] * 3 + [CircuitOpen] * 2


async def test_a_role_with_another_key_is_told_apart_from_a_person_without_a_credential() -> None:
    """A token that does not hold is a fault of the installation: never a 401 of the person who asked."""
    from autobot.adapters.vault.service_tokens import KeyedServiceTokens

    stranger = KeyedServiceTokens(bytes(32), MovableClock())
    async with role({"echo": echo}) as served:
        async with row(text_wires("echo"), served.address, tokens=stranger) as registry:
            with pytest.raises(RemoteError) as refused:
                await registry.link(ROW).call(operation("echo"), "", CONTEXT)
    assert (refused.value.status, served.arrivals) == (401, [])
    assert "key file" in (refused.value.hint or "")


# --------------------------------------------------------------------------------------------- where calls go


async def echo(payload: str, context: CallContext) -> str:
    """Answer the payload."""
    return payload


@pytest.mark.parametrize("effect", list(Effect))
async def test_a_draining_role_hands_its_calls_to_another(effect: Effect) -> None:
    """With one target draining every call is answered by the other, whatever repeating it would do."""
    async with AsyncExitStack() as stack:
        draining = await stack.enter_async_context(role({"echo": echo}, lifecycle=Lifecycle("draining")))
        ready = await stack.enter_async_context(role({"echo": echo}))
        registry = await stack.enter_async_context(row(text_wires("echo"), draining.address, ready.address))
        texts = [f"text {number}" for number in range(20)]
        link = registry.link(ROW)
        assert [await link.call(operation("echo", effect), text, CONTEXT) for text in texts] == texts
        assert (len(draining.arrivals), len(ready.arrivals)) == (0, 20)
        assert state(registry) == ["closed", "closed"]


async def test_a_dead_role_is_passed_over() -> None:
    """With one target gone, a command without a key is answered by the other: the dead one was never reached."""
    async with role({"echo": echo}) as gone:
        address = gone.address
    async with role({"echo": echo}) as ready, row(text_wires("echo"), address, ready.address) as registry:
        link = registry.link(ROW)
        for _ in range(10):
            assert await link.call(operation("echo", Effect.UNSAFE), "x", CONTEXT) == "x"


async def test_all_draining_says_when_to_come_back() -> None:
    """Where every target drains the caller gets the overload with its Retry-After, as the edge tells it."""
    async with role({"echo": echo}, lifecycle=Lifecycle("draining")) as served:
        async with row(text_wires("echo"), served.address) as registry:
            with pytest.raises(Overloaded) as refused:
                await registry.link(ROW).call(operation("echo"), "x", CONTEXT)
    assert (refused.value.link, refused.value.retry_after) == (ROW, 2.0)


@pytest.mark.parametrize(("command", "begun"), [(COMMAND, 1), (KEYED_COMMAND, 2)])
async def test_only_a_command_with_a_key_is_sent_again_after_it_may_have_run(
    command: Any, begun: int
) -> None:
    """A connection that breaks in the middle of a command: with a key it is repeated, without one never."""
    times = 0

    async with AsyncExitStack() as stack:
        served: Role

        async def breaks(payload: str, context: CallContext) -> str:
            nonlocal times
            times += 1
            if times == 1:
                served.kill()
            return payload

        served = await stack.enter_async_context(role({command.name: breaks}))
        registry = await stack.enter_async_context(
            row(text_wires(command.name), served.address, retry={"max": 1, "delay": 0.001})
        )
        work = registry.link(ROW).call(command, "x", CONTEXT)
        if begun == 1:
            with pytest.raises(ConnectionLost):
                await work
        else:
            assert await work == "x"
    assert times == begun


async def test_a_role_is_probed_by_its_health() -> None:
    """A role that is ready is well; one that drains is not."""
    async with role() as served, transport({}) as made:
        assert await made.probe(served.address) is True
        served.parts.lifecycle.drain()
        assert await made.probe(served.address) is False
