"""One installation with every role in its own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autobot.testing.harness import ServerProcess
from autobot.testing.installation import Installation
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Installation]:
    """Two backends, one ai, two gateways."""
    with ValkeyServer() as valkey:
        database = postgres.database()
        environment = {"AUTOBOT_DATABASE_URL": database, "AUTOBOT_REDIS_URL": valkey.url}
        folder = tmp_path_factory.mktemp("scaled") / "data"
        with ServerProcess(folder, environment, scaled=("--backends", "2", "--gateways", "2")) as server:
            made = Installation(server, valkey, database)
            try:
                yield made
            finally:
                made.close()
