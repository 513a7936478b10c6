"""Whatever fails and whatever people decide: order per key holds, no event is lost, none has its effect twice."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.contracts import messaging, replays
from autobot.testing import virtual_time
from tests.unit.contexts.messaging.world import GROUP, World

KEYS = "abc"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.text(alphabet=KEYS, min_size=1, max_size=4)),
        st.tuples(st.just("refuse"), st.sets(st.integers(0, 4), min_size=1, max_size=3)),
        st.tuples(st.just("replay"), st.integers(0, 5)),
        st.tuples(st.just("discard"), st.integers(0, 5)),
        st.tuples(st.just("edit"), st.integers(0, 5)),
        st.tuples(st.just("replay all"), st.just(0)),
        st.tuples(st.just("hold"), st.booleans()),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("wait"), st.just(0)),
        st.tuples(st.just("wait"), st.just(1)),
    ),
    min_size=12,
    max_size=40,
)
COPY = 1_000
"""What an edited order's number is raised by: its place in the order of its key is that of the original."""


class History:
    """What was ordered, and what people decided on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ordered: dict[str, list[int]] = {key: [] for key in KEYS}
        self.discarded: set[int] = set()
        self.copied: set[int] = set()
        self.refused: set[int] = {1, 2}
        self.number = 0

    async def order(self, keys: str) -> None:
        """Order one for each letter; every fifth number's remainder decides whether it is refused."""
        for key in keys:
            self.number += 1
            self.ordered[key].append(self.number)
            if self.number % 5 in self.refused:
                self.world.orders.refuses.add(self.number)
            await self.world.append(key, self.number)

    async def letter(self, index: int) -> tuple[messaging.DeadLetterSummary, int] | None:
        """Return one of the dead letters with the number that it stands for."""
        letters = await self.world.letters()
        if not letters:
            return None
        letter = letters[index % len(letters)]
        original = (await self.world.store.read_all(after=letter.position - 1, limit=1))[0]
        return letter, self.world.codec.unwrap(original).number

    async def decide(self, step: str, index: int) -> None:
        """Replay, discard or edit one dead letter; the handler takes what was decided to be sound."""
        found = await self.letter(index)
        if found is None:
            return
        letter, number = found
        if step == "discard":
            await self.world.do(messaging.DiscardDeadLetter(id=letter.id, reason="A step."))
            self.discarded.add(number)
            return
        if step == "replay":
            self.world.orders.refuses.discard(number)
            await self.world.do(messaging.ReplayDeadLetter(id=letter.id))
            return
        data = {"number": number + COPY}
        await self.world.do(messaging.EditDeadLetter(id=letter.id, data=data, reason="A step."))
        self.copied.add(number)

    async def take(self, name: str, value: object) -> None:
        """Take one step."""
        do = self.world.do
        match name, value:
            case "order", str():
                await self.order(value)
            case "refuse", set():
                self.refused = value
            case "hold", True:
                await do(messaging.HoldConsumer(group=GROUP, reason="A step."))
            case "hold", _:
                await do(messaging.ReleaseConsumer(group=GROUP, reason="A step."))
            case "replay all", _:
                selection = messaging.Selection(group=GROUP)
                await do(replays.RequestReplay(selection=selection, per_second=1000.0))
            case "wait", _:
                await asyncio.sleep(1.0)
            case _, int():
                await self.decide(name, value)

    async def agrees(self) -> None:
        """Compare what was done with what had to be: each key's orders, without what is dead or waits behind it."""
        dead = {(await self.letter(index))[1] for index in range(len(await self.world.letters()))}  # type: ignore[index]
        done = await self.world.done()
        for key, ordered in self.ordered.items():
            first = min((one for one in ordered if one in dead), default=None)
            wanted = [
                one + COPY if one in self.copied else one
                for one in ordered
                if one not in self.discarded and (first is None or one < first)
            ]
            assert done.get(key, []) == wanted, key


async def play(steps: list[tuple[str, object]]) -> None:
    """Take the steps, over as many lives of the process as they ask for, then let everything be handled."""
    world = World()
    history = History(world)
    lives: list[list[tuple[str, object]]] = [[]]
    for step in steps:
        if step[0] == "restart":
            lives.append([])
        else:
            lives[-1].append(step)
    for life in lives:
        async with world.running():
            for name, value in life:
                await history.take(name, value)
    async with world.running():
        await world.do(messaging.ReleaseConsumer(group=GROUP, reason="The end."))
        await world.no_replay_runs()
        await world.settled()
        await history.agrees()
        world.orders.refuses.clear()
        for _ in range(history.number + 1):
            for letter in await world.letters():
                await world.do(messaging.ReplayDeadLetter(id=letter.id))
            await world.settled()
        assert await world.letters() == ()
        await history.agrees()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_sequence_of_failures_and_decisions_loses_doubles_or_reorders(
    steps: list[tuple[str, object]],
) -> None:
    """After any failures, replays, discards, edits, holds and restarts each key's effects are its orders, once, in order."""
    virtual_time.run(play(steps))
