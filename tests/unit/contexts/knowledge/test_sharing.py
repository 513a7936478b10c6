"""Several processes on one queue of documents: each document is one's, and one that is gone leaves its own to others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from autobot.contexts.knowledge.module import Shares
from autobot.contexts.knowledge.ports.documents import VECTORS, WORK, Library, claim_on, put_claimed
from autobot.contexts.knowledge.process.sharing import INDEXERS
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge import indexing
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.core.failure import failure_of
from autobot.kernel.event_store.transaction import Transaction
from autobot.kernel.messaging.leases import Lease
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import World

pytestmark = pytest.mark.anyio
TTL_S = 0.4
FAILURE = failure_of(InvalidInput("It is broken."), "c")


@pytest.fixture
def world() -> World:
    """The context, with an embedder that is there."""
    made = World(HashingEmbedder(HandClock()))
    made.embedder.there = True
    return made


@asynccontextmanager
async def backend(world: World, name: str, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Index in the background for the block, as one of several processes."""
    indexer = world.indexer(shares=Shares(world.store, world.clock, name, ttl_s=TTL_S), **options)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(indexer.run())
        try:
            yield task
        finally:
            task.cancel()


async def claims(world: World, group: str = WORK) -> dict[str, str]:
    """Return who has which document of the queue."""
    return {row.key: claim_on(row) async for row in Library(world.store).waiting(group)}


async def killed(world: World, name: str) -> str:
    """Let a process have its lease and all that waits, and be heard of no more; returns what its claims say."""
    lease = Lease(world.store, world.clock, f"indexer:{name}", name, about=INDEXERS)
    assert await lease.take()
    claim = f"{name}:{lease.token}"
    waiting = [row async for row in Library(world.store).waiting(WORK)]
    await world.store.commit(Transaction(writes=tuple(put_claimed(row, claim) for row in waiting)))
    return claim


async def times_indexed(world: World) -> Counter[str]:
    """Return how often each document was said to be indexed."""
    found = [world.codec.unwrap(one) for one in await world.store.read_all(limit=1000)]
    return Counter(one.document_id for one in found if isinstance(one, contract.DocumentIndexed))


async def test_two_share_the_queue_and_do_nothing_twice(world: World) -> None:
    """Both work at one time, on documents that differ, and each is indexed once."""
    added = [(await world.add(f"fern {one}", title=f"Fern {one}")).id for one in range(8)]
    asked: list[tuple[str, ...]] = []
    both = asyncio.Event()

    async def seen(texts: Sequence[str]) -> None:
        asked.append(tuple(texts))
        if len({one.partition(":")[0] for one in (await claims(world)).values() if one}) == 2:
            both.set()
        await both.wait()

    world.embedder.then = seen
    async with asyncio.timeout(20), backend(world, "one"), backend(world, "two"):
        for one in added:
            assert (await world.settled(one)).status == "ready"
    assert await times_indexed(world) == dict.fromkeys(added, 1)
    assert sorted(asked) == [(f"fern {one}",) for one in range(8)]
    assert await claims(world) == {}


async def test_what_a_silent_one_had_is_taken_over_and_it_says_nothing_more(world: World) -> None:
    """When its lease is over another indexes its document; what it says then of it changes nothing."""
    accepted = await world.add("ferns in the shade")
    mine = await killed(world, "one")
    assert await claims(world) == {accepted.id: mine}
    held, go = asyncio.Event(), asyncio.Event()

    async def wait(texts: Sequence[str]) -> None:
        held.set()
        await go.wait()

    world.embedder.then = wait
    async with asyncio.timeout(20), backend(world, "two"):
        await held.wait()
        late = indexing.RecordFailed(id=accepted.id, version=1, error=FAILURE, claim=mine)
        told = await world.do(late, SYSTEM)
        assert (told.wanted, told.yours) == (True, False)
        assert (await world.ask(contract.GetDocument(id=accepted.id))).error is None
        go.set()
        assert (await world.settled(accepted.id)).status == "ready"
    assert await times_indexed(world) == {accepted.id: 1}


async def test_one_that_stops_in_order_leaves_its_documents_at_once(world: World) -> None:
    """Another goes on with them without waiting for the end of a lease."""
    accepted = await world.add("ferns in the shade")
    held = asyncio.Event()

    async def wait(texts: Sequence[str]) -> None:
        held.set()
        await asyncio.Event().wait()

    world.embedder.then = wait
    patient = Shares(world.store, world.clock, "one", ttl_s=60)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.indexer(shares=patient).run())
        await held.wait()
        task.cancel()
    world.embedder.then = None
    async with asyncio.timeout(20), backend(world, "two"):
        assert (await world.settled(accepted.id)).status == "ready"


async def test_a_fetched_or_renamed_document_stays_with_who_works_on_it(world: World) -> None:
    """What is said of a document in the midst of the work takes the claim from nobody; a new version does."""
    accepted = await world.add("ferns in the shade")
    mine = await killed(world, "one")
    await world.do(contract.ChangeDocument(id=accepted.id, title="Ferns"))
    assert await claims(world) == {accepted.id: mine}
    await world.add("more ferns", id=accepted.id)
    assert await claims(world) == {accepted.id: ""}


async def test_vectors_that_are_missing_are_caught_up_by_one(world: World) -> None:
    """Documents that words alone find get their vectors from either process, each once."""
    world.embedder.there = False
    async with (
        asyncio.timeout(30),
        backend(world, "one", vectors_s=0.01),
        backend(world, "two", vectors_s=0.01),
    ):
        added = [(await world.add(f"fern {one}")).id for one in range(4)]
        for one in added:
            assert (await world.settled(one)).words_only
        world.embedder.there = True
        while await claims(world, VECTORS):
            await asyncio.sleep(0)
    assert await times_indexed(world) == dict.fromkeys(added, 2)
