"""The file's format: how it is made, recognised, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import apsw

from autobot.kernel.core.errors import DataCorrupt, DataNewer

APPLICATION_ID: Final = 0x41424F54
"""`ABOT`, in the file's header: another program's database is not touched."""
FORMAT: Final = 1
"""`user_version` of what this code writes."""

SCHEMA: Final = """
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    stream TEXT NOT NULL,
    revision INTEGER NOT NULL,
    type TEXT NOT NULL,
    time INTEGER NOT NULL,
    source TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    causation_id TEXT,
    partition_key TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    principal TEXT NOT NULL,
    tenant TEXT NOT NULL,
    content_type TEXT NOT NULL,
    data BLOB NOT NULL,
    hash TEXT NOT NULL,
    erased INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, revision);
CREATE INDEX events_type ON events (type, position);
CREATE INDEX events_correlation ON events (correlation_id, position);
CREATE TABLE answers (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL,
    body BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_expires ON answers (expires);
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, entry BLOB NOT NULL, event_hashes BLOB NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoints (consumer TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE handled (
    consumer TEXT NOT NULL, source TEXT NOT NULL, message_id TEXT NOT NULL,
    PRIMARY KEY (consumer, source, message_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE documents (
    tbl TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, owner TEXT NOT NULL, grp TEXT NOT NULL,
    sort TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_owner ON documents (tbl, owner, sort, key);
CREATE INDEX documents_group ON documents (tbl, grp, sort, key);
CREATE INDEX documents_sort ON documents (tbl, sort, key);
CREATE TABLE text_rows (rowid INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (tbl, key)) STRICT;
CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO texts (texts, rank) VALUES ('secure-delete', 1);
CREATE TABLE snapshots (
    stream TEXT NOT NULL, schema TEXT NOT NULL, revision INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (stream, schema)
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path, *, write: bool) -> apsw.Connection:
    """Open one connection with the settings that every connection of this file has."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if write else 0)
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=200)
    connection.set_busy_timeout(5000)
    if write:
        execute(connection, "PRAGMA journal_mode = WAL")
        execute(connection, "PRAGMA synchronous = FULL")
        execute(connection, "PRAGMA secure_delete = ON")
    else:
        execute(connection, "PRAGMA query_only = ON")
    execute(connection, "PRAGMA cache_size = -4096")
    return connection


def execute(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
    """Run a statement and return its rows."""
    return list(connection.execute(sql, bindings))


def open_writer(path: Path) -> apsw.Connection:
    """Open the file for writing; make it when it is not there.

    Raises DataCorrupt for a file that is no database or another program's, DataNewer for one that a newer
    version wrote. Neither is changed.
    """
    fresh = not path.exists() or path.stat().st_size == 0
    if not fresh:
        inspect(path)
    connection = connect(path, write=True)
    if fresh:
        with connection:
            connection.execute(SCHEMA)
            execute(connection, f"PRAGMA application_id = {APPLICATION_ID}")
            execute(connection, f"PRAGMA user_version = {FORMAT}")
    return connection


def inspect(path: Path) -> int:
    """Return the format of an existing file without changing it. Raises DataCorrupt or DataNewer."""
    try:
        connection = apsw.Connection(
            f"file:{path}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            application = execute(connection, "PRAGMA application_id")[0][0]
            version: int = execute(connection, "PRAGMA user_version")[0][0]
            tables = execute(connection, "SELECT count(*) FROM sqlite_schema")[0][0]
        finally:
            connection.close()
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise DataCorrupt(
            f"{path} is not a readable database.", hint="Restore a backup: autobot restore FOLDER."
        ) from error
    if application != APPLICATION_ID or tables == 0:
        raise DataCorrupt(f"{path} belongs to another program; it was not touched.")
    if version > FORMAT:
        raise DataNewer(
            f"{path} has format {version}; this version reads up to {FORMAT}.",
            hint="Start the newer AutoBot again, or restore an older backup.",
        )
    return version
