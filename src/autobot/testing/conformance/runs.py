"""What the run engine promises of sagas (`Definition` with `resumes`), on every store.

Subclass `SagaSuite`, override `open`, and `run` where time is real.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from autobot.kernel.core.clock import Clock, parse_rfc3339
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import Conflict, ConnectionLost
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Append, Document, Put, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Definition
from autobot.kernel.sagas.saga import Saga, Signal, Step, StepRetry, Timer
from autobot.testing import virtual_time
from autobot.testing.sagas import Dies, World, judge
from autobot.testing.virtual_time import seeded

STEPS = ("reserve", "pay", "ship", "tell")
CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
RUN = "saga-1"


@dataclass
class Scene:
    """A store, its clock, and what the saga under test does to the world."""

    store: EventStore
    clock: Clock
    world: World = field(default_factory=World)
    codec: EventCodec = field(init=False)

    def __post_init__(self) -> None:
        ids = Uuid7Source(self.clock, seeded())
        self.codec = EventCodec(facts.EVENTS, self.clock, ids, source="urn:autobot:test")

    async def started(self, step: str) -> list[facts.StepStarted]:
        """Return the facts that say that a step began."""
        told = [self.codec.unwrap(one) for one in await self.store.read_stream(facts.stream_of(RUN))]
        return [one for one in told if isinstance(one, facts.StepStarted) and one.name == step]

    async def types(self) -> list[str]:
        """Return the short names of the saga's facts."""
        recorded = await self.store.read_stream(facts.stream_of(RUN))
        return [one.message.type.split(".")[2] for one in recorded]

    async def document(self) -> Document:
        """Return the saga's document."""
        found = await self.store.get("sagas", RUN)
        assert found is not None
        return found

    async def tell(self, fact: Any, stream: str, group: str | None = None) -> None:
        """Commit what a command commits: a fact, and where the saga's document now belongs."""
        message = self.codec.wrap(fact, stream, CONTEXT)
        document = await self.document()
        moved = Put(table="sagas", key=RUN, document=document.document, group=group or "", sort=document.sort)
        append = Append(stream=stream, expected=ANY, events=(message,))
        await self.store.commit(Transaction(appends=(append,), writes=(moved,) if group else ()))


class SagaBase(ABC):
    """Tools of the suite. `unit` is what one second of the saga takes, in seconds of the adapter's time; of the commits
    at which a process can die every `stride`-th is tried; `patience` is how many units a state is waited for."""

    unit = 1.0
    stride = 1
    patience = 3600
    saga: type[Saga] = Saga

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Scene]:
        """Return an empty store with its clock."""

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test; in virtual time unless the adapter needs threads."""
        virtual_time.run(main)

    def make(self, scene: Scene, *, pivot: str = "", between: Any = None, attempts: int = 3) -> Saga:
        """Return the saga: four steps, of which `tell` has no compensation; `between` stands before `ship`."""
        world, retry = scene.world, StepRetry(attempts=attempts, first_s=self.unit, cap_s=100 * self.unit)
        steps: list[Step | Timer | Signal] = [
            Step(
                name=name,
                action=world.action(name),
                compensation=world.compensation(name) if name != "tell" else None,
                pivot=name == pivot,
                retry=retry,
                undo_retry=retry,
            )
            for name in STEPS
        ]
        if between is not None:
            steps.insert(2, between)
        return self.saga("order", tuple(steps))

    @asynccontextmanager
    async def engine(
        self, scene: Scene, saga: Definition, store: EventStore | None = None
    ) -> AsyncIterator[RunEngine]:
        """Serve an engine for the block."""
        made = RunEngine((saga,), store or scene.store, scene.codec, scene.clock, _no_frame)
        async with asyncio.TaskGroup() as group:
            group.create_task(made.serve())
            await made.recovered.wait()
            yield made
            made.close()

    async def accept(self, made: RunEngine) -> None:
        """Accept the saga."""
        await made.accept("order", RUN, {}, CONTEXT, owner="ann", serial_key="k")

    async def reached(self, scene: Scene, step: str) -> None:
        """Return when a step has begun."""
        async with asyncio.timeout(self.patience * self.unit):
            while not await scene.started(step):  # noqa: ASYNC110 - a port has no event for each of its states
                await asyncio.sleep(self.unit / 10)

    async def until(self, scene: Scene, *states: str) -> str:
        """Return when the saga's document is in one of `states`."""
        async with asyncio.timeout(self.patience * self.unit):
            while True:
                found = await scene.store.get("sagas", RUN)
                if found is not None and found.document["state"] in states:
                    return str(found.document["state"])
                await asyncio.sleep(self.unit / 10)

    def judged(self, scene: Scene, state: str, stuck: str = "") -> None:
        """Hold the world against the state."""
        undoable = {name: name != "tell" for name in STEPS}
        assert judge(state, scene.world, STEPS, undoable=undoable, stuck=stuck) == []


