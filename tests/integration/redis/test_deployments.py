"""Redis as it is deployed: with passwords, behind TLS, with replicas that take over, with slots that move."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.redis.nodes import slot_of
from autobot.adapters.redis.options import Part
from autobot.adapters.redis.server import Server
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.errors import ConfigurationError, HopFailed
from autobot.testing.conformance.broker_base import Place, Work
from autobot.testing.messages import Maker
from autobot.testing.streams import streams
from autobot.testing.valkey import ValkeyServer
from autobot.testing.valkey_cluster import ValkeyNode, free_port, valkey_cluster
from tests.integration.http_transport.certificate import self_signed
from tests.integration.redis.test_cluster import KEYS, PARTS, Bench

pytestmark = pytest.mark.anyio
BLOCK = 16_384


class Tcp(ValkeyServer):
    """A server with a port."""

    def __init__(self, *more: str) -> None:
        super().__init__()
        self.port, self._more = free_port(), more

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def reached(self) -> list[str]:
        return ["--bind", "127.0.0.1", "--port", str(self.port), *self._more]

    def told(self, command: str) -> str:
        return self.ask(command.encode()).decode(errors="replace")


async def delivered(url: str, disturb: Callable[[], None] | None = None) -> None:
    """Send events, disturb the server on the way, and see that each had its effect once, in order per key."""
    bench, clock = Bench(), SystemClock()
    store, make = MemoryEventStore(clock), Maker(clock)
    async with streams(url, store, clock, parts=PARTS) as broker:
        place = Place(store, broker, clock)
        work = Work(place)
        async with bench.served(place, bench.subscription(work.handle)):
            await bench.send(place, make, KEYS)
            if disturb is not None:
                await asyncio.gather(asyncio.to_thread(disturb), bench.send(place, make, KEYS))
                await bench.send(place, make, KEYS)
            await bench.settled(place)
        times = 1 if disturb is None else 3
        once = bench.expected(KEYS)
        assert await work.effects() == {key: numbers * times for key, numbers in once.items()}
    await store.close()


# ------------------------------------------------------------------------------------------ names, passwords


@pytest.fixture
def guarded() -> Iterator[Tcp]:
    """A server that lets in `svc` with a password, and nobody else."""
    with Tcp() as server:
        assert server.told("ACL SETUSER svc on >s3cret ~* &* +@all").startswith("+OK")
        assert server.told("CONFIG SET requirepass other").startswith("+OK")
        yield server


async def test_a_name_and_its_password_are_used(guarded: Tcp) -> None:
    """Events go over a server that asks for name and password, on every connection."""
    await delivered(f"redis://svc:s3cret@127.0.0.1:{guarded.port}")


@pytest.mark.parametrize("signing", ["", "svc:wrong@", ":wrong@", "nobody:s3cret@"])
async def test_a_wrong_password_is_a_word_about_the_configuration(guarded: Tcp, signing: str) -> None:
    """Without the password, or with another, the message says what to mend; it holds no password."""
    server = Server(f"redis://{signing}127.0.0.1:{guarded.port}")
    with pytest.raises(ConfigurationError) as raised:
        await server.prove()
    assert "name or password" in raised.value.detail
    assert "AUTOBOT_REDIS_URL" in (raised.value.hint or "")
    assert "wrong" not in f"{raised.value.detail} {raised.value.hint}"
    with pytest.raises(ConfigurationError):
        await server.do("GET", "x")
    await server.close()


# ------------------------------------------------------------------------------------------------------- TLS


@asynccontextmanager
async def behind_tls(server: ValkeyServer, certificate: Path, key: Path) -> AsyncIterator[int]:
    """Serve a port that speaks TLS in front of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    open_ways: list[asyncio.StreamWriter] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(BLOCK):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(server.socket))
        open_ways.extend((back, writer))
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    front = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        front.close()
        for way in open_ways:
            way.close()
        await asyncio.gather(*(way.wait_closed() for way in open_ways), return_exceptions=True)


async def test_events_go_over_tls_to_a_server_that_the_file_vouches_for(valkey: ValkeyServer) -> None:
    """With `rediss://` and a file of certificates every connection is encrypted, and events are delivered."""
    valkey.flush()
    with self_signed() as (certificate, key):
        async with behind_tls(valkey, certificate, key) as port:
            await delivered(f"rediss://127.0.0.1:{port}?ca={certificate}")


async def test_a_server_that_nobody_vouches_for_is_refused(valkey: ValkeyServer) -> None:
    """A certificate that is not trusted, or for another name, ends in a message with the fix; nothing is sent."""
    with self_signed() as (certificate, key):
        async with behind_tls(valkey, certificate, key) as port:
            for url in (f"rediss://127.0.0.1:{port}", f"rediss://localhost:{port}?ca={certificate}"):
                server = Server(url)
                with pytest.raises(ConfigurationError) as raised:
                    await server.prove()
                assert "is not trusted" in raised.value.detail
                assert "ca=FILE" in (raised.value.hint or "")
                await server.close()


