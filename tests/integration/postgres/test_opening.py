"""Whose database it is, how old it is: refusals say why and change nothing."""

import pytest

from autobot.adapters.postgres.driver import Connection
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.postgres.opening import Format
from autobot.adapters.postgres.schema import DDL, VERSION
from autobot.kernel.core.errors import (
    AutoBotError,
    ConfigurationError,
    ConnectFailed,
    DataCorrupt,
    DataNewer,
    OperatorError,
)
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]


async def filled(cluster: Cluster) -> str:
    """Write a database and return its address."""
    clock, url = ManualClock(), cluster.emptied()
    store, make = await PostgresEventStore.open(url, clock), Maker(clock)
    for number in range(3):
        await store.commit(make.transaction(f"s{number}"))
    await store.close()
    return url


async def refused(cluster: Cluster, form: Format | None = None) -> AutoBotError:
    """Return why opening is refused, after checking that this changed nothing."""
    before = cluster.dump()
    with pytest.raises(OperatorError) as error:
        await PostgresEventStore.open(cluster.url("postgres"), ManualClock(), form=form or Format())
    assert cluster.dump() == before
    return error.value


async def test_a_database_opens_again(postgres: Cluster) -> None:
    """What was written is there at the next opening."""
    url = await filled(postgres)
    store = await PostgresEventStore.open(url, ManualClock())
    assert await store.head() == 3
    await store.close()


async def test_newer_data_is_refused_untouched(postgres: Cluster) -> None:
    """A database of a later format raises DataNewer that names both formats."""
    await filled(postgres)
    postgres.sql(f"UPDATE autobot.format SET version = {VERSION + 1}")
    error = await refused(postgres)
    assert isinstance(error, DataNewer)
    assert str(VERSION + 1) in error.detail
    assert error.hint


async def test_a_schema_of_another_program_is_refused(postgres: Cluster) -> None:
    """Tables that we did not make, under our schema's name, raise DataCorrupt."""
    postgres.emptied()
    postgres.sql("CREATE SCHEMA autobot; CREATE TABLE autobot.format(name text)")
    postgres.sql("ALTER TABLE autobot.format RENAME TO things")
    error = await refused(postgres)
    assert isinstance(error, DataCorrupt)
    assert "another program" in error.detail


async def test_a_database_that_is_not_utf8_is_refused(postgres: Cluster) -> None:
    """Texts of any language must fit: another encoding raises ConfigurationError with the way to make a right one."""
    postgres.sql("DROP DATABASE IF EXISTS narrow")
    postgres.sql("CREATE DATABASE narrow ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(ConfigurationError, match="SQL_ASCII") as error:
        await PostgresEventStore.open(postgres.url("narrow"), ManualClock())
    assert error.value.hint is not None
    assert "UTF8" in error.value.hint


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("no address", ConfigurationError),
        ("mysql://somebody@127.0.0.1/x", ConfigurationError),
        ("postgresql://somebody@127.0.0.1:9/x", ConnectFailed),
        ("postgresql://somebody@/x?host=/nowhere", ConnectFailed),
    ],
)
async def test_an_address_that_leads_nowhere_is_told(url: str, kind: type[AutoBotError]) -> None:
    """What is no address is a matter of configuration; a server that is away is one of connection. No secret is told."""
    with pytest.raises(kind) as error:
        await PostgresEventStore.open(url, ManualClock())
    assert error.value.hint
    assert "somebody" not in error.value.detail


async def test_a_missing_database_is_told(postgres: Cluster) -> None:
    """The error says how to make it."""
    with pytest.raises(ConfigurationError) as error:
        await PostgresEventStore.open(postgres.url("missing"), ManualClock())
    assert "createdb" in (error.value.hint or "")


# ------------------------------------------------------------------------------------------------ migration


def two_steps(*, fail: bool = False) -> Format:
    """Return a format two versions later."""

    async def widen(connection: Connection) -> None:
        await connection.execute("ALTER TABLE autobot.snapshots ADD COLUMN taken bigint NOT NULL DEFAULT 0")

    async def fill(connection: Connection) -> None:
        await connection.execute("UPDATE autobot.snapshots SET taken = 7")
        if fail:
            await connection.execute("INSERT INTO autobot.missing VALUES (1)")

    return Format(version=VERSION + 2, ddl=DDL, steps={VERSION: widen, VERSION + 1: fill})


async def test_older_data_is_migrated(postgres: Cluster) -> None:
    """Each step runs once, in order, and what was there is still there."""
    url = await filled(postgres)
    for _ in range(2):
        store = await PostgresEventStore.open(url, ManualClock(), form=two_steps())
        assert await store.head() == 3
        await store.close()
    assert postgres.sql("SELECT version FROM autobot.format") == str(VERSION + 2)
    assert postgres.sql("SELECT count(taken) FROM autobot.snapshots") == "0"


async def test_a_step_that_fails_leaves_the_old_format(postgres: Cluster) -> None:
    """A step that breaks undoes those before it; the version that wrote the data still reads it."""
    url = await filled(postgres)
    await refused(postgres, two_steps(fail=True))
    store = await PostgresEventStore.open(url, ManualClock())
    assert await store.head() == 3
    await store.close()


async def test_a_missing_step_stops_with_the_reason(postgres: Cluster) -> None:
    """A format that nothing leads from is refused, with what to do."""
    await filled(postgres)
    error = await refused(postgres, Format(version=VERSION + 1))
    assert "no way" in error.detail
    assert error.hint
