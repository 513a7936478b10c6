"""The run engine: steps happen once, a crash is recovered, a stop keeps what was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from autobot.kernel.core.errors import BadAnswer, CircuitOpen
from autobot.kernel.event_store.transaction import Committed, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import AGAIN_S, RunEngine
from autobot.kernel.sagas.history import NonDeterminism, fold
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run
from tests.unit.kernel.support import World, context_of, user

pytestmark = pytest.mark.anyio
ANN = context_of(user("ann"))


class Script(PlainRun):
    """A definition made of what a test wants done."""

    name = "script"
    budget = 60.0

    def __init__(self, work: Callable[[Run], Awaitable[None]]) -> None:
        self.work = work
        self.outcomes: list[tuple[str, Outcome, str]] = []
        self.told: dict[str, Outcome] = {}
        self.cut_off = False
        self.finished = asyncio.Event()

    async def execute(self, run: Run) -> None:
        """Do the test's work."""
        await self.work(run)

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Remember the outcome; what was told before a crash holds."""
        self.outcomes.append((run.id, outcome, run.text))
        self.finished.set()
        told = self.told.setdefault(run.id, outcome)
        if self.cut_off:
            raise ConnectionError("cut off after the world was told")
        return Ended(outcome=told, message_id=f"message-of-{run.id}")


@asynccontextmanager
async def engine(
    world: World, script: Script, frames: list[dict[str, Any]] | None = None, *, again_s: float = AGAIN_S
) -> AsyncIterator[RunEngine]:
    """Serve an engine for the block."""

    async def frame(channel: str, one: dict[str, Any]) -> None:
        if frames is not None:
            frames.append(one)

    made = RunEngine((script,), world.store, world.codec, world.clock, frame, again_s=again_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(made.serve())
        await made.recovered.wait()
        yield made
        made.close()


async def accept(made: RunEngine, run_id: str, key: str = "s") -> None:
    """Accept a run."""
    await made.accept("script", run_id, {"n": 1}, ANN, owner="ann", serial_key=key)


async def types(world: World, run_id: str) -> list[str]:
    """Return the short names of a run's facts."""
    recorded = await world.store.read_stream(facts.stream_of(run_id))
    return [one.message.type.split(".")[2] for one in recorded]


async def test_a_run_goes_through_its_steps_and_tells_its_text() -> None:
    """Facts are in order, deltas carry offsets, and the stored run holds the whole text."""
    world, frames = World(), []

    async def work(run: Run) -> None:
        async def write() -> str:
            await run.write("Hello ")
            await run.write("there")
            return "done"

        assert await run.step("one", "model", write, str) == "done"

    script = Script(work)
    async with engine(world, script, frames) as made:
        await accept(made, "r1")
        await made.ended("r1")
    assert await types(world, "r1") == ["run_started", "step_started", "step_completed", "run_completed"]
    assert [(one["offset"], one["text"]) for one in frames] == [(0, "Hello "), (6, "there")]
    stored = await world.store.get("runs", "r1")
    assert stored is not None
    assert (stored.document["state"], stored.document["text"], stored.group) == (
        "completed",
        "Hello there",
        "ended",
    )


async def test_accepting_twice_runs_once() -> None:
    """The id of a run is its idempotency key."""
    world, ran = World(), []

    async def work(run: Run) -> None:
        ran.append(run.id)

    async with engine(world, Script(work)) as made:
        await accept(made, "r1")
        await accept(made, "r1")
        await made.ended("r1")
        await accept(made, "r1")
    assert ran == ["r1"]


async def test_a_failing_step_fails_the_run_with_its_cause() -> None:
    """The failure is recorded and told with the correlation id; nothing escapes the engine."""
    world = World()

    async def work(run: Run) -> None:
        async def fail() -> None:
            raise BadAnswer("garbage", link="ai-ollama", target="t")

        await run.step("one", "model", fail, type(None))

    script = Script(work)
    async with engine(world, script) as made:
        await accept(made, "r1")
        await made.ended("r1")
    assert (await types(world, "r1"))[-2:] == ["step_failed", "run_failed"]
    ((_, outcome, _),) = script.outcomes
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.link, outcome.error.correlation_id) == (
        "bad-answer",
        "ai-ollama",
        "c-1",
    )


