"""One running product for the files of this folder that change nothing for one another, and a program for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot as it is with nothing installed. Shared: tests make their own collections and documents."""
    with ServerProcess(tmp_path_factory.mktemp("documents") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[Client]:
    """A program of its administrator."""
    with Client(server.local, key=server.key("knowledge:*", "events:read")) as asking:
        yield asking
