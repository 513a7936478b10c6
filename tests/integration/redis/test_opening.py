"""Everything that Redis does for a process, opened as the product opens it, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.redis.options import StreamOptions
from autobot.adapters.system.clock import SystemClock
from autobot.bootstrap.redis import RedisCarrier, RedisParts, place_of
from autobot.bootstrap.wiring import SHIPPED
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.event_store.transaction import Document, Query, Recorded, Transaction
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.messaging.leases import LEASES
from autobot.kernel.messaging.transient import Frame
from autobot.testing.conformance.presence import session
from autobot.testing.messages import Maker
from autobot.testing.streams import QUICK
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import seeded

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def process(url: str, store: MemoryEventStore, holder: str) -> AsyncIterator[RedisParts]:
    """What one process has, connected to its own matrix."""
    clock = SystemClock()
    options = StreamOptions(**QUICK, holder=holder)
    matrix = Matrix(read_layer(SHIPPED.read_text(encoding="utf-8"), "matrix.toml"))
    registry = LinkRegistry(matrix, clock, seeded(), None)
    carrier = RedisCarrier(url, clock, seeded(), options=options)
    carrier(store, registry)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(carrier.parts.run())
        yield carrier.parts
        running.cancel()
    await carrier.close()
    await registry.close()


async def test_processes_share_facts_frames_quotas_and_presence(valkey: ValkeyServer) -> None:
    """What one process commits another handles, what it passes by the other hears, by the matrix's row; what one
    spends the other lacks, and who is connected to one is seen by the other."""
    valkey.flush()
    store = MemoryEventStore(SystemClock())
    handled: asyncio.Queue[int] = asyncio.Queue()

    async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
        handled.put_nowait(recorded.position)
        return Transaction()

    wanted = Subscription(group="opening", types=("*",), handler=handle)
    async with process(valkey.url, store, "one:1") as one, process(valkey.url, store, "two:1") as two:
        async with asyncio.TaskGroup() as group, two.frames.subscribe(["text"]) as heard:
            tasks = [group.create_task(one.relay.run()), group.create_task(two.broker.serve(wanted))]
            await store.commit(Maker(SystemClock()).transaction("a"))
            assert await handled.get() == 1
            one.frames.publish("text", {"offset": 0})
            assert await heard.receive() == Frame("text", {"offset": 0})
            assert (await one.limiter.take(("default", "ann", "default"), 1, 3_600)).allowed
            assert not (await two.limiter.take(("default", "ann", "default"), 1, 3_600)).allowed
            await one.presence.seen([session(1)])
            assert await two.presence.who("default") == [session(1)]
            for task in tasks:
                task.cancel()
    await store.close()


async def test_an_absent_server_stops_no_start(valkey: ValkeyServer) -> None:
    """Opening waits for nobody: a process begins without Redis, and frames are lost meanwhile."""
    store = MemoryEventStore(SystemClock())
    async with process("unix:///nowhere/valkey.sock", store, "one:1") as one:
        one.frames.publish("text", "lost")
        assert (await one.limiter.take(("default", "ann", "default"), 1, 3_600)).allowed
        assert not (await one.limiter.take(("default", "ann", "default"), 1, 3_600)).allowed
    await store.close()


async def test_what_is_no_address_is_refused() -> None:
    """A wrong address is a word about the configuration."""
    store = MemoryEventStore(SystemClock())
    with pytest.raises(ConfigurationError):
        async with process("http://127.0.0.1", store, "one:1"):
            pass
    await store.close()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://name:secret@redis.lan:6380/2", "redis.lan:6380"),
        ("redis://redis.lan", "redis.lan:6379"),
        ("unix:///run/valkey.sock", "/run/valkey.sock"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, place: str) -> None:
    """Neither name nor password of the address is shown anywhere."""
    assert place_of(url) == place


class Asked(MemoryEventStore):
    """A store that counts who asks where groups stand, and how often a relay looks around."""

    stood = looked = 0

    async def checkpoint(self, consumer: str) -> int:
        self.stood += consumer.startswith("opening")
        return await super().checkpoint(consumer)

    async def query(self, query: Query) -> Sequence[Document]:
        self.looked += query.table == LEASES
        return await super().query(query)


async def test_a_relay_at_rest_asks_seldom_where_groups_stand(valkey: ValkeyServer) -> None:
    """While nothing moves a relay asks the store for the groups of a part once in ten looks, not each time."""
    valkey.flush()
    store = Asked(SystemClock())
    handled = asyncio.Event()

    async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
        handled.set()
        return Transaction()

    wanted = Subscription(group="opening", types=("*",), handler=handle)
    async with process(valkey.url, store, "one:1") as one, asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.relay.run()), group.create_task(one.broker.serve(wanted))]
        await store.commit(Maker(SystemClock()).transaction("a"))
        await handled.wait()
        while store.looked < 40:
            await asyncio.sleep(0.01)
        stood, looked = store.stood, store.looked
        while store.looked < looked + 120:
            await asyncio.sleep(0.01)
        assert store.stood - stood < (store.looked - looked) / 2
        for task in tasks:
            task.cancel()
    await store.close()
