"""What takes long at the database is no broken connection, where it is known to take long."""

from __future__ import annotations

import pytest

from autobot.adapters.postgres.driver import Connection, Readers
from autobot.kernel.core.errors import ConnectFailed
from autobot.testing.postgres import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
PATIENCE_S = 0.4


async def slow(connection: Connection) -> str:
    """Take longer than the patience."""
    return str(await connection.fetchval("SELECT 'done' FROM pg_sleep(1)"))


async def test_work_is_given_the_time_that_it_may_take(postgres: Cluster) -> None:
    """A read that says nothing for half of the patience counts as lost; long work has a limit of its own."""
    readers = Readers(postgres.database(), 1, PATIENCE_S)
    try:
        with pytest.raises(ConnectFailed):
            await readers.run(slow)
        assert await readers.run(slow, within_s=30.0) == "done"
    finally:
        await readers.close()
