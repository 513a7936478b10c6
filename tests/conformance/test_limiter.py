"""Every limiter keeps the port's promises, and the suite finds those that do not."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.redis.limiter import AWAY_S, LOCAL, PREFIX, RedisLimiter
from autobot.adapters.redis.server import Server
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.resilience.rate_limit.limiter import Limiter, MemoryLimiter
from autobot.testing.conformance.limiter import ANN, LONG_S, LimiterSuite
from autobot.testing.limiter_faults import LIMITER_FAULTS
from autobot.testing.valkey import ValkeyServer
from autobot.testing.virtual_time import VirtualClock
from tests.conformance.planted import found_by, virtually
from tests.integration.redis.counting import Counts


class TestMemory(LimiterSuite):
    kind: type[MemoryLimiter] = MemoryLimiter

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Limiter, Limiter]]:
        limiter = type(self).kind(VirtualClock())
        yield limiter, limiter

    def open(self) -> AbstractAsyncContextManager[tuple[Limiter, Limiter]]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        virtually(main)


class Never:
    """Fails a test in which the shared count was not reached."""

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Any:
        """Refuse to count."""
        raise AssertionError("counted here alone")


class TestRedis(LimiterSuite):
    @pytest.fixture(autouse=True)
    def server(self, valkey: ValkeyServer) -> None:
        valkey.flush()
        self.valkey = valkey

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Limiter, Limiter]]:
        servers = Server(self.valkey.url), Server(self.valkey.url)
        one, other = (RedisLimiter(server, Never(), SystemClock(), patience_s=10) for server in servers)
        yield one, other
        for server in servers:
            await server.close()

    def open(self) -> AbstractAsyncContextManager[tuple[Limiter, Limiter]]:
        return self._open()


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_without_the_server_each_process_counts_by_itself(how: str) -> None:
    """A server that is away or says nothing opens no gate: a local quota holds, quickly, and is counted."""
    counts, clock = Counts(), SystemClock()
    with ValkeyServer() as valkey:
        server = Server(valkey.url)
        limiter = RedisLimiter(server, MemoryLimiter(clock), clock, listener=counts)
        await server.do("PING")
        assert (await limiter.take(ANN, 3, LONG_S)).remaining == 2
        (valkey.kill if how == "killed" else valkey.freeze)()
        began = clock.monotonic()
        taken = [await limiter.take(ANN, 3, LONG_S) for _ in range(20)]
        assert clock.monotonic() - began < AWAY_S
        assert [one.allowed for one in taken] == [True] * 3 + [False] * 17
        assert counts.totals[LOCAL] == 20
        (valkey.start if how == "killed" else valkey.thaw)()
        async with asyncio.timeout(20):
            before = -1
            while before != counts.totals[LOCAL]:
                before = counts.totals[LOCAL]
                await limiter.take(("default", "bob", "things"), 10**6, LONG_S)
        assert (await limiter.take(ANN, 3, LONG_S)).allowed
        await server.close()


@pytest.mark.anyio
async def test_a_flushed_server_counts_anew_and_keeps_no_names(valkey: ValkeyServer) -> None:
    """A flush forgives what was spent and breaks nothing; keys name nobody, and go when the quota is whole."""
    valkey.flush()
    server = Server(valkey.url)
    limiter = RedisLimiter(server, Never(), SystemClock(), patience_s=10)
    assert (await limiter.take(ANN, 1, LONG_S)).allowed
    keys = await server.do("KEYS", "*")
    assert [key.startswith(PREFIX.encode()) and b"ann" not in key for key in keys] == [True]
    assert 0 < await server.do("PTTL", keys[0]) <= LONG_S * 1000 + 1
    valkey.flush()
    await server.do("SCRIPT", "FLUSH")
    assert (await limiter.take(ANN, 1, LONG_S)).allowed
    assert not (await limiter.take(ANN, 1, LONG_S)).allowed
    await server.close()


@pytest.mark.parametrize("fault", LIMITER_FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found(fault: type[MemoryLimiter]) -> None:
    """Over a limiter with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (TestMemory,), {"kind": fault})()) != []


def test_without_a_fault_the_same_arrangement_passes() -> None:
    """What fails above fails for its fault."""
    assert found_by(TestMemory()) == []
