"""One event loop a file, for tests that use gRPC: its poller gives what is late of an earlier loop to that loop, and fails
where it is closed."""

from collections.abc import AsyncIterator

import pytest


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep the loop open until the last test of the file."""
    yield  # noqa: PT022 - the loop lives until the fixture is torn down
