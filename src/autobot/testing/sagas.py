"""For tests of sagas: a world outside that remembers what was done to it, a store that dies, and the judge.

The judge knows nothing of engine and sagas: it compares how a run is said to have ended with what the world holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Committed, Document, Query, Recorded, Transaction
from autobot.kernel.sagas.run import Run
from autobot.testing.faults import Through
from autobot.testing.history import Finding


@dataclass
class World:
    """What steps did. An effect is known by its key: asked for again under the same key it is there already.

    `failing` says what a name (`pay`, `undo:pay`) meets: so many failures first, or one error for ever.
    `loses` names what happens although its answer is lost, once each.
    """

    effects: dict[str, str] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, int | Exception] = field(default_factory=dict)
    loses: set[str] = field(default_factory=set)
    keys: Callable[[Run, str], str] = Run.key

    def action(self, name: str) -> Callable[[Run], Awaitable[Any]]:
        """Return what does `name`."""

        async def act(run: Run) -> Any:
            self.calls.append(name)
            self._meet(name)
            self.effects[self.keys(run, name)] = name
            self._lose(name)
            return {"did": name}

        return act

    def compensation(self, name: str) -> Callable[[Run], Awaitable[None]]:
        """Return what undoes `name`, whether it happened or not."""

        async def undo(run: Run) -> None:
            self.calls.append(f"undo:{name}")
            self._meet(f"undo:{name}")
            self.undone.add(name)
            for key in [key for key, what in self.effects.items() if what == name]:
                del self.effects[key]
            self._lose(f"undo:{name}")

        return undo

    def _meet(self, name: str) -> None:
        left = self.failing.get(name, 0)
        if isinstance(left, Exception):
            raise left
        if left:
            self.failing[name] = left - 1
            raise ConnectionLost("The other side went away.")

    def _lose(self, name: str) -> None:
        if name in self.loses:
            self.loses.discard(name)
            raise ConnectionLost("The answer was lost.")


class Dies(Through):
    """A store of a process that dies at its `at`-th commit: before it, or after it and before hearing so."""

    def __init__(self, store: EventStore, at: int, *, after: bool) -> None:
        super().__init__(store)
        self.at, self.after, self.commits = at, after, 0

    @property
    def dead(self) -> bool:
        """Whether it has died."""
        return self.commits >= self.at

    async def commit(self, transaction: Transaction) -> Committed:
        if self.dead:
            raise ConnectionLost("The process is dead.")
        self.commits += 1
        dies = self.commits == self.at
        if dies and not self.after:
            raise ConnectionLost("The process dies.")
        done = await self.store.commit(transaction)
        if dies:
            raise ConnectionLost("The process dies.")
        return done


@dataclass(frozen=True, slots=True)
class Wrote:
    """A fact of a run, by whom it was written and under which epoch."""

    position: int
    run: str
    owner: str
    epoch: int


class Owned(Through):
    """The store as one engine reaches it: notes which facts of runs it wrote, and is out of its reach while `cut`;
    `unread` names the reads of a stream that fail, from 1."""

    def __init__(self, store: EventStore, owner: str, wrote: list[Wrote]) -> None:
        super().__init__(store)
        self.owner, self.wrote, self.cut = owner, wrote, False
        self.unread: dict[str, set[int]] = {}
        self._reads: Counter[str] = Counter()

    def _reach(self) -> None:
        if self.cut:
            raise ConnectionLost("The store is out of reach.")

    async def commit(self, transaction: Transaction) -> Committed:
        self._reach()
        done = await self.store.commit(transaction)
        for append in transaction.appends:
            if append.stream.startswith("run-") and not done.repeated:
                epoch = next((one.position for one in transaction.checkpoints), 0)
                self.wrote.append(Wrote(done.position, append.stream, self.owner, epoch))
        return done

    async def get(self, table: str, key: str) -> Document | None:
        self._reach()
        return await self.store.get(table, key)

    async def query(self, query: Query) -> Sequence[Document]:
        self._reach()
        return await self.store.query(query)

    async def read_stream(self, stream: str, *, after: int = -1, limit: int = 1000) -> Sequence[Recorded]:
        self._reach()
        self._reads[stream] += 1
        if self._reads[stream] in self.unread.get(stream, ()):
            self.unread[stream].remove(self._reads[stream])
            raise ConnectionLost("The store is out of reach.")
        return await self.store.read_stream(stream, after=after, limit=limit)

    async def checkpoint(self, consumer: str) -> int:
        self._reach()
        return await self.store.checkpoint(consumer)


def judge_carriers(wrote: Sequence[Wrote]) -> list[Finding]:
    """Say where a run was carried by two at one time: whoever was followed by another under a lease writes nothing more
    under that lease."""
    found, over = [], set()
    last: dict[str, tuple[str, int]] = {}
    for one in sorted(wrote, key=lambda each: each.position):
        now = (one.owner, one.epoch)
        before = last.get(one.run, now)
        if now != before:
            over.add((one.run, *before))
        if (one.run, *now) in over:
            found.append(
                Finding(
                    "doubled", f"{one.run}: {one.owner} wrote at {one.position} after it had been succeeded"
                )
            )
        last[one.run] = now
    return found


def judge(
    state: str, world: World, steps: Sequence[str], *, undoable: Mapping[str, bool], stuck: str = ""
) -> list[Finding]:
    """Compare how a saga is said to stand with the world: all of it happened once, or none of it is left.

    `undoable` says of each step whether it has a compensation; `stuck` is the step at which a saga waits for a person.
    """
    found = []
    count = {name: sum(1 for what in world.effects.values() if what == name) for name in steps}
    for name, times in count.items():
        if times > 1:
            found.append(Finding("doubled", f"{name} happened {times} times"))
    if state == "completed":
        found += [Finding("lost", f"{name} never happened") for name, times in count.items() if times == 0]
        found += [Finding("torn", f"{name} was undone") for name in steps if name in world.undone]
    elif state == "compensated":
        left = [name for name, times in count.items() if times and undoable[name]]
        found += [Finding("torn", f"{name} is left") for name in left]
    elif state == "failed_compensation":
        later = steps[steps.index(stuck) + 1 :]
        found += [Finding("torn", f"{one} is left") for one in later if count[one] and undoable[one]]
    undos = [one.removeprefix("undo:") for one in world.calls if one.startswith("undo:")]
    order = [steps.index(one) for one in dict.fromkeys(undos)]
    if order != sorted(order, reverse=True):
        found.append(Finding("reordered", f"undone in the order {', '.join(undos)}"))
    return found
