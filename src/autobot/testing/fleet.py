"""Processes of roles on one store, each with a wall clock of its own, moved on second by second by the test.

Nothing runs by itself: `Fleet.passed` lets every process do what is due, in one order, so a run is the same each time
on every store. A process can be killed (says nothing any more), paused (does nothing until it goes on), or cut off
from the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from autobot.contexts.roles.module import RENEW_S, Instance, Membership, Observer, Self, Within, bury, members
from autobot.contracts import roles
from autobot.kernel.commands.speech import Contracts
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import ConnectionLost
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Committed, Filter, Transaction
from autobot.testing.faults import Through
from autobot.testing.virtual_time import ManualClock, seeded

FACTS: Final = Filter(types=("autobot.roles.*",))


class Away(Through):
    """A store whose way can be cut: before a commit, or after it so that only the word of it is lost."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self.cut = False
        self.lost_words = 0

    def _pass(self) -> None:
        if self.cut:
            raise ConnectionLost("The store is away.")

    async def commit(self, transaction: Transaction) -> Committed:
        self._pass()
        done = await self.store.commit(transaction)
        if self.lost_words:
            self.lost_words -= 1
            raise ConnectionLost("The answer got lost.")
        return done

    async def get(self, table: str, key: str) -> Any:
        self._pass()
        return await self.store.get(table, key)

    async def query(self, query: Any) -> Any:
        self._pass()
        return await self.store.query(query)

    async def read_all(self, **given: Any) -> Any:
        self._pass()
        return await self.store.read_all(**given)


class WallClock:
    """The Clock port: everybody's monotonic time, and a wall clock that can be set."""

    def __init__(self, base: ManualClock) -> None:
        self._base, self.off = base, timedelta()

    def now(self) -> datetime:
        return self._base.now() + self.off

    def monotonic(self) -> float:
        return self._base.monotonic()


@dataclass(slots=True)
class Process:
    """One process. `looks` is when it looked last, `says` when it gave a sign of life last."""

    own: Self
    member: Membership
    observer: Observer
    clock: WallClock
    way: Away
    context: CallContext
    alive: bool = True
    paused: bool = False
    said_at: float = 0.0
    targets: frozenset[str] = field(default_factory=frozenset)

    @property
    def id(self) -> str:
        """The id under which it takes part now; its own while it does not."""
        return self.own.id if self.member.row is None else self.member.row.id


class Fleet:
    """All processes. `membership` and `observer` make the parts under test."""

    def __init__(
        self,
        store: EventStore,
        membership: type[Membership] = Membership,
        observer: type[Observer] = Observer,
        clock: ManualClock | None = None,
    ) -> None:
        self.store, self._membership, self._observer = store, membership, observer
        self.clock = clock or ManualClock()
        self.ids = Uuid7Source(self.clock, seeded())
        self.codec = EventCodec(roles.EVENTS, self.clock, self.ids, source="urn:autobot:test")
        self.processes: list[Process] = []

    async def start(
        self,
        name: str,
        role: str = "backend",
        speaks: Contracts | None = None,
        key_mark: str = "",
        within: Within | None = None,
    ) -> Process:
        """Start a process; it joins at once. `within` tells which processes it started."""
        trace = TraceContext(trace_id="1" * 32, span_id="2" * 16)
        context = CallContext(correlation_id=self.ids.new(), principal=SYSTEM, trace=trace)
        way, clock = Away(self.store), WallClock(self.clock)
        number = len(self.processes)
        own = Self(
            id=name, role=role, address=f"http://10.0.0.{number}:8001", version="1.0", contracts=speaks.fingerprint() if speaks else "c",
            host=f"host-{number}", pid=100 + number, speaks=speaks, key_mark=key_mark,
        )  # fmt: skip
        member = self._membership(own, way, self.codec, clock, context, within=within)
        process = Process(own, member, self._observer(), clock, way, context, said_at=clock.monotonic())
        await member.join()
        self.processes.append(process)
        return process

    async def passed(self, seconds: int) -> None:
        """Let time pass; each second every process gives its sign of life when it is due, and looks."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            for one in self.processes:
                if one.alive and not one.paused:
                    await self._turn(one)

    async def _turn(self, one: Process) -> None:
        now = self.clock.monotonic()
        if now - one.said_at >= RENEW_S:
            try:
                await one.member.renew()
                one.said_at = now
            except ConnectionLost:
                pass
        await self.look(one)

    async def look(self, one: Process) -> None:
        """Let a process look at the table; what it cannot read leaves its targets as they were."""
        try:
            rows = [row for row, _ in await members(one.way)]
            one.observer.look(rows, self.clock.monotonic())
            live = (row for row in rows if one.observer.state(row)[0] == "live")
            one.targets = frozenset(row.address for row in live)
            await bury(one.way, self.codec, one.observer, one.context)
        except ConnectionLost:
            return

    async def rows(self) -> dict[str, Instance]:
        """Return the table by id."""
        return {row.id: row for row, _ in await members(self.store)}

    async def facts(self) -> list[Any]:
        """Return every fact about roles, in the order of the log."""
        return [self.codec.unwrap(one) for one in await self.store.read_all(where=FACTS, limit=10_000)]

    async def told(self) -> list[str]:
        """Return the facts as short words: `joined backend-1 1`."""
        found = []
        for fact in await self.facts():
            found.append(f"{type(fact).__name__.removeprefix('Role').lower()} {fact.instance} {fact.epoch}")
        return found


def broken_order(facts: list[Any]) -> list[str]:
    """Return where the facts of an instance do not follow one another as a life does.

    A life begins with *joined* under the next number; in it *draining* comes once at most; *lost* ends it, *left* the
    instance; without either the next life of another process begins.
    """
    broken = []
    state: dict[str, tuple[int, str]] = {}
    for fact in facts:
        word, epoch = type(fact).__name__.removeprefix("Role").lower(), fact.epoch
        lives, stands = state.get(fact.instance, (0, "nothing"))
        fits = {
            "joined": epoch == lives + 1,
            "draining": epoch == lives and stands == "joined",
            "lost": epoch == lives and stands in ("joined", "draining"),
            "left": epoch == lives and stands in ("joined", "draining", "lost"),
        }
        if not fits[word]:
            broken.append(f"{word} {epoch} of {fact.instance} after {stands} {lives}")
        state[fact.instance] = (epoch, word)
    return broken
