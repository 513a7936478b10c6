"""The run engine keeps its promises of sagas on every store, and the suite finds sagas that do not."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Outcome, Run
from autobot.kernel.sagas.saga import Saga
from autobot.testing.conformance.runs import SagaSuite, Scene
from autobot.testing.virtual_time import VirtualClock


class TestOverMemory(SagaSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Scene]:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        yield Scene(store, clock)
        await store.close()

    def open(self) -> AbstractAsyncContextManager[Scene]:
        return self._open()


class TestOverSqlite(SagaSuite):
    unit = 0.01
    stride = 4

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Scene]:
        clock = SystemClock()
        with tempfile.TemporaryDirectory() as folder:
            store = await SqliteEventStore.open(Path(folder) / "autobot.db", clock)
            yield Scene(store, clock)
            await store.close()

    def open(self) -> AbstractAsyncContextManager[Scene]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        asyncio.run(main)


# --------------------------------------------------------------------------------------------------- faults


class ForgetsTheFailedStep(Saga):
    """Compensates only what was completed."""

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        for step in run.history.steps.values():
            step.compensated = step.compensated or step.completed is None
        return await super().unwind(run, outcome)


class UndoesInOrder(Saga):
    """Compensates the first step first."""

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        steps = run.history.steps
        if run.history.turned is None and outcome.state != "completed":
            turned = facts.RunTurned(run_id=run.id, cause=outcome.state, error=outcome.error)
            await run.append(run, turned)
            for number in sorted(steps):
                if steps[number].started.compensation:
                    await self._undo(run, steps[number].started)
        return await super().unwind(run, outcome)


class TurnsBackBeyondThePivot(Saga):
    """Takes no notice of pivots."""

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        if outcome.state != "completed" and run.history.turned is None:
            await run.append(run, facts.RunTurned(run_id=run.id, cause=outcome.state, error=outcome.error))
        return await super().unwind(run, outcome)


class BeginsAgain(Saga):
    """Does not know after a crash what was done, and does it again under another key."""

    async def execute(self, run: Run) -> None:
        run.history.steps.clear()
        await super().execute(run)


class NeverTurns(Saga):
    """Leaves what a failed saga has done."""

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        return outcome if outcome.state == "completed" else Outcome(state="compensated", error=outcome.error)


FAULTS = (ForgetsTheFailedStep, UndoesInOrder, TurnsBackBeyondThePivot, BeginsAgain, NeverTurns)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_the_suite_finds_a_planted_fault(fault: type[Saga]) -> None:
    """Each fault makes at least one test of the suite fail."""

    class Planted(TestOverMemory):
        saga = fault

    failed = []
    for name in dir(Planted):
        if name.startswith("test_"):
            try:
                getattr(Planted(), name)()
            except (AssertionError, RuntimeError, BaseExceptionGroup, TimeoutError):
                failed.append(name)
    assert failed
