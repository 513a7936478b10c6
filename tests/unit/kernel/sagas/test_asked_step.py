"""A saga whose first step was done by who asked for it, and which is turned back before it began."""

import asyncio
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.contexts.identity.process import user_removal
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step
from autobot.testing.virtual_time import VirtualClock, run, seeded


async def nothing(_: Run) -> None:
    """Do nothing."""


def undone_after_an_early_stop(*, asked: bool) -> tuple[list[str], str]:
    """Stop a saga before its first step began; return what was undone, and its last fact."""
    undone: list[str] = []

    async def undo(_: Run) -> None:
        undone.append("asked")

    async def main() -> str:
        clock, chance = VirtualClock(), seeded()
        store, ids = MemoryEventStore(clock), Uuid7Source(clock, chance)
        codec = EventCodec(facts.EVENTS, clock, ids, source="urn:test")
        saga = Saga(
            "trip",
            (
                Step(name="asked", action=nothing, compensation=undo, asked=asked),
                Step(name="go", action=nothing),
            ),
        )

        async def no_frame(channel: str, body: dict[str, Any]) -> None:
            return None

        engine = RunEngine((saga,), store, codec, clock, no_frame)
        context = CallContext(correlation_id="c", principal=SYSTEM, trace=new_trace(chance))
        await engine.accept("trip", "r1", {}, context, owner="ann", serial_key="k")
        assert engine.stop("r1", "ann")
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.serve())
            await engine.ended("r1")
            engine.close()
        return (await store.read_stream(facts.stream_of("r1")))[-1].message.type

    last: list[str] = []

    async def keep() -> None:
        last.append(await main())

    run(keep())
    return undone, last[0].rpartition(".")[0].rpartition(".")[2]


def test_what_was_asked_for_is_undone_though_the_saga_never_began() -> None:
    """The request had its effect already: turning back takes it back."""
    assert undone_after_an_early_stop(asked=True) == (["asked"], "run_compensated")


def test_a_step_of_the_saga_that_never_began_is_not_undone() -> None:
    """Nothing happened, so nothing is undone."""
    undone, _ = undone_after_an_early_stop(asked=False)
    assert undone == []


def test_only_a_first_step_can_be_asked_for() -> None:
    """Any later one is the saga's own."""
    with pytest.raises(ValueError, match="first step"):
        Saga("trip", (Step(name="a", action=nothing), Step(name="b", action=nothing, asked=True)))


def test_the_removal_of_a_user_is_such_a_saga() -> None:
    """Its request stops the credentials, so stopping it at once gives them back."""
    first = user_removal(None).steps[0]  # type: ignore[arg-type]
    assert isinstance(first, Step)
    assert first.asked
    assert first.compensation is not None
