"""Every carrier of transient frames keeps the port's promises, and the suite finds those that do not."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.redis.frames import RedisFrames
from autobot.adapters.redis.server import Server
from autobot.kernel.messaging.transient import TransientHub
from autobot.testing.conformance.transient import TransientPlace, TransientSuite
from autobot.testing.transient_faults import TRANSIENT_FAULTS
from autobot.testing.valkey import ValkeyServer
from tests.conformance.planted import found_by, virtually


class TestHub(TransientSuite):
    hub: type[TransientHub] = TransientHub

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TransientPlace]:
        hub = type(self).hub()
        yield TransientPlace(hub, hub)

    def open(self) -> AbstractAsyncContextManager[TransientPlace]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        virtually(main)


class TestRedis(TransientSuite):
    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TransientPlace]:
        with ValkeyServer() as valkey:
            servers = Server(valkey.url), Server(valkey.url)
            here, there = (RedisFrames(one, waiting_max=50_000) for one in servers)

            @asynccontextmanager
            async def cut() -> AsyncIterator[None]:
                await asyncio.to_thread(valkey.kill)
                yield
                await asyncio.to_thread(valkey.start)

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one.run()) for one in (here, there)]
                yield TransientPlace(here, there, cut)
                for task in tasks:
                    task.cancel()
            for server in servers:
                await server.close()

    def open(self) -> AbstractAsyncContextManager[TransientPlace]:
        return self._open()


@pytest.mark.parametrize("fault", TRANSIENT_FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found(fault: type[TransientHub]) -> None:
    """Over a carrier with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (TestHub,), {"hub": fault})()) != []


def test_without_a_fault_the_same_arrangement_passes() -> None:
    """What fails above fails for its fault."""
    assert found_by(TestHub()) == []
