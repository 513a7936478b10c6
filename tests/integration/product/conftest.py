"""One running product a session and store, and people who use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer

Store = Callable[[], dict[str, str]]
ON_EVERY_STORE = ("test_chat", "test_idempotency", "test_settings_and_log")
"""Modules whose tests run on each store; the others on the file in the data folder."""
_POSTGRES = pytest.mark.needs_program("initdb")
STORES = (
    "file",
    pytest.param("postgres", marks=_POSTGRES),
    pytest.param("scaled", marks=_POSTGRES),
)
"""`scaled`: each role in its own process, on PostgreSQL and Valkey."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules of ON_EVERY_STORE once for each store."""
    if metafunc.module.__name__.rpartition(".")[2] in ON_EVERY_STORE and "store" in metafunc.fixturenames:
        metafunc.parametrize("store", STORES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> Store:
    """Returns the settings that choose a store: an empty one for each server."""
    chosen = getattr(request, "param", "file")
    if chosen == "file":
        return dict
    cluster: Cluster = request.getfixturevalue("postgres")
    if chosen == "postgres":
        return lambda: {"AUTOBOT_DATABASE_URL": cluster.database()}
    opened: ExitStack = request.getfixturevalue("opened")
    return lambda: {
        "AUTOBOT_DATABASE_URL": cluster.database(),
        "AUTOBOT_REDIS_URL": opened.enter_context(ValkeyServer()).url,
    }


@pytest.fixture(scope="session")
def opened() -> Iterator[ExitStack]:
    """What is closed when the session ends."""
    with ExitStack() as closing:
        yield closing


def serving(folder: Path, environment: dict[str, str]) -> ServerProcess:
    """Return AutoBot on a store; with a Redis each role has its own process."""
    return ServerProcess(folder, environment, scaled=() if "AUTOBOT_REDIS_URL" in environment else None)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[ServerProcess]:
    """AutoBot as it is with nothing installed. Shared: tests make their own people and chats."""
    with serving(tmp_path_factory.mktemp("product") / "data", store()) as running:
        yield running


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """A model server whose answers the tests decide."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="session")
def with_model(
    tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer, store: Store
) -> Iterator[ServerProcess]:
    """AutoBot with that model server."""
    environment = {"AUTOBOT_OPENAI_BASE_URL": model_server.address, **store()}
    with serving(tmp_path_factory.mktemp("modelled") / "data", environment) as running:
        yield running


@pytest.fixture(scope="session")
def host(server: ServerProcess) -> Iterator[Host]:
    """Makes people on the plain server."""
    with ExitStack() as closing:
        yield Host(server, closing)


@pytest.fixture(scope="session")
def modelled(with_model: ServerProcess) -> Iterator[Host]:
    """Makes people on the server that has a model."""
    with ExitStack() as closing:
        yield Host(with_model, closing)


@pytest.fixture
def admin(host: Host) -> Person:
    """The administrator of the plain server."""
    return host.admin


@pytest.fixture
def alice(host: Host) -> Person:
    """A user nobody else is."""
    return host()


@pytest.fixture
def bob(modelled: Host) -> Person:
    """A user of the server that has a model."""
    return modelled()
