"""A stop that reaches a run twice: from who asked for it, and once more from the log."""

import asyncio
from typing import Any

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Committed, Transaction
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step
from autobot.testing.sagas import Through
from autobot.testing.virtual_time import VirtualClock, run, seeded


class SaysItAgain(Through):
    """Repeats the stop to an engine while the run's turning back is being written."""

    engine: RunEngine | None = None
    said = 0

    async def commit(self, transaction: Transaction) -> Committed:
        if transaction.conditions and self.engine is not None:
            self.said += 1
            self.engine.stop("r1", "ann")
        await asyncio.sleep(0)
        return await self.store.commit(transaction)


def test_a_stop_that_is_heard_twice_turns_a_saga_back_once() -> None:
    """The second one does not cut off what the first one began."""
    begun, undone = asyncio.Event(), list[str]()

    async def wait(_: Run) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def undo(_: Run) -> None:
        undone.append("wait")

    async def no_frame(channel: str, body: dict[str, Any]) -> None:
        return None

    async def main() -> None:
        clock, chance = VirtualClock(), seeded()
        store, ids = SaysItAgain(MemoryEventStore(clock)), Uuid7Source(clock, chance)
        codec = EventCodec(facts.EVENTS, clock, ids, source="urn:test")
        saga = Saga("trip", (Step(name="wait", action=wait, compensation=undo),))
        store.engine = RunEngine((saga,), store, codec, clock, no_frame, again_s=1_000_000.0)
        context = CallContext(correlation_id="c", principal=SYSTEM, trace=new_trace(chance))
        async with asyncio.TaskGroup() as group:
            group.create_task(store.engine.serve())
            await store.engine.accept("trip", "r1", {}, context, owner="ann", serial_key="k")
            await begun.wait()
            assert store.engine.stop("r1", "ann")
            async with asyncio.timeout(1_000.0):
                await store.engine.ended("r1")
            store.engine.close()
        assert store.said > 0
        last = (await store.read_stream(facts.stream_of("r1")))[-1].message.type
        assert last == facts.RunCompensated.TYPE

    run(main())
    assert undone == ["wait"]
