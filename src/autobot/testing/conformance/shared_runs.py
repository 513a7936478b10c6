"""What engines promise that share one store: each run has one owner at a time, and none is left behind.

Subclass `SharedRunsSuite` as `SagaSuite`; `unit` must leave room for a lease to be renewed (`TTL` units) on a busy machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict
from autobot.kernel.messaging.leases import end, rows_about
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Signal, Step, Timer
from autobot.kernel.sagas.tenure import CARRIERS, ENGINES, Tenure
from autobot.testing.conformance.runs import CONTEXT, RUN, SagaBase, Scene, _no_frame
from autobot.testing.sagas import Owned, Wrote, judge_carriers

TTL = 20
"""How long a lease lasts without a word, in units."""


class Jumped:
    """A clock whose wall time is elsewhere by `by`; its monotonic time is right."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> datetime:
        """Return the wrong time."""
        return self._clock.now() + self._by

    def monotonic(self) -> float:
        """Return the seconds that only go forward."""
        return self._clock.monotonic()


@dataclass
class Held:
    """A step that waits until it is let go; `left` counts how often it was cut off."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    left: int = 0

    async def work(self, run: Run) -> None:
        """Wait."""
        self.begun.set()
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise


@dataclass
class Shared:
    """A scene with what its engines wrote."""

    scene: Scene
    wrote: list[Wrote] = field(default_factory=list)

    def reach(self, owner: str) -> Owned:
        """Return the store as this owner reaches it."""
        return Owned(self.scene.store, owner, self.wrote)


class SharedBase(SagaBase):
    """Tools."""

    patience = 300
    tenure: type[Tenure] = Tenure

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Shared]:
        """Open a scene; at its end no run may have had two owners at a time."""
        async with self.open() as scene:
            shared = Shared(scene)
            yield shared
            assert judge_carriers(shared.wrote) == []

    @asynccontextmanager
    async def sharing(
        self, shared: Shared, owner: str, saga: Saga, reach: Owned | None = None, clock: Clock | None = None
    ) -> AsyncIterator[RunEngine]:
        """Serve one of several engines for the block."""
        scene, reach = shared.scene, reach or shared.reach(owner)
        time = clock or scene.clock
        tenure = self.tenure(reach, time, owner, ttl_s=TTL * self.unit, look_s=self.unit)
        made = RunEngine((saga,), reach, scene.codec, time, _no_frame, tenure=tenure)
        async with asyncio.TaskGroup() as group:
            group.create_task(made.serve())
            await made.recovered.wait()
            yield made
            made.close()

    def holding(self, shared: Shared, held: Held, name: str = "order") -> Saga:
        """Return a saga that waits in its second step."""
        saga = self.make(shared.scene)
        steps = list(saga.steps)
        undo = shared.scene.world.compensation("pay")
        steps[1] = Step(name="pay", action=held.work, compensation=undo, timeout_s=1_000_000.0)
        return Saga(name, tuple(steps))

    async def becomes(self, wanted: Callable[[], bool]) -> None:
        """Return when something is so."""
        async with asyncio.timeout(self.patience * self.unit):
            while not wanted():  # noqa: ASYNC110 - engines announce nothing of this to anybody
                await asyncio.sleep(self.unit / 10)

    async def taken(self, shared: Shared, owner: str) -> None:
        """Return when the run is carried by `owner`."""
        async with asyncio.timeout(self.patience * self.unit):
            while True:
                row = await shared.scene.store.get(CARRIERS, RUN)
                if row is not None and row.owner == owner:
                    return
                await asyncio.sleep(self.unit / 10)


class OwnerSuite(SharedBase):
    """One owner at a time."""

    def test_what_an_engine_carries_others_leave_alone(self) -> None:
        """A second engine, and one whose wall clock is a day ahead, take nothing from one that says that it is there."""

        async def main() -> None:
            async with self.together() as shared:
                held, others = Held(), Held()
                ahead = Jumped(shared.scene.clock, timedelta(days=1))
                async with (
                    self.sharing(shared, "one", self.holding(shared, held)) as one,
                    self.sharing(shared, "two", self.holding(shared, others)) as two,
                    self.sharing(shared, "three", self.holding(shared, others), clock=ahead) as three,
                ):
                    await self.accept(one)
                    await self.accept(two)
                    await held.begun.wait()
                    await two.resume(RUN)
                    await asyncio.sleep(3 * TTL * self.unit)
                    assert (two.live(RUN), three.live(RUN), others.begun.is_set()) == (None, None, False)
                    held.free.set()
                    await one.ended(RUN)
                assert {one.owner for one in shared.wrote} == {"one"}
                assert await shared.scene.store.get(CARRIERS, RUN) is None

        self.run(main())

    def test_an_engine_that_is_silent_is_succeeded(self) -> None:
        """After the time of its lease another one goes on from the last step; the first one stops and writes nothing."""

        async def main() -> None:
            async with self.together() as shared:
                held, reach = Held(), shared.reach("one")
                async with self.sharing(shared, "one", self.holding(shared, held), reach) as one:
                    await self.accept(one)
                    await held.begun.wait()
                    reach.cut = True
                    async with self.sharing(shared, "two", self.make(shared.scene)) as two:
                        await two.ended(RUN)
                        await self.becomes(lambda: held.left == 1)
                        reach.cut = False
                        await one.ended(RUN)
                        await self.becomes(lambda: one.live(RUN) is None)
                assert held.left == 1
                assert shared.scene.world.calls == ["reserve", "pay", "ship", "tell"]
                self.judged(shared.scene, "completed")

        self.run(main())

    def test_a_way_that_breaks_while_a_run_is_taken_over(self) -> None:
        """The successor reads again what it could not read, and carries on."""

        async def main() -> None:
            async with self.together() as shared:
                held, reach, next_reach = Held(), shared.reach("one"), shared.reach("two")
                next_reach.unread = {facts.stream_of(RUN): {1}, facts.signals_of(RUN): {3, 5}}
                async with self.sharing(shared, "one", self.holding(shared, held), reach) as one:
                    await self.accept(one)
                    await held.begun.wait()
                    reach.cut = True
                    async with self.sharing(shared, "two", self.make(shared.scene), next_reach) as two:
                        await two.ended(RUN)
                        reach.cut = False
                assert not any(next_reach.unread.values())
                self.judged(shared.scene, "completed")

        self.run(main())

    def test_a_lease_that_was_ended_writes_nothing(self) -> None:
        """From the moment another one may have a run, its first owner's step is recorded no more."""

        async def main() -> None:
            async with self.together() as shared:
                held, scene = Held(), shared.scene
                async with self.sharing(shared, "one", self.holding(shared, held)) as one:
                    await self.accept(one)
                    await held.begun.wait()
                    other = Tenure(scene.store, scene.clock, "two", ttl_s=TTL * self.unit, look_s=self.unit)
                    await other.begin()
                    (started,) = [
                        fact
                        for fact in map(scene.codec.unwrap, await scene.store.read_stream(f"run-{RUN}"))
                        if isinstance(fact, facts.RunStarted)
                    ]
                    assert await other.claim(started) is None
                    while True:
                        rows = await rows_about(scene.store, ENGINES)
                        if await end(
                            scene.store, next(row for row in rows if row.document["holder"] == "one")
                        ):
                            break
                    assert await other.claim(started) is not None
                    facts_then = await scene.types()
                    held.free.set()
                    await self.becomes(lambda: one.live(RUN) is None)
                    await asyncio.sleep(3 * self.unit)
                    assert await scene.types() == facts_then
                    assert scene.world.calls == ["reserve"]

        self.run(main())

    def test_an_engine_that_lost_its_lease_begins_anew(self) -> None:
        """It takes a new one, carries on with what nobody took, and accepts runs."""

        async def main() -> None:
            async with self.together() as shared:
                held, scene = Held(), shared.scene
                async with self.sharing(shared, "one", self.holding(shared, held)) as one:
                    await self.accept(one)
                    await held.begun.wait()
                    while not await end(scene.store, (await rows_about(scene.store, ENGINES))[0]):
                        pass
                    await self.becomes(lambda: held.left == 1)
                    held.free.set()
                    await one.accept("order", "next", {}, CONTEXT, owner="ann", serial_key="n")
                    await one.ended("next")
                    await one.ended(RUN)
                self.judged_only(shared, "completed")

        self.run(main())

    def judged_only(self, shared: Shared, state: str) -> None:
        """Say that no effect of the first run is there twice."""
        keys = [key for key in shared.scene.world.effects if key.startswith(RUN)]
        assert len(keys) == len({shared.scene.world.effects[key] for key in keys})


