"""Engines in processes of their own on one database, one of which is killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.earlier import END_TYPES
from autobot.testing.postgres import Cluster
from tests.faults.run_child import STEPS, codec_of

ROOT = Path(__file__).parents[2]
COUNT = 8
WAIT_S = 90.0


class Engine:
    """An engine's process."""

    def __init__(self, url: str, owner: str, first: int) -> None:
        words = [sys.executable, "-m", "tests.faults.run_child", url, owner, str(first), str(COUNT)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)

    def accepted(self) -> None:
        """Return when its runs are accepted."""
        assert self.process.stdout is not None
        assert b"accepted" in self.process.stdout.readline()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


async def ended(store: EventStore, count: int) -> None:
    """Return when so many runs have ended."""
    waited = {facts.stream_of(f"run-{number}") for number in range(count)}
    async with asyncio.timeout(WAIT_S):
        async for batch in store.subscribe(after=0):
            waited -= {one.stream for one in batch if one.message.type in END_TYPES}
            if not waited:
                return


@pytest.mark.needs_program("initdb")
def test_an_engine_that_is_killed_is_succeeded_by_another(postgres: Cluster) -> None:
    """Both are killed in turn in the midst of their runs: the other one, and the one that comes back, end all of them;
    each step is completed once, and nothing that a step did to the world is there twice or missing."""
    asyncio.run(killed_in_turn(postgres.database()))


async def killed_in_turn(url: str) -> None:
    """Kill and start engines, and judge all runs."""
    clock = SystemClock()
    store = await PostgresEventStore.open(url, clock)
    living: dict[str, Engine] = {}
    try:
        for number, owner in enumerate(("one", "two")):
            living[owner] = Engine(url, owner, number * COUNT)
        for engine in living.values():
            engine.accepted()
        living.pop("one").kill()
        cut_off = [await store.get("sagas", f"run-{number}") for number in range(COUNT)]
        assert any(one is not None and one.group == "open" for one in cut_off), "nothing was on its way"
        await ended(store, 2 * COUNT)
        living["one"] = Engine(url, "one", 2 * COUNT)
        living["one"].accepted()
        living["again"] = Engine(url, "again", 3 * COUNT)
        living["again"].accepted()
        living.pop("two").kill()
        living.pop("again").kill()
        await ended(store, 4 * COUNT)
        for number in range(4 * COUNT):
            await judged(store, f"run-{number}", clock)
    finally:
        for engine in living.values():
            engine.kill()
        await store.close()


async def judged(store: EventStore, run: str, clock: SystemClock) -> None:
    """Hold a run's facts against what it did to the world."""
    codec = codec_of(clock)
    told = [codec.unwrap(one) for one in await store.read_stream(facts.stream_of(run))]
    done = [one.name for one in told if isinstance(one, facts.StepCompleted)]
    assert [one for one in done if one in STEPS] == list(STEPS)
    assert isinstance(told[-1], facts.RunCompleted)
    effects = [one.message.id for one in await store.read_stream(f"effects-{run}")]
    assert effects == [f"{run}:{name}" for name in STEPS]
