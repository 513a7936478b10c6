"""Three servers share the slots: parts lie whole on one of them, keys that move are followed, a lost server is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.redis.frames import RedisFrames
from autobot.adapters.redis.limiter import RedisLimiter
from autobot.adapters.redis.nodes import SLOTS, slot_of
from autobot.adapters.redis.options import Part
from autobot.adapters.redis.presence import RedisPresence
from autobot.adapters.redis.server import Server
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.messaging.transient import Frame
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from autobot.testing.conformance.broker_base import BrokerBase, Place, Work
from autobot.testing.conformance.presence import session
from autobot.testing.messages import Maker
from autobot.testing.streams import streams
from autobot.testing.valkey_cluster import ValkeyNode, until_ready, valkey_cluster

PARTS = 8
KEYS = "abcdefghabcdefghabcdefgh"


class Bench(BrokerBase):
    """The tools of the broker's suite on real time."""

    patience_s = 60.0

    def open(self) -> Any:
        """Not used: each test opens its own."""
        raise NotImplementedError


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[ValkeyNode]]:
    """A cluster for these tests."""
    with valkey_cluster() as nodes:
        yield nodes


def owner(nodes: list[ValkeyNode], slot: int) -> int:
    """Return the number of the server that a slot was given to."""
    return min(slot // (SLOTS // len(nodes)), len(nodes) - 1)


def test_the_parts_of_a_topic_lie_on_several_servers_each_in_one_slot() -> None:
    """What belongs to a part has one slot, and a topic's parts do not all have the same server."""
    parts = [Part("events", number) for number in range(PARTS)]
    assert all(slot_of(part.stream) == slot_of(part.state) for part in parts)
    assert len({slot_of(part.stream) * 3 // SLOTS for part in parts}) == 3


async def deliver(nodes: list[ValkeyNode], disturb: Callable[[], None] | None = None) -> None:
    """Send events, disturb the cluster on the way, and see that each had its effect once, in order per key."""
    bench, clock = Bench(), SystemClock()
    store, make = MemoryEventStore(clock), Maker(clock)
    async with streams(nodes[0].url, store, clock, parts=PARTS) as broker:
        place = Place(store, broker, clock)
        work = Work(place)
        async with bench.served(place, bench.subscription(work.handle)):
            await bench.send(place, make, KEYS)
            if disturb is not None:
                await asyncio.to_thread(disturb)
                await bench.send(place, make, KEYS)
            await bench.settled(place)
        once = bench.expected(KEYS)
        times = 1 if disturb is None else 2
        assert await work.effects() == {key: numbers * times for key, numbers in once.items()}
    await store.close()


def test_events_are_delivered_over_the_whole_cluster(cluster: list[ValkeyNode]) -> None:
    """Each event has its effect once, in order per key, whichever server its part lies on."""
    asyncio.run(deliver(cluster))
    held = [node.told("DBSIZE") for node in cluster]
    assert all(told.startswith(":") and told != ":0\r\n" for told in held), held


def test_a_server_that_is_killed_and_comes_back_empty_costs_nothing() -> None:
    """Events of its parts wait in the log meanwhile, and the others go on."""

    with valkey_cluster() as nodes:

        def disturb() -> None:
            nodes[1].kill()
            nodes[1].start()
            until_ready(nodes)

        asyncio.run(deliver(nodes, disturb))


def test_a_key_that_moved_is_followed(cluster: list[ValkeyNode]) -> None:
    """Who knows an older map of the slots is sent on and gets its answer."""
    slot = slot_of("moving")
    before = owner(cluster, slot)
    target = cluster[(before + 1) % 3]

    async def main() -> None:
        server = Server(cluster[0].url)
        assert await server.do("GET", "moving") is None
        for node in (target, *(one for one in cluster if one is not target)):
            await asyncio.to_thread(node.order, f"CLUSTER SETSLOT {slot} NODE {target.id}")
        assert await server.do("SET", "moving", "there") == b"OK"
        assert await server.do("GET", "moving") == b"there"
        await server.close()

    asyncio.run(main())
    assert "there" in target.told("GET moving")


def test_quotas_presence_and_frames_go_over_a_cluster(cluster: list[ValkeyNode]) -> None:
    """Ends that know different servers of the cluster share what they share on one server."""

    async def main() -> None:
        clock = SystemClock()
        one, other = Server(cluster[0].url), Server(cluster[2].url)
        limits = [RedisLimiter(server, MemoryLimiter(clock), clock, patience_s=10) for server in (one, other)]
        for number in range(10):
            key = ("default", f"ann-{number}", "things")
            assert (await limits[0].take(key, 1, 3_600)).allowed
            assert not (await limits[1].take(key, 1, 3_600)).allowed
        await RedisPresence(one).seen([session(1)], 60)
        assert await RedisPresence(other).who("default") == [session(1)]
        here, there = RedisFrames(one), RedisFrames(other)
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [group.create_task(frames.run()) for frames in (here, there)]
            async with here.subscribe(["text"]) as heard:
                there.publish("text", 1)
                assert await heard.receive() == Frame("text", 1)
            for task in tasks:
                task.cancel()
        for server in (one, other):
            await server.close()

    asyncio.run(main())
