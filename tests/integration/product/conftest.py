"""One running product a session, and people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from autobot.testing.harness import ServerProcess
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot as it is with nothing installed. Shared: tests make their own people and chats."""
    with ServerProcess(tmp_path_factory.mktemp("product") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """A model server whose answers the tests decide."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="session")
def with_model(
    tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer
) -> Iterator[ServerProcess]:
    """AutoBot with that model server."""
    environment = {"AUTOBOT_OPENAI_BASE_URL": model_server.address}
    with ServerProcess(tmp_path_factory.mktemp("modelled") / "data", environment) as running:
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
