"""One running product with a model server that records what reaches it, for suites that judge a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autobot.testing.harness import ServerProcess
from tests.contract.standards.raw import Asker
from tests.integration.product.stand_in import ModelServer

HELLO = "Say hello"


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """A model server that answers every request that says hello."""
    with ModelServer() as running:
        running.on(HELLO, lambda call: call.say("Hel", "lo").end())
        yield running


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer) -> Iterator[ServerProcess]:
    """AutoBot, as a person starts it, with that model server."""
    environment = {"AUTOBOT_OPENAI_BASE_URL": model_server.address}
    with ServerProcess(tmp_path_factory.mktemp("standards") / "data", environment) as running:
        yield running


@pytest.fixture(scope="session")
def ask(product: ServerProcess) -> Asker:
    """Asks the product with a key that may do everything."""
    return Asker(product.local, product.key())
