"""What the authenticator keeps in memory, and when it must not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.contexts.identity.domain.user import User
from autobot.contexts.identity.handlers.authenticate import Authenticator
from autobot.contexts.identity.ports.directory import USAGE, Directory
from autobot.contracts import identity
from autobot.kernel.event_store.transaction import Committed, Query, Transaction
from tests.unit.contexts.identity.kit import World, make

pytestmark = pytest.mark.anyio


class HeldDirectory(Directory):
    """Reads a user's row at once and hands it over when told."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store, world.codec)
        self.held: set[str] = set()
        self.read, self.go_on = asyncio.Event(), asyncio.Event()
        self.reads = 0

    async def user(self, user_id: str) -> User | None:
        """Return the row as it was when it was read."""
        self.reads += 1
        found = await super().user(user_id)
        if user_id in self.held:
            self.read.set()
            await self.go_on.wait()
        return found


async def test_a_proof_read_before_a_suspension_is_not_kept_after_it() -> None:
    """A credential that was being read while its user was suspended fails at the next request."""
    world = World()
    await world.do(identity.FirstStart())
    ada, eve = await world.add("ada"), await world.add("eve")
    mine, other = (await world.sign_in("ada")).token, (await world.sign_in("eve")).token
    directory = HeldDirectory(world)
    directory.held.add(ada)
    proving: Authenticator[Any] = Authenticator(directory, world.store, world.codec, world.clock, make)
    async with asyncio.TaskGroup() as group:
        early = group.create_task(proving.session(mine))
        await directory.read.wait()
        await world.do(identity.ChangeUser(user_id=ada, suspended=True))
        assert (await proving.session(other)).principal.user_id == eve
        directory.go_on.set()
    assert early.result() is not None, "it began before the suspension was committed"
    assert await proving.session(mine) is None


async def test_what_was_proven_is_not_read_again() -> None:
    """A credential costs reads once; facts of other contexts and users cost it none."""
    world = World()
    await world.do(identity.FirstStart())
    await world.add("ada")
    eve = await world.add("eve")
    token = (await world.sign_in("ada")).token
    directory = HeldDirectory(world)
    proving: Authenticator[Any] = Authenticator(directory, world.store, world.codec, world.clock, make)
    first = await proving.session(token)
    await world.do(identity.ChangeUser(user_id=eve, suspended=True))
    assert await proving.session(token) is first
    assert directory.reads == 1


async def test_memory_is_bounded() -> None:
    """However many credentials are proven, only so many proofs are kept, and all still hold."""
    world = World()
    directory = Directory(world.store, world.codec)
    proving: Authenticator[Any] = Authenticator(
        directory, world.store, world.codec, world.clock, make, kept_max=3
    )
    await world.add("ada")
    tokens = [(await world.sign_in("ada")).token for _ in range(8)]
    for token in tokens + tokens:
        assert await proving.session(token)
        assert len(proving._kept) <= 3


class FullDisk:
    """A store whose disk is full until told otherwise; only what the authenticator asks of a store."""

    def __init__(self, inner: MemoryEventStore) -> None:
        self.inner = inner
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def head(self) -> int:
        return await self.inner.head()

    async def commit(self, transaction: Transaction) -> Committed:
        """Refuse, after something else happened."""
        if self.meanwhile is None:
            return await self.inner.commit(transaction)
        await self.meanwhile()
        raise OSError("no space")


async def test_uses_that_could_not_be_written_are_kept_for_the_next_time() -> None:
    """When the store refuses, nothing is lost; a use in between is not overwritten by the older one."""
    world = World()
    await world.add("ada")
    token = (await world.sign_in("ada")).token
    disk: Any = FullDisk(world.store)
    directory = Directory(world.store, world.codec)
    proving: Authenticator[Any] = Authenticator(directory, disk, world.codec, world.clock, make)
    await proving.session(token)

    async def use() -> None:
        world.clock.move(minutes=1)
        await proving.session(token)

    disk.meanwhile = use
    with pytest.raises(OSError, match="no space"):
        await proving.flush()
    disk.meanwhile = None
    assert await proving.flush() == 1
    assert await proving.flush() == 0
    (row,) = await world.store.query(Query(table=USAGE))
    assert row.document["at"] == "2026-03-01T12:01:00.000000Z"