async def test_tls_where_there_is_none_is_said(tmp_path: Path) -> None:
    """A port without TLS, and a file that holds no certificates, are named."""
    with Tcp() as plain:
        server = Server(f"rediss://127.0.0.1:{plain.port}?ca={tmp_path / 'none.pem'}")
        with pytest.raises(ConfigurationError) as raised:
            await server.prove()
        assert "holds no certificates" in raised.value.detail
        await server.close()
        server = Server(f"rediss://127.0.0.1:{plain.port}")
        with pytest.raises(HopFailed) as silent:
            await server.do("PING")
        assert "TLS" in silent.value.detail
        await server.close()


# -------------------------------------------------------------------------------------------------- replicas


@contextmanager
def pair() -> Iterator[tuple[Tcp, Tcp]]:
    """A primary and its replica, in step."""
    with Tcp() as primary, Tcp("--replicaof", f"127.0.0.1 {primary.port}") as replica:
        until(lambda: "master_link_status:up" in replica.told("INFO replication"))
        yield primary, replica


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition on servers holds; their answers take the time."""
    for _ in range(200_000):
        if condition():
            return
    raise AssertionError("not in time")


async def test_a_primary_that_hands_over_is_followed() -> None:
    """FAILOVER under load: who knows the old address goes on at the new primary; 0 lost, 0 doubled."""
    with pair() as (primary, replica):

        def disturb() -> None:
            assert primary.told("FAILOVER").startswith("+OK")
            until(lambda: "role:master" in replica.told("INFO replication"))

        await delivered(primary.url, disturb)
        assert "role:slave" in primary.told("INFO replication")


async def test_a_replica_without_its_primary_says_so() -> None:
    """What is read-only and leads nowhere ends in an error of the way there, not in silence."""
    with Tcp("--replicaof", f"127.0.0.1 {free_port()}") as replica:
        server = Server(replica.url)
        await server.prove()
        with pytest.raises(HopFailed):
            await server.do("SET", "x", "1")
        await server.close()


async def test_a_replica_takes_over_in_a_cluster() -> None:
    """A primary of the cluster is killed and its replica promoted: events go on, 0 lost, 0 doubled."""
    with valkey_cluster() as nodes, ValkeyNode() as replica:
        nodes[0].order(f"CLUSTER MEET 127.0.0.1 {replica.port} {replica.bus}")
        until(lambda: all(replica.id in node.told("CLUSTER NODES") for node in nodes))
        until(lambda: nodes[1].id in replica.told("CLUSTER NODES"))
        replica.order(f"CLUSTER REPLICATE {nodes[1].id}")
        until(lambda: "master_link_status:up" in replica.told("INFO replication"))

        def disturb() -> None:
            nodes[1].kill()
            until(lambda: "role:master" in replica.told("INFO replication"))
            left = (nodes[0], nodes[2], replica)
            until(lambda: all("cluster_state:ok" in one.told("CLUSTER INFO") for one in left))

        await delivered(nodes[0].url, disturb)


# ----------------------------------------------------------------------------------------------- moving slots


async def test_a_key_whose_slot_is_moving_is_asked_for_where_it_goes() -> None:
    """While a slot moves, a key that is not here any more is found there by ASK, and the map stays as it was."""
    with valkey_cluster() as nodes:
        slot = slot_of("moving")
        source, target = owners(nodes, slot)
        begin_moving(source, target, slot)
        server = Server(nodes[0].url)
        assert await server.do("SET", "moving", "there") == b"OK"
        assert await server.do("GET", "moving") == b"there"
        await server.close()
        assert "there" not in source.told("GET moving")
        assert source.told("CLUSTER COUNTKEYSINSLOT " + str(slot)).startswith(":0")


async def test_parts_that_move_under_load_lose_nothing() -> None:
    """The slot of a part moves key by key to another server while events flow: 0 lost, 0 doubled."""
    with valkey_cluster() as nodes:
        slot = slot_of(Part("events", 0).stream)
        source, target = owners(nodes, slot)

        def disturb() -> None:
            begin_moving(source, target, slot)
            while True:
                keys = source.told(f"CLUSTER GETKEYSINSLOT {slot} 1").split("\r\n")
                if keys[0] == "*0":
                    break
                moved = source.told(f"MIGRATE 127.0.0.1 {target.port} {keys[2]} 0 5000")
                assert moved.startswith("+"), moved
            for node in (target, source, *(one for one in nodes if one not in (source, target))):
                node.order(f"CLUSTER SETSLOT {slot} NODE {target.id}")

        await delivered(nodes[0].url, disturb)


def owners(nodes: list[ValkeyNode], slot: int) -> tuple[ValkeyNode, ValkeyNode]:
    """Return who has a slot, and another."""
    number = min(slot // (BLOCK // len(nodes)), len(nodes) - 1)
    return nodes[number], nodes[(number + 1) % len(nodes)]


def begin_moving(source: ValkeyNode, target: ValkeyNode, slot: int) -> None:
    """Let a slot be on its way."""
    target.order(f"CLUSTER SETSLOT {slot} IMPORTING {source.id}")
    source.order(f"CLUSTER SETSLOT {slot} MIGRATING {target.id}")
