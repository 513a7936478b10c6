"""Products under test that faults are done to: what runs, where it is reached, and how each part of it is hit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from autobot.testing.fault_plan import OF_DATABASES, OF_FILES, OF_PROCESSES, Kind
from autobot.testing.harness import ServerProcess, free_port
from autobot.testing.postgres import ROLE, Cluster
from autobot.testing.toxics import TcpProxy
from autobot.testing.valkey import ValkeyServer

EMBEDDED: Final = "autobot"


class Target(Protocol):
    """Something under load that faults are done to.

    Attributes:
        kinds: the faults that it can be hit by, with their weights.
        database: its database server, None for a file.
        network: what lies between it and the database, None for a file.
        redis: its Redis server, None without one.
        redis_network: what lies between it and that.
    """

    kinds: Mapping[Kind, int]
    database: Cluster | None
    network: TcpProxy | None
    redis: ValkeyServer | None
    redis_network: TcpProxy | None

    def processes(self) -> dict[str, int]:
        """Return each role's process id, those that do not run left out."""

    async def start(self) -> None:
        """Start what does not run, and wait until all of it takes work."""

    async def spawn(self, role: str) -> None:
        """Start one role without waiting."""

    async def kill(self, role: str) -> None:
        """End a role by SIGKILL and wait until it is gone."""


class Product(Target, Protocol):
    """The whole product under test.

    Attributes:
        base_url: where clients reach it; the same over every restart.
        folder: the data folder that the command line is run on, with `environment`.
    """

    base_url: str
    folder: Path
    environment: Mapping[str, str]

    async def key(self) -> str:
        """Make an API key that may do everything."""

    def log(self) -> str:
        """Return what it wrote to standard error."""


class OneProcess:
    """The embedded product, on a file or on a database."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        kinds: Mapping[Kind, int],
        *,
        database: Cluster | None = None,
        network: TcpProxy | None = None,
    ) -> None:
        self.folder, self.environment, self.kinds = folder, environment, kinds
        self.database, self.network = database, network
        self.redis: ValkeyServer | None = None
        self.redis_network: TcpProxy | None = None
        self._server = ServerProcess(folder, environment, port=free_port())
        self.base_url = f"http://127.0.0.1:{self._server.port}"

    def processes(self) -> dict[str, int]:
        """Return the one process's id."""
        pid = self._server.running
        return {} if pid is None else {EMBEDDED: pid}

    async def start(self) -> None:
        """Start it and wait until it takes work."""
        if not self.processes():
            await asyncio.to_thread(self._server.start)

    async def spawn(self, role: str) -> None:
        """Start it without waiting."""
        await asyncio.to_thread(self._server.spawn)

    async def kill(self, role: str) -> None:
        """End it by SIGKILL."""
        await asyncio.to_thread(self._server.kill)

    async def key(self) -> str:
        """Make an API key."""
        return await asyncio.to_thread(self._server.key, "*")

    def log(self) -> str:
        """Return what all its lives wrote."""
        return self._server.log()


@asynccontextmanager
async def embedded(folder: Path, environment: Mapping[str, str], seed: int) -> AsyncIterator[Product]:
    """The product as it comes: one process, one file."""
    product = OneProcess(folder, environment, {**OF_PROCESSES, **OF_FILES})
    try:
        await product.start()
        yield product
    finally:
        await product.kill(EMBEDDED)


@asynccontextmanager
async def postgres_behind_network(seed: int) -> AsyncIterator[tuple[Cluster, TcpProxy, str]]:
    """A PostgreSQL server of its own behind a network that can be spoiled, and the address of a database beyond it."""
    async with AsyncExitStack() as stack:
        cluster = Cluster()
        await asyncio.to_thread(cluster.__enter__)
        stack.push_async_callback(asyncio.to_thread, cluster.__exit__)
        name = (await asyncio.to_thread(cluster.database)).partition("@/")[2].partition("?")[0]
        network = await stack.enter_async_context(TcpProxy(cluster.folder / ".s.PGSQL.5432", seed=seed))
        yield cluster, network, f"postgresql://{ROLE}@127.0.0.1:{network.port}/{name}?sslmode=disable"


@asynccontextmanager
async def redis_behind_network(seed: int, *, keep: bool) -> AsyncIterator[tuple[ValkeyServer, TcpProxy, str]]:
    """A Redis server of its own behind a network that can be spoiled, and its address beyond it."""
    async with AsyncExitStack() as stack:
        server = ValkeyServer(keep=keep)
        await asyncio.to_thread(server.__enter__)
        stack.push_async_callback(asyncio.to_thread, server.__exit__)
        network = await stack.enter_async_context(TcpProxy(server.socket, seed=seed))
        yield server, network, f"redis://127.0.0.1:{network.port}/0"


@asynccontextmanager
async def on_postgres(folder: Path, environment: Mapping[str, str], seed: int) -> AsyncIterator[Product]:
    """The product in one process on PostgreSQL, which it reaches over a network that can be spoiled."""
    async with postgres_behind_network(seed) as (cluster, network, url):
        product = OneProcess(
            folder,
            {**environment, "AUTOBOT_DATABASE_URL": url},
            {**OF_PROCESSES, **OF_DATABASES},
            database=cluster,
            network=network,
        )
        try:
            await product.start()
            yield product
        finally:
            await product.kill(EMBEDDED)
