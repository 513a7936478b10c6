"""One installation with every role in its own process, and who runs it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer

WAIT_S = 180.0
LOOK_S = 0.05


@dataclass
class Installation:
    """`autobot up --scaled` with its servers."""

    server: ServerProcess
    valkey: ValkeyServer
    database: str
    admin: Client = field(init=False)

    def __post_init__(self) -> None:
        """Sign the administrator in."""
        self.admin = self.client()

    def close(self) -> None:
        """Close the administrator's connection."""
        self.admin.close()

    def client(self) -> Client:
        """Return a client that is signed in."""
        made = Client(self.server.local)
        made.sign_in("admin", PASSWORD).expect(200)
        return made

    def processes(self) -> dict[str, int]:
        """Return the process id of each role's processes, by the name of its folder."""
        found = {}
        for folder in sorted((self.server.folder / "roles").iterdir()):
            pid = _owner(folder)
            if pid is not None:
                found[folder.name] = pid
        return found

    def address(self, name: str) -> str:
        """Return where a process listens."""
        return str(_told(self.server.folder / "roles" / name)["address"])

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition holds; errors on the way mean not yet."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                found = condition()
            except (OSError, AssertionError, KeyError, ValueError):
                found = None
            if found:
                return found
            time.sleep(LOOK_S)
        raise AssertionError(f"not in time: {what}\n{self.server.log()[-4000:]}")


def _told(folder: Path) -> Any:
    return json.loads((folder / "autobot.lock").read_text(encoding="utf-8"))


def _owner(folder: Path) -> int | None:
    """Return who owns a folder, when that process lives."""
    try:
        pid = int(_told(folder)["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """Two backends, one ai, one gateway."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {"AUTOBOT_DATABASE_URL": database, "AUTOBOT_REDIS_URL": valkey.url}
        folder = tmp_path_factory.mktemp("scaled") / "data"
        with ServerProcess(folder, environment, scaled=("--backends", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()
