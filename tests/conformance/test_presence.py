"""Every presence keeps the port's promises, and the suite finds those that do not."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.redis.presence import RedisPresence
from autobot.adapters.redis.server import Server
from autobot.kernel.core.errors import BadAnswer, ConnectionLost
from autobot.kernel.messaging.presence import MemoryPresence, Presence
from autobot.testing.conformance.presence import PresenceSuite, session
from autobot.testing.presence_faults import PRESENCE_FAULTS
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import VirtualClock
from tests.conformance.planted import found_by, virtually


class TestMemory(PresenceSuite):
    kind: type[MemoryPresence] = MemoryPresence

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Presence, Presence]]:
        presence = type(self).kind(VirtualClock())
        yield presence, presence

    def open(self) -> AbstractAsyncContextManager[tuple[Presence, Presence]]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        virtually(main)


class TestRedis(PresenceSuite):
    @pytest.fixture(autouse=True)
    def server(self, valkey: ValkeyServer) -> None:
        valkey.flush()
        self.valkey = valkey

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Presence, Presence]]:
        servers = Server(self.valkey.url), Server(self.valkey.url)
        one, other = (RedisPresence(server) for server in servers)
        yield one, other
        for server in servers:
            await server.close()

    def open(self) -> AbstractAsyncContextManager[tuple[Presence, Presence]]:
        return self._open()


@pytest.mark.anyio
async def test_a_flushed_server_is_whole_again_after_the_next_word(valkey: ValkeyServer) -> None:
    """Nothing rests on what the server keeps: who is there says so again. What is kept ends by itself."""
    valkey.flush()
    server = Server(valkey.url)
    presence = RedisPresence(server)
    await presence.seen([session(1)], 60)
    valkey.flush()
    assert await presence.who("default") == []
    await presence.seen([session(1)], 60)
    assert await presence.who("default") == [session(1)]
    for key in await server.do("KEYS", "*"):
        assert 0 < await server.do("PTTL", key) <= 60_000
    await server.do("HSET", "autobot:present:{default}", "foreign", "{")
    with pytest.raises(BadAnswer):
        await presence.who("default")
    await server.close()


@pytest.mark.anyio
async def test_an_absent_server_is_an_error_of_the_tree() -> None:
    """Who asks learns that nobody knows."""
    server = Server("unix:///nowhere/valkey.sock")
    with pytest.raises(ConnectionLost):
        await RedisPresence(server).who("default")
    await server.close()


@pytest.mark.parametrize("fault", PRESENCE_FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found(fault: type[MemoryPresence]) -> None:
    """Over a presence with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (TestMemory,), {"kind": fault})()) != []


def test_without_a_fault_the_same_arrangement_passes() -> None:
    """What fails above fails for its fault."""
    assert found_by(TestMemory()) == []
