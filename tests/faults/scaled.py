"""`autobot up --scaled` under test: each role in its own process, on PostgreSQL and Redis, every way between spoilable."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client
from autobot.testing.fault_plan import OF_DATABASES, OF_PROCESSES, OF_REDIS, Kind
from autobot.testing.harness import PASSWORD, ServerProcess, free_port
from autobot.testing.postgres import Cluster
from autobot.testing.processes import below, lives
from autobot.testing.toxics import TcpProxy
from autobot.testing.valkey import ValkeyServer
from tests.faults.clusters import Product, postgres_behind_network, redis_behind_network

PARENT: Final = "cluster"
"""The process that keeps the others running; killed, all of them end."""
PATIENCE_S: Final = 90.0
PAUSE_S: Final = 0.02


class Scaled:
    """One installation: two backends, one ai, one gateway, and who keeps them running."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], ways: Mapping[str, Any], *words: str
    ) -> None:
        self.folder, self.environment = folder, environment
        self.kinds: Mapping[Kind, int] = {**OF_PROCESSES, **OF_DATABASES, **OF_REDIS}
        self.database: Cluster | None = ways["database"]
        self.network: TcpProxy | None = ways["network"]
        self.redis: ValkeyServer | None = ways["redis"]
        self.redis_network: TcpProxy | None = ways["redis_network"]
        self._server = ServerProcess(folder, environment, port=free_port(), scaled=words)
        self.base_url = f"http://127.0.0.1:{self._server.port}"
        self._wanted: set[str] = set()
        self._key_of_admin = ""

    def processes(self) -> dict[str, int]:
        """Return each process's id: the parent's, and its children's by role and slot."""
        parent = self._server.running
        if parent is None:
            return {}
        return {PARENT: parent} | {
            name: pid for pid in below(parent)[1:] if (name := _role_of(pid)) is not None
        }

    async def start(self) -> None:
        """Start the parent when it does not run; wait until every role takes work."""
        if self._server.running is None:
            await asyncio.to_thread(self._server.start)
        self._wanted |= self.processes().keys()
        until = time.monotonic() + PATIENCE_S
        while not (self.processes().keys() >= self._wanted and await asyncio.to_thread(self._serves)):
            if self._server.running is None or time.monotonic() > until:
                raise AssertionError(f"{sorted(self._wanted - self.processes().keys())} did not come back")
            await _moment()

    def _serves(self) -> bool:
        """Say whether every process takes work; before there is a key, whether the gateway says so."""
        try:
            with Client(self.base_url, key=self._key_of_admin) as client:
                if client.get("/api/v1/system/health/ready").status != 200:
                    return False
                if not self._key_of_admin:
                    return True
                reply = client.get("/api/v1/system/roles")
                items = reply.json["items"] if reply.status == 200 else []
        except (OSError, http.client.HTTPException):
            return False
        live = {one["pid"] for one in items if one["state"] == "live"}
        return all(pid in live for name, pid in self.processes().items() if name != PARENT)

    async def spawn(self, role: str) -> None:
        """Wait until the parent has started the role again; the parent is started here."""
        if role == PARENT:
            await asyncio.to_thread(self._server.spawn)
            return
        until = time.monotonic() + PATIENCE_S
        while role not in self.processes() and time.monotonic() < until:
            await _moment()

    async def kill(self, role: str) -> None:
        """End a process by SIGKILL; with the parent's death wait for the end of all that it started."""
        every = self.processes()
        pid = every.get(role)
        if pid is None:
            return
        if role == PARENT:
            await asyncio.to_thread(self._server.kill)
        else:
            os.kill(pid, signal.SIGKILL)
        gone = every.values() if role == PARENT else [pid]
        until = time.monotonic() + PATIENCE_S
        while any(map(lives, gone)):
            if time.monotonic() > until:
                raise AssertionError(
                    f"processes that outlive their end: {[one for one in gone if lives(one)]}"
                )
            await _moment()

    async def key(self) -> str:
        """Make an API key that may do everything, as the administrator."""
        return await asyncio.to_thread(self._key)

    def _key(self) -> str:
        with Client(self.base_url) as client:
            client.sign_in("admin", PASSWORD).expect(200)
            body = {"name": "faults", "scopes": ["*"]}
            self._key_of_admin = str(client.post("/api/v1/auth/keys", body).expect(201).json["key"])
            return self._key_of_admin

    def log(self) -> str:
        """Return what all wrote."""
        return self._server.log()


def _role_of(pid: int) -> str | None:
    """Return a child's role and slot from its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        return f"{words[words.index('serve') + 1]} {words[words.index('--slot') + 1]}"
    except (OSError, ValueError, IndexError):
        return None


async def _moment() -> None:
    """Let a short time pass: other processes send no events."""
    try:
        async with asyncio.timeout(PAUSE_S):
            await asyncio.Event().wait()
    except TimeoutError:
        return


@asynccontextmanager
async def scaled(folder: Path, environment: Mapping[str, str], seed: int) -> AsyncIterator[Product]:
    """Two backends, one ai, one gateway on servers of their own."""
    async with (
        postgres_behind_network(seed) as (database, network, url),
        redis_behind_network(seed, keep=False) as (redis, redis_network, address),
    ):
        ways = {"database": database, "network": network, "redis": redis, "redis_network": redis_network}
        given = {**environment, "AUTOBOT_DATABASE_URL": url, "AUTOBOT_REDIS_URL": address}
        product = Scaled(folder, given, ways, "--backends", "2")
        try:
            await product.start()
            yield product
        finally:
            await product.kill(PARENT)
