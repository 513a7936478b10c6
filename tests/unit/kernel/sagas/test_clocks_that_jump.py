"""The machine's clock is set a day back or forth while a saga waits."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step, StepRetry, Timer
from autobot.testing.virtual_time import JumpingClock, run, seeded

DAY_S = 86_400.0
JUMPS = pytest.mark.parametrize("jump_s", [-DAY_S, DAY_S], ids=["back", "forth"])


async def carried(clock: JumpingClock, saga: Saga, jump_s: float, after_s: float, *, restart: bool) -> float:
    """Carry a saga, set the clock after a while (and begin a new life then); return how many seconds it took."""
    chance, store = seeded(), MemoryEventStore(clock)
    codec = EventCodec(facts.EVENTS, clock, Uuid7Source(clock, chance), source="urn:test")

    async def no_frame(channel: str, body: dict[str, Any]) -> None:
        return None

    def life() -> RunEngine:
        return RunEngine((saga,), store, codec, clock, no_frame)

    context = CallContext(correlation_id="c", principal=SYSTEM, trace=new_trace(chance))
    engine, began = life(), clock.monotonic()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(engine.serve())
        await engine.accept(saga.name, "r1", {}, context, owner="ann", serial_key="k")
        await asyncio.sleep(after_s)
        clock.jump(jump_s)
        if restart:
            engine.close()
            await serving
            engine = life()
            group.create_task(engine.serve())
        await engine.ended("r1")
        engine.close()
    return clock.monotonic() - began


@JUMPS
@pytest.mark.parametrize("restart", [False, True])
def test_a_step_is_tried_again_within_its_pause(jump_s: float, *, restart: bool) -> None:
    """The pause between two attempts is no longer than pauses are, in this life and in the next one."""

    async def main() -> None:
        clock, tried = JumpingClock(), 0

        async def act(_: Run) -> None:
            nonlocal tried
            tried += 1
            if tried == 1:
                raise ConnectionLost("The other side went away.")

        async def undo(_: Run) -> None:
            raise AssertionError("nothing of this is undone")

        retry = StepRetry(first_s=10.0)
        saga = Saga("trip", (Step(name="act", action=act, compensation=undo, retry=retry),))
        assert await carried(clock, saga, jump_s, 5.0, restart=restart) <= 16.0
        assert tried == 2

    run(main())


@JUMPS
@pytest.mark.parametrize("restart", [False, True])
def test_a_timer_keeps_its_date(jump_s: float, *, restart: bool) -> None:
    """A timer ends when the wall clock says its date, never before, and no later than a day after it."""

    async def main() -> None:
        clock, rang = JumpingClock(), list[datetime]()
        date = clock.now() + timedelta(days=2.5)

        async def act(_: Run) -> None:
            rang.append(clock.now())

        async def undo(_: Run) -> None:
            raise AssertionError("nothing of this is undone")

        saga = Saga(
            "grace",
            (Timer(name="until", due=lambda _: date), Step(name="act", action=act, compensation=undo)),
        )
        await carried(clock, saga, jump_s, DAY_S / 2, restart=restart)
        (at,) = rang
        assert date <= at <= date + timedelta(days=1)

    run(main())