async def _no_frame(channel: str, one: dict[str, Any]) -> None:
    return None


class ForwardSuite(SagaBase):
    """The way forward."""

    def test_steps_happen_in_order_once(self) -> None:
        """A saga whose steps succeed does each once, in order, and ends as completed."""

        async def main() -> None:
            async with self.open() as scene:
                async with self.engine(scene, self.make(scene)) as made:
                    await self.accept(made)
                    await self.accept(made)
                    await made.ended(RUN)
                assert scene.world.calls == list(STEPS)
                assert (await scene.document()).group == "ended"
                self.judged(scene, (await scene.document()).document["state"])

        self.run(main())

    def test_a_step_is_tried_again_by_its_policy(self) -> None:
        """Failures of the other side are tried again after growing pauses; an answer that was lost doubles nothing."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.failing["pay"], scene.world.loses = 1, {"ship"}
                began = scene.clock.monotonic()
                async with self.engine(scene, self.make(scene)) as made:
                    await self.accept(made)
                    await made.ended(RUN)
                assert scene.world.calls == ["reserve", "pay", "pay", "ship", "ship", "tell"]
                assert scene.clock.monotonic() - began >= 2 * self.unit
                self.judged(scene, "completed")

        self.run(main())

    def test_what_is_refused_is_not_tried_again(self) -> None:
        """A refusal did nothing and will be the same again: the saga turns back at once."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.failing["pay"] = Conflict("No money.")
                async with self.engine(scene, self.make(scene)) as made:
                    await self.accept(made)
                    await made.ended(RUN)
                assert scene.world.calls == ["reserve", "pay", "undo:pay", "undo:reserve"]
                self.judged(scene, "compensated")

        self.run(main())

    def test_a_timer_is_kept_over_restarts(self) -> None:
        """The time is decided once: a restart in the middle neither shortens nor prolongs the wait."""

        async def main() -> None:
            async with self.open() as scene:
                timer = Timer(
                    name="pause", due=lambda run: run.clock.now() + timedelta(seconds=20 * self.unit)
                )
                began = scene.clock.monotonic()
                async with self.engine(scene, self.make(scene, between=timer)) as made:
                    await self.accept(made)
                    await self.reached(scene, "pause")
                (begun,) = await scene.started("pause")
                assert "ship" not in scene.world.calls
                async with self.engine(scene, self.make(scene, between=timer)) as made:
                    await made.ended(RUN)
                assert await scene.started("pause") == [begun]
                assert scene.clock.now() >= parse_rfc3339(begun.detail)
                assert scene.clock.monotonic() - began >= 20 * self.unit
                self.judged(scene, "completed")

        self.run(main())

    def test_a_signal_is_waited_for(self) -> None:
        """A step that waits for a signal goes on with it, also when it came while no engine ran."""

        async def main() -> None:
            async with self.open() as scene:
                wait = Signal(name="approval", signal="approve", timeout_s=1000 * self.unit)
                async with self.engine(scene, self.make(scene, between=wait)) as made:
                    await self.accept(made)
                    await self.reached(scene, "approval")
                sent = facts.SignalSent(run_id=RUN, name="approve", by="ann", payload={"yes": True})
                await scene.tell(sent, facts.signals_of(RUN))
                async with self.engine(scene, self.make(scene, between=wait)) as made:
                    await made.ended(RUN)
                self.judged(scene, "completed")

        self.run(main())


