"""The end of the log by part: what lies in the store is read once, what comes is told to the part it is for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.redis.options import StreamOptions
from autobot.adapters.redis.tail import LogTail
from autobot.kernel.event_store.transaction import Recorded
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VIRTUAL_BACKEND, VirtualClock

pytestmark = pytest.mark.anyio
OPTIONS = StreamOptions(parts=4, batch=10)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """A loop whose clock jumps."""
    return VIRTUAL_BACKEND


class Counting(MemoryEventStore):
    """Counts the pages that are read."""

    reads = 0

    async def read_all(self, **words: Any) -> Sequence[Recorded]:
        self.reads += 1
        return await super().read_all(**words)


@asynccontextmanager
async def followed(store: MemoryEventStore) -> AsyncIterator[LogTail]:
    """Give the tail while it follows."""
    tail = LogTail(store, OPTIONS)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(tail.run())
        yield tail
        following.cancel()


def never() -> bool:
    """Never stop waiting."""
    return False


async def whole(tail: LogTail, head: int) -> list[list[Recorded]]:
    """Read every part up to the head in turns, as relays do: each time from where its last answer was whole."""
    found: list[list[Recorded]] = [[] for _ in range(OPTIONS.parts)]
    stands = [0] * OPTIONS.parts
    while min(stands) < head:
        number = stands.index(min(stands))
        events, upto = await tail.after(number, stands[number], OPTIONS.batch, 1.0, never)
        assert len(events) <= OPTIONS.batch
        assert upto > stands[number]
        found[number] += events
        stands[number] = upto
    return found


@pytest.mark.parametrize("keys", [1, 16])
async def test_what_is_behind_is_read_once_for_all_parts(keys: int) -> None:
    """Parts that come to the same pages share them, also when all events are of one part; each gets its own, whole."""
    clock = VirtualClock()
    store, make = Counting(clock), Maker(clock)
    for number in range(200):
        await store.commit(make.transaction(f"k{number % keys}"))
    async with followed(store) as tail:
        parts = await whole(tail, 200)
    assert store.reads == 200 // (OPTIONS.batch * OPTIONS.parts)
    for number, events in enumerate(parts):
        assert [one.position for one in events] == sorted({one.position for one in events})
        assert all(OPTIONS.part_of(one.message.partition_key) == number for one in events)
    assert sum(map(len, parts)) == 200


async def test_a_part_that_got_nothing_passes_soon_after() -> None:
    """The part of a new event has it at once; the others say that they have nothing up to there, unasked."""
    clock = VirtualClock()
    store, make = Counting(clock), Maker(clock)
    async with followed(store) as tail, asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(tail.after(number, 0, OPTIONS.batch, 60.0, never))
            for number in range(OPTIONS.parts)
        ]
        await asyncio.sleep(0)
        began = clock.monotonic()
        await store.commit(make.transaction("k0"))
        own = OPTIONS.part_of("k0")
        events, upto = await waiting[own]
        assert ([one.position for one in events], upto) == ([1], 1)
        assert clock.monotonic() == began
        others = [await one for number, one in enumerate(waiting) if number != own]
    assert others == [([], 1)] * (OPTIONS.parts - 1)
    assert clock.monotonic() - began < 0.1
