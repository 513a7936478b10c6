"""The part of the event store's suite on following the log, and on what a reader may rely on meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from autobot.kernel.event_store.ports import StoreClosed
from autobot.testing.conformance.event_store_base import PATIENCE_S, Base, ids, read_whole_log


class FollowingSuite(Base):
    """Subscriptions, closing, cancellation."""

    @pytest.mark.anyio
    async def test_a_subscription_gives_the_past_then_the_present(self) -> None:
        """From a position on every event comes once and in order, what was there and what is committed later."""
        async with self.open() as store:
            await store.commit(self.make.transaction("a", 40))
            got: list[int] = []
            started = asyncio.Event()

            async def follow() -> None:
                async for batch in store.subscribe(after=10):
                    got.extend(one.position for one in batch)
                    started.set()
                    if got[-1] >= 100:
                        return

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                group.create_task(follow())
                await started.wait()
                for _ in range(6):
                    await asyncio.gather(*(store.commit(self.make.transaction("b", 2)) for _ in range(5)))
            assert got == list(range(11, 101))

    @pytest.mark.anyio
    async def test_followers_are_apart(self) -> None:
        """A follower that does not take its batches delays neither commits nor another follower; it misses nothing."""
        async with self.open() as store:
            slow, quick = store.subscribe(after=0), store.subscribe(after=0)
            await store.commit(self.make.transaction("a"))
            async with asyncio.timeout(PATIENCE_S):
                assert len(await anext(slow)) == 1
                seen = 0
                for number in range(2, 60):
                    await store.commit(self.make.transaction("a"))
                    while seen < number:
                        seen += len(await anext(quick))
                late = [one.position for one in await anext(slow)]
                while late[-1] < 59:
                    late += [one.position for one in await anext(slow)]
            assert late == list(range(2, 60))

    @pytest.mark.anyio
    async def test_close_ends_subscriptions_and_refuses_commits(self) -> None:
        """After close a waiting follower ends, a commit raises StoreClosed, and closing again does nothing."""
        async with self.open() as store:
            ended = asyncio.Event()

            async def follow() -> None:
                async for _ in store.subscribe(after=0):
                    pass
                ended.set()

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                group.create_task(follow())
                await store.commit(self.make.transaction("a"))
                await store.close()
            assert ended.is_set()
            with pytest.raises(StoreClosed):
                await store.commit(self.make.transaction("a"))
            await store.close()

    @pytest.mark.anyio
    async def test_reads_see_every_commit_that_returned(self) -> None:
        """Whatever a commit has answered is in the next read of every kind, at any speed of commits."""
        async with self.open() as store:

            async def writer(number: int) -> None:
                for revision in range(20):
                    done = await store.commit(self.make.transaction(f"s{number}", expected=revision - 1))
                    assert await store.head() >= done.position
                    (last,) = await store.read_stream(f"s{number}", after=revision - 1)
                    assert last.position == done.position
                    (here,) = await store.read_all(after=done.position - 1, limit=1)
                    assert here == last

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                for number in range(8):
                    group.create_task(writer(number))
            assert len(ids(await read_whole_log(store))) == 160

    @pytest.mark.anyio
    async def test_a_cancelled_commit_is_whole_or_not_done(self) -> None:
        """Callers that give up leave their transaction written with all its parts or without any."""
        async with self.open() as store:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.commit_pair(store, number)) for number in range(40)]
                await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
            await store.commit(self.make.transaction("last"))
            written = {one.stream for one in await read_whole_log(store)} - {"last"}
            for number in range(40):
                document = await store.get("pairs", str(number))
                assert (document is not None) == (f"pair-{number}" in written)
            assert {f"pair-{number}" for number in range(1, 40, 2)} <= written