class BackwardSuite(SagaBase):
    """The way back."""

    def test_every_started_step_is_compensated_last_first(self) -> None:
        """The step that failed is compensated too: it may have happened."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.failing["ship"] = ConnectionLost("The other side went away.")
                async with self.engine(scene, self.make(scene)) as made:
                    await self.accept(made)
                    await made.ended(RUN)
                undone = [one for one in scene.world.calls if one.startswith("undo:")]
                assert undone == ["undo:ship", "undo:pay", "undo:reserve"]
                types = await scene.types()
                assert types[-5:] == ["run_turned", *["step_compensated"] * 3, "run_compensated"]
                document = (await scene.document()).document
                assert (document["state"], document["error"]["code"]) == ("compensated", "connection-lost")
                self.judged(scene, "compensated")

        self.run(main())

    def test_a_lost_step_is_compensated(self) -> None:
        """A step whose every answer is lost did happen: nothing of it is left in the end."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.loses = {"pay"}
                async with self.engine(scene, self.make(scene, attempts=1)) as made:
                    await self.accept(made)
                    await made.ended(RUN)
                assert scene.world.effects == {}
                self.judged(scene, "compensated")

        self.run(main())

    def test_a_stop_before_the_pivot_turns_back(self) -> None:
        """Whoever stops a waiting saga has all that it did undone, also when it heard of it only at the next start."""

        async def main() -> None:
            for at_once in (True, False):
                async with self.open() as scene:
                    timer = Timer(name="pause", due=lambda run: run.clock.now() + timedelta(days=7))
                    stop = facts.SignalSent(run_id=RUN, name="stop", by="ann")
                    async with self.engine(scene, self.make(scene, pivot="ship", between=timer)) as made:
                        await self.accept(made)
                        await self.reached(scene, "pause")
                        if at_once:
                            await scene.tell(stop, facts.signals_of(RUN))
                            await made.signalled(RUN)
                            await made.ended(RUN)
                    if not at_once:
                        await scene.tell(stop, facts.signals_of(RUN))
                        async with self.engine(scene, self.make(scene, pivot="ship", between=timer)) as made:
                            await made.ended(RUN)
                    assert scene.world.effects == {}
                    self.judged(scene, "compensated")

        self.run(main())

    def test_beyond_the_pivot_there_is_only_forward(self) -> None:
        """A failure beyond the pivot waits for a person; a stop is refused; trying again ends it."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.failing["tell"] = Conflict("Nobody listens.")
                async with self.engine(scene, self.make(scene, pivot="pay")) as made:
                    await self.accept(made)
                    assert await self.until(scene, "failed_forward") == "failed_forward"
                    assert not made.stop(RUN, "ann")
                    assert not [one for one in scene.world.calls if one.startswith("undo:")]
                    del scene.world.failing["tell"]
                    await scene.tell(facts.RunResumed(run_id=RUN, by="ann"), facts.stream_of(RUN), "open")
                    await made.resume(RUN)
                    await made.ended(RUN)
                self.judged(scene, "completed")

        self.run(main())

    def test_a_compensation_that_fails_finally_waits_for_a_person(self) -> None:
        """The saga stands as failed_compensation over restarts; resumed it undoes the rest and nothing twice."""

        async def main() -> None:
            async with self.open() as scene:
                scene.world.failing["tell"] = Conflict("Nobody listens.")
                scene.world.failing["undo:pay"] = ConnectionLost("The other side went away.")
                async with self.engine(scene, self.make(scene)) as made:
                    await self.accept(made)
                    await self.until(scene, "failed_compensation")
                    self.judged(scene, "failed_compensation", stuck="pay")
                calls = len(scene.world.calls)
                async with self.engine(scene, self.make(scene)) as made:
                    await asyncio.sleep(30 * self.unit)
                    assert len(scene.world.calls) == calls
                    assert (await scene.document()).group == "stuck"
                    del scene.world.failing["undo:pay"]
                    await scene.tell(facts.RunResumed(run_id=RUN, by="ann"), facts.stream_of(RUN), "open")
                    await made.resume(RUN)
                    await made.ended(RUN)
                assert scene.world.calls[calls:] == ["undo:pay", "undo:reserve"]
                self.judged(scene, "compensated")

        self.run(main())


class CrashSuite(SagaBase):
    """Dying at every commit."""

    def test_a_crash_at_any_commit_changes_nothing_in_the_end(self) -> None:
        """Whatever the commit at which the process dies, before it or just after, the next one brings the saga to
        the same end: all of it happened once, or nothing is left of it."""

        async def main() -> None:
            for failing, ends in ((None, "completed"), ("ship", "compensated"), ("tell", "compensated")):
                for after in (False, True):
                    at, died = 1, True
                    while died:
                        died = await self.once(failing, ends, at, after=after)
                        at += self.stride
                    assert at > 6

        self.run(main())

    async def once(self, failing: str | None, ends: str, at: int, *, after: bool) -> bool:
        """Let a process die at its `at`-th commit and another one carry on; say whether the first one died."""
        async with self.open() as scene:
            if failing is not None:
                scene.world.failing[failing] = ConnectionLost("The other side went away.")
            dying = Dies(scene.store, at, after=after)
            async with self.engine(scene, self.make(scene), dying) as made:
                try:
                    await self.accept(made)
                except ConnectionLost:
                    assert at == 1
                while made.live(RUN) is not None and not dying.dead:  # noqa: ASYNC110 - the dead announce nothing
                    await asyncio.sleep(self.unit / 10)
            async with self.engine(scene, self.make(scene)) as made:
                await self.accept(made)
                await made.ended(RUN)
            document = (await scene.document()).document
            assert document["state"] == ends, (at, after, document["state"], await scene.types(), scene.world)
            self.judged(scene, ends)
            return dying.dead


class SagaSuite(ForwardSuite, BackwardSuite, CrashSuite):
    """All of it."""