class HandingSuite(SharedBase):
    """From one to the other."""

    def test_an_engine_that_drains_hands_over_at_once(self) -> None:
        """Another one goes on long before the lease would have ended by its time."""

        async def main() -> None:
            async with self.together() as shared:
                timer = Timer(
                    name="pause", due=lambda run: run.clock.now() + timedelta(seconds=30 * self.unit)
                )
                async with self.sharing(shared, "two", self.make(shared.scene, between=timer)) as two:
                    async with self.sharing(shared, "one", self.make(shared.scene, between=timer)) as one:
                        await self.accept(one)
                        await self.reached(shared.scene, "pause")
                    gone = shared.scene.clock.monotonic()
                    await self.taken(shared, "two")
                    assert shared.scene.clock.monotonic() - gone < TTL * self.unit / 2
                    await two.ended(RUN)
                self.judged(shared.scene, "completed")

        self.run(main())

    def test_an_engine_takes_over_its_own_kinds_alone(self) -> None:
        """A run whose kind no engine has waits for one that has it."""

        async def main() -> None:
            async with self.together() as shared:
                held = Held()
                async with self.sharing(shared, "one", self.holding(shared, held)) as one:
                    await self.accept(one)
                    await held.begun.wait()
                stranger = self.holding(shared, held, "other")
                async with self.sharing(shared, "two", stranger) as two:
                    await asyncio.sleep(2 * TTL * self.unit)
                    assert two.live(RUN) is None
                    async with self.sharing(shared, "three", self.make(shared.scene)) as three:
                        await three.ended(RUN)
                        await two.ended(RUN)
                self.judged(shared.scene, "completed")

        self.run(main())

    def test_what_a_run_is_told_reaches_its_owner(self) -> None:
        """A signal, and then a stop, that only the log brings: the engine that carries the run acts on them."""

        async def main() -> None:
            for name in ("approve", "stop"):
                async with self.together() as shared:
                    wait = Signal(name="approval", signal="approve", timeout_s=1000 * self.unit)
                    saga = self.make(shared.scene, between=wait)
                    async with (
                        self.sharing(shared, "one", saga) as one,
                        self.sharing(shared, "two", saga) as two,
                    ):
                        await self.accept(one)
                        await self.reached(shared.scene, "approval")
                        assert not two.stop(RUN, "ann")
                        told = facts.SignalSent(run_id=RUN, name=name, by="ann", payload={"yes": True})
                        await shared.scene.tell(told, facts.signals_of(RUN))
                        await two.ended(RUN)
                    self.judged(shared.scene, "completed" if name == "approve" else "compensated")

        self.run(main())

    def test_what_a_person_resumes_has_one_owner(self) -> None:
        """All engines hear that a stuck saga goes on, and one of them carries it."""

        async def main() -> None:
            async with self.together() as shared:
                shared.scene.world.failing["tell"] = Conflict("Nobody listens.")
                saga = self.make(shared.scene, pivot="pay")
                async with self.sharing(shared, "one", saga) as one, self.sharing(shared, "two", saga) as two:
                    await self.accept(one)
                    await self.until(shared.scene, "failed_forward")
                    assert await shared.scene.store.get(CARRIERS, RUN) is None
                    del shared.scene.world.failing["tell"]
                    resumed = facts.RunResumed(run_id=RUN, by="ann")
                    await shared.scene.tell(resumed, facts.stream_of(RUN), "open")
                    await one.ended(RUN)
                    await two.ended(RUN)
                assert shared.scene.world.calls.count("tell") == 2
                self.judged(shared.scene, "completed")

        self.run(main())

    def test_runs_of_one_key_go_one_after_the_other_over_engines(self) -> None:
        """A run waits for those of its serial key that were accepted before, wherever they are carried."""

        async def main() -> None:
            async with self.together() as shared:
                first, second = Held(), Held()
                async with (
                    self.sharing(shared, "one", self.holding(shared, first)) as one,
                    self.sharing(shared, "two", self.holding(shared, second)) as two,
                ):
                    await self.accept(one)
                    await two.accept("order", "later", {}, CONTEXT, owner="ann", serial_key="k")
                    await two.accept("order", "apart", {}, CONTEXT, owner="ann", serial_key="other")
                    await second.begun.wait()
                    second.free.set()
                    await two.ended("apart")
                    assert len(await shared.scene.store.read_stream("run-later")) == 1
                    first.free.set()
                    await two.ended("later")
                ends = [at.position for at in shared.wrote if at.run == f"run-{RUN}"]
                begins = [at.position for at in shared.wrote if at.run == "run-later"][1:]
                assert max(ends) < min(begins)

        self.run(main())


class SharedRunsSuite(OwnerSuite, HandingSuite):
    """All of it."""