async def test_runs_of_one_key_go_one_after_the_other() -> None:
    """Two runs of a chat never write at the same time; two chats do."""
    world = World()
    running: set[str] = set()
    together: list[set[str]] = []

    async def work(run: Run) -> None:
        running.add(run.id)
        for _ in range(5):
            await asyncio.sleep(0)
        together.append(set(running))
        running.discard(run.id)

    async with engine(world, Script(work)) as made:
        await accept(made, "a1", "a")
        await accept(made, "a2", "a")
        await accept(made, "b1", "b")
        for one in ("a1", "a2", "b1"):
            await made.ended(one)
    assert {"a1", "b1"} in together
    assert not any({"a1", "a2"} <= one for one in together)


async def test_a_stop_keeps_the_text_and_ends_a_waiting_run_too() -> None:
    """Stopping cancels the work; what was written stays. A run that only waits ends without working."""
    world, started = World(), asyncio.Event()

    async def work(run: Run) -> None:
        await run.write("half")
        started.set()
        await asyncio.Event().wait()

    script = Script(work)
    async with engine(world, script) as made:
        await accept(made, "r1")
        await accept(made, "r2")
        await started.wait()
        assert made.state("r2") == "queued"
        assert made.stop("r2", "ann")
        assert made.stop("r1", "ann")
        await made.ended("r1")
        await made.ended("r2")
        assert not made.stop("r1", "ann")
    assert [(run_id, one.state, text) for run_id, one, text in script.outcomes] == [
        ("r1", "stopped", "half"),
        ("r2", "stopped", ""),
    ]
    assert (await types(world, "r1"))[-1] == "run_stopped"


async def test_what_the_world_was_told_before_a_crash_holds() -> None:
    """A run that was stopped, and cut off between telling so and writing its end, ends as stopped at the next start."""
    world, started = World(), asyncio.Event()

    async def work(run: Run) -> None:
        await run.write("half")
        started.set()
        await asyncio.Event().wait()

    script = Script(work)
    script.cut_off = True
    async with engine(world, script) as made:
        await accept(made, "r1")
        await started.wait()
        made.stop("r1", "ann")
        await script.finished.wait()
    assert (await types(world, "r1"))[-1] != "run_stopped"

    async def again(run: Run) -> None:
        """The stop is forgotten: it was in memory."""

    script.work, script.cut_off = again, False
    async with engine(world, script) as made:
        await made.ended("r1")
    assert [one.state for _, one, _ in script.outcomes] == ["stopped", "completed"]
    assert (await types(world, "r1"))[-1] == "run_stopped"


async def test_an_end_that_could_not_be_told_is_told_later() -> None:
    """Whatever hindered it, a run that is open in the log is not forgotten until the next start."""
    world = World()

    script = Script(lambda run: asyncio.sleep(0))
    script.cut_off = True
    async with engine(world, script, again_s=0.01) as made:
        await accept(made, "r1")
        await script.finished.wait()
        script.cut_off = False
        await made.ended("r1")
    assert len(script.outcomes) > 1
    assert (await types(world, "r1")).count("run_completed") == 1


async def test_runs_of_definitions_that_are_not_here_are_left_to_others() -> None:
    """An engine that does not know a run's definition starts all the same, and touches that run not at all."""
    world = World()
    await crash_in_step(world, resumable=True)
    before, other = await types(world, "r1"), Script(lambda run: asyncio.sleep(0))
    other.name = "other"
    async with engine(world, other) as made:
        await made.accept("other", "r2", {"n": 1}, ANN, owner="ann", serial_key="s")
        await made.ended("r2")
    assert await types(world, "r1") == before
    assert (await types(world, "r2"))[-1] == "run_completed"


async def test_a_shutdown_interrupts_open_runs() -> None:
    """Closing the engine ends what runs as interrupted, with what was written."""
    world, started = World(), asyncio.Event()

    async def work(run: Run) -> None:
        await run.write("half")
        started.set()
        await asyncio.Event().wait()

    script = Script(work)
    async with engine(world, script) as made:
        await accept(made, "r1")
        await started.wait()
    assert [(one.state, text) for _, one, text in script.outcomes] == [("interrupted", "half")]
    assert (await types(world, "r1"))[-1] == "run_interrupted"


