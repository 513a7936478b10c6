"""Opening a database: whose it is, how old it is. Refusals change nothing."""

# The schema's name is ours.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from autobot.adapters.postgres.driver import Connection, connect
from autobot.adapters.postgres.errors import mapped
from autobot.adapters.postgres.schema import DDL, VERSION
from autobot.kernel.core.errors import ConfigurationError, DataCorrupt, DataNewer, OperatorError

OLDEST_SERVER: Final = 130000
"""`server_version_num` of the oldest PostgreSQL that is taken: 13, the last one that its makers still mended in 2025."""
LOCK: Final = 0x4155_5442
"""Advisory lock of who makes or migrates the tables: `AUTB`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What this code writes, and how to get there: `steps[n]` takes a database of format n to n+1.

    All steps run inside one transaction; a step that raises leaves the database as it was.
    """

    version: int = VERSION
    ddl: str = DDL
    steps: Mapping[int, Callable[[Connection], Awaitable[None]]] = field(default_factory=dict)


CURRENT: Final = Format()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What was opened: the server's version as it names itself, and whether it flushes what it acknowledges."""

    version: str
    flushes: bool


async def open_database(url: str, current: Format = CURRENT) -> Server:
    """Make sure that the database has the tables of `current`: make them, migrate them, or leave all as it is.

    Raises ConnectFailed, ConfigurationError, DataNewer, DataCorrupt or OperatorError; then the database is untouched.
    """
    connection = await connect(url, "autobot opening")
    try:
        server = await _check_server(connection)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            version = await _version(connection)
            if version is None:
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS autobot; {current.ddl}")
                await connection.execute("INSERT INTO autobot.format VALUES ($1)", current.version)
            elif version > current.version:
                raise DataNewer(
                    f"The database has format {version}; this version of AutoBot reads up to {current.version}.",
                    hint="Start the newer version of AutoBot that wrote it.",
                )
            elif version < current.version:
                await _migrate(connection, version, current)
        return server
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise mapped(error) from error
    finally:
        await connection.close()


async def _check_server(connection: Connection) -> Server:
    server = int(await connection.fetchval("SHOW server_version_num"))
    if server < OLDEST_SERVER:
        raise ConfigurationError(
            f"PostgreSQL {server // 10000} is too old.", hint="AutoBot takes 13 or newer."
        )
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database has the encoding {encoding}.", hint="Make it with: createdb --encoding=UTF8 NAME."
        )
    version = str(await connection.fetchval("SHOW server_version")).split()[0]
    return Server(version=version, flushes=await connection.fetchval("SHOW fsync") == "on")


async def _version(connection: Connection) -> int | None:
    """Return the format of a database, None when there is none yet. Raises DataCorrupt for tables that are not ours."""
    if await connection.fetchval("SELECT to_regclass('autobot.format')") is None:
        found = await connection.fetchval(
            "SELECT relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'autobot' LIMIT 1"
        )
        if found is not None:
            raise DataCorrupt(
                "The schema autobot of the database belongs to another program.",
                hint="Name another database.",
            )
        return None
    versions = await connection.fetch("SELECT version FROM autobot.format")
    if len(versions) != 1:
        raise DataCorrupt("The database does not say which format it has.", hint="Restore the newest backup.")
    version: int = versions[0][0]
    return version


async def _migrate(connection: Connection, version: int, current: Format) -> None:
    missing = [one for one in range(version, current.version) if one not in current.steps]
    if missing:
        raise OperatorError(
            f"The database has format {version}, and this version of AutoBot has no way from format {missing[0]}.",
            hint="Start the version of AutoBot that wrote it, make a backup with pg_dump, and upgrade step by step.",
        )
    for one in range(version, current.version):
        await current.steps[one](connection)
    await connection.execute("UPDATE autobot.format SET version = $1", current.version)
