"""Aggregates are what their events say, now and at any time before."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.repository import Repository, Snapshots
from autobot.kernel.event_store.transaction import Erase, Recorded, Transaction
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio
CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Money came in."""

    TYPE: ClassVar[str] = "autobot.test.paid.v1"
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The sum of what was paid."""

    name: str
    balance: int = 0


def apply(state: Account, event: Any, recorded: Recorded) -> Account:
    """Add what was paid."""
    return replace(state, balance=state.balance + event.amount)


class World:
    def __init__(self, every: int | None = None, schema: str = "account.v1") -> None:
        self.clock = ManualClock()
        self.store = MemoryEventStore(self.clock)
        ids = Uuid7Source(self.clock, random.Random(1))
        self.codec = EventCodec((Paid,), self.clock, ids, source="urn:autobot:test")
        self.decoded = 0
        self.repository = self.made(every, schema)

    def made(self, every: int | None, schema: str) -> Repository[Account]:
        def decode(data: bytes) -> Account:
            self.decoded += 1
            return Account(name="kept", balance=int(data))

        kept = None
        if every is not None:
            kept = Snapshots(
                schema=schema, every=every, encode=lambda state: str(state.balance).encode(), decode=decode
            )
        return Repository(
            self.store, self.codec, initial=lambda stream: Account(name=stream), apply=apply, snapshots=kept
        )

    async def pay(self, *amounts: int) -> None:
        loaded = await self.repository.load("acc")
        append = self.repository.append("acc", loaded, [Paid(amount=one) for one in amounts], CONTEXT)
        await self.store.commit(
            Transaction(appends=(append,), snapshots=self.repository.snapshot("acc", loaded))
        )


async def test_load_append_load() -> None:
    """An empty stream gives the initial state; what is appended is in the next load; a stale writer is refused."""
    world = World()
    stale = await world.repository.load("acc")
    assert (stale.state, stale.revision) == (Account(name="acc"), -1)
    await world.pay(1, 2, 3)
    loaded = await world.repository.load("acc")
    assert (loaded.state.balance, loaded.revision) == (6, 2)
    late = world.repository.append("acc", stale, [Paid(amount=1)], CONTEXT)
    with pytest.raises(WrongExpectedVersion):
        await world.store.commit(Transaction(appends=(late,)))


async def test_long_streams_are_read_by_pages() -> None:
    """A stream longer than a page is folded whole."""
    world = World()
    await world.pay(*([1] * 4500))
    assert (await world.repository.load("acc")).state.balance == 4500


async def test_as_of_a_position_and_a_time() -> None:
    """The state as it was after any event, by position and by time."""
    world = World()
    for _ in range(5):
        await world.pay(10)
        world.clock.advance(60)
    start = world.clock.now() - timedelta(seconds=300)
    for number in range(6):
        by_position = await world.repository.load_at("acc", position=number)
        assert by_position.state.balance == 10 * number
    for seconds, balance in ((-1, 0), (0, 10), (59, 10), (60, 20), (1000, 50)):
        by_time = await world.repository.load_at("acc", at=start + timedelta(seconds=seconds))
        assert by_time.state.balance == balance
    assert (await world.repository.load_at("acc")).state.balance == 50


async def test_snapshots_save_the_fold() -> None:
    """A snapshot is taken when it is due and begins the next load; another shape of it is not used."""
    world = World(every=4)
    for _ in range(9):
        await world.pay(1)
    loaded = await world.repository.load("acc")
    assert world.decoded > 0
    assert (loaded.state.balance, loaded.revision, loaded.snapshot) == (9, 8, 7)
    other = World.made(world, 4, "account.v2")
    assert (await other.load("acc")).snapshot == -1
    assert (await world.repository.load_at("acc", position=3)).state.balance == 3


async def test_erased_events_change_nothing_but_the_revision() -> None:
    """After an erasure the state is what is left, and writing goes on at the right revision."""
    world = World()
    await world.pay(1, 2)
    await world.store.commit(Transaction(erase=(Erase(stream="acc"),)))
    await world.pay(5)
    loaded = await world.repository.load("acc")
    assert (loaded.state.balance, loaded.revision) == (5, 2)


@pytest.mark.parametrize(("schema", "every"), [("", 5), ("x", 0)])
def test_snapshot_options_are_checked(schema: str, every: int) -> None:
    """Snapshots without a name of their shape, or taken never, refuse to start."""
    with pytest.raises(ValueError, match="snapshots"):
        Snapshots(schema=schema, every=every, encode=str.encode, decode=bytes.decode)