async def crash_in_step(world: World, *, resumable: bool) -> None:
    """Leave the log as a process that died inside a run's second step leaves it."""
    started = asyncio.Event()

    async def work(run: Run) -> None:
        async def first() -> int:
            return 41

        async def hang() -> int:
            started.set()
            await asyncio.Event().wait()
            return 0

        await run.step("first", "tool", first, int)
        await run.step("second", "tool", hang, int, resumable=resumable)

    async def frame(channel: str, one: dict[str, Any]) -> None:
        return None

    made = RunEngine((Script(work),), world.store, world.codec, world.clock, frame)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(made.serve())
        await made.recovered.wait()
        await accept(made, "r1")
        await started.wait()
        world.store = await copy_of(world)
        serving.cancel()


async def copy_of(world: World) -> Any:
    """Return a store with what is durable now: the disk at the moment of the crash."""
    from copy import deepcopy

    copied = type(world.store)(world.clock)
    copied._state = deepcopy(world.store._state)
    return copied


async def test_a_crash_inside_a_step_that_may_not_repeat_ends_as_interrupted() -> None:
    """A run that was writing when the process died ends as interrupted, never as an endless wait."""
    world = World()
    await crash_in_step(world, resumable=False)
    script = Script(lambda run: asyncio.sleep(0))
    async with engine(world, script) as made:
        await made.ended("r1")
    assert [one.state for _, one, _ in script.outcomes] == ["interrupted"]


async def test_a_crash_inside_a_resumable_step_goes_on_there() -> None:
    """Finished steps return their recorded output, the open one runs again."""
    world, ran = World(), []
    await crash_in_step(world, resumable=True)

    async def work(run: Run) -> None:
        async def first() -> int:
            ran.append("first")
            return 0

        async def second() -> int:
            ran.append("second")
            return 1

        assert await run.step("first", "tool", first, int) == 41
        assert await run.step("second", "tool", second, int, resumable=True) == 1

    script = Script(work)
    async with engine(world, script) as made:
        await made.ended("r1")
    assert ran == ["second"]
    assert [one.state for _, one, _ in script.outcomes] == ["completed"]
    assert await types(world, "r1") == [
        "run_started",
        "step_started",
        "step_completed",
        "step_started",
        "step_completed",
        "run_completed",
    ]


async def test_a_changed_definition_is_found_at_the_step_that_differs() -> None:
    """Replay compares name and input of each step and refuses another one."""
    world = World()
    await crash_in_step(world, resumable=True)

    async def work(run: Run) -> None:
        async def other() -> int:
            return 1

        await run.step("renamed", "tool", other, int)

    script = Script(work)
    async with engine(world, script) as made:
        await made.ended("r1")
    ((_, outcome, _),) = script.outcomes
    assert outcome.error is not None
    assert outcome.error.code == NonDeterminism.code


def test_history_knows_the_open_step() -> None:
    """The step without an end is the one that was running."""
    begun = facts.StepStarted(run_id="r", step=0, name="a", kind="tool", input_hash="", resumable=True)
    ended = facts.StepCompleted(run_id="r", step=0, name="a", output=1, duration_ms=0)
    assert fold([begun]).open_step == begun
    assert fold([begun, ended]).open_step is None


async def test_an_end_that_cannot_be_written_now_is_written_when_it_can() -> None:
    """A run whose way to the store is refused at its end waits for it: nobody looks at a spinner for ever."""
    world = World()

    class Refusing(type(world.store)):  # type: ignore[misc]
        refusals = 0

        async def commit(self, transaction: Transaction) -> Committed:
            if self.refusals:
                self.refusals -= 1
                raise CircuitOpen("refused", link="l", target="t", since=0.0, retry_after=None)
            return await super().commit(transaction)  # type: ignore[no-any-return]

    store = world.store = Refusing(world.clock)

    async def work(run: Run) -> None:
        store.refusals = 2

    async with engine(world, Script(work)) as made, asyncio.timeout(5):
        await accept(made, "r1")
        await made.ended("r1")
    assert await types(world, "r1") == ["run_started", "run_completed"]
    assert store.refusals == 0
