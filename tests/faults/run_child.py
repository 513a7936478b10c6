"""The process that is killed: one of several engines on one database.

    python -m tests.faults.run_child postgresql://… OWNER FIRST COUNT

Accepts the runs `run-FIRST` and on, each of four steps with a pause in their midst, says `{"accepted": COUNT}`, and serves until it is killed. What a
step does to the world is an event on the stream `effects-<run>` under the step's own key.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Append, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step, Timer
from autobot.kernel.sagas.tenure import Tenure

STEPS: Final = ("reserve", "pay", "ship", "tell")
TTL_S: Final = 3.0
LOOK_S: Final = 0.2
PAUSE: Final = timedelta(seconds=1.5)
BORN: Final = datetime(2026, 1, 1, tzinfo=UTC)
CONTEXT: Final = CallContext(
    correlation_id="faults", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


def codec_of(clock: SystemClock) -> EventCodec:
    """Return the codec of the facts of runs."""
    return EventCodec(facts.EVENTS, clock, Uuid7Source(clock, random.Random()), source="urn:autobot:faults")


def saga(store: EventStore) -> Saga:
    """Return the saga that every engine has."""

    def acts(name: str) -> Step:
        async def act(run: Run) -> None:
            stream, key = f"effects-{run.id}", run.key(name)
            effect = Message(
                id=key,
                source="urn:autobot:faults",
                type="autobot.faults.happened.v1",
                time=BORN,
                subject=stream,
                data=json.dumps({"step": name}).encode(),
                correlation_id=run.id,
                partition_key=run.id,
            )
            await store.commit(Transaction(appends=(Append(stream=stream, expected=ANY, events=(effect,)),)))

        async def undo(run: Run) -> None:
            raise AssertionError("nothing of this is undone")

        return Step(name=name, action=act, compensation=undo)

    pause = Timer(name="pause", due=lambda run: run.clock.now() + PAUSE)
    return Saga("order", (*map(acts, STEPS[:2]), pause, *map(acts, STEPS[2:])))


async def _no_frame(channel: str, one: dict[str, Any]) -> None:
    return None


async def live(url: str, owner: str, first: int, count: int) -> None:
    """Serve until the end of this process."""
    clock = SystemClock()
    store = await PostgresEventStore.open(url, clock)
    tenure = Tenure(store, clock, owner, ttl_s=TTL_S, look_s=LOOK_S)
    engine = RunEngine((saga(store),), store, codec_of(clock), clock, _no_frame, tenure=tenure)
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.serve())
        await engine.recovered.wait()
        for number in range(first, first + count):
            name = f"run-{number}"
            await engine.accept("order", name, {}, CONTEXT, owner="ann", serial_key=f"key-{number // 2}")
        print(json.dumps({"accepted": count}), flush=True)


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
