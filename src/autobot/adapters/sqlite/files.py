"""Opening the database file: whose it is, how old it is, whether it is whole. Refusals change nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw

from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.schema import APPLICATION_ID, DDL, VERSION
from autobot.kernel.core.errors import DataCorrupt, DataNewer, OperatorError

MAGIC: Final = b"SQLite format 3\0"
CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Files up to this size are read whole at opening and every page is checked (about 1 s)."""

BUSY_MS: Final = 5000
PRAGMAS: Final = (
    f"busy_timeout = {BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
)
WRITER_PRAGMAS: Final = ("wal_autocheckpoint = 4000", "cache_size = -8000")
READER_PRAGMAS: Final = ("query_only = ON",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What this code writes, and how to get there: `steps[n]` takes a file of format n to n+1.

    A step runs inside one transaction with all others; a step that raises leaves the file as it was.
    `copied`: whether the file of the older format is copied first.
    """

    version: int = VERSION
    ddl: str = DDL
    steps: Mapping[int, Callable[[apsw.Connection], None]] = field(default_factory=dict)
    copied: bool = True


CURRENT: Final = Format()


def connect(path: Path, *, writes: bool) -> apsw.Connection:
    """Return a connection with the project's settings. Raises errors of the tree."""
    try:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        connection = apsw.Connection(str(path), flags=flags, statementcachesize=128)
        for pragma in (*PRAGMAS, *(WRITER_PRAGMAS if writes else READER_PRAGMAS)):
            # One by one and read to the end: a pragma that answers with a row stops what stands behind it.
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except apsw.Error as error:
        raise mapped(error) from error
    return connection


def version_of(path: Path) -> int | None:
    """Return the format of a file, None when there is none yet. Reads the header only, so it changes nothing.

    Raises DataCorrupt for a file that is no database of AutoBot. (The header in the file itself is
    always right: creation and migration end with a checkpoint.)
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    if not header:
        return None
    if len(header) < 100 or not header.startswith(MAGIC):
        raise DataCorrupt(
            f"{path} is not a database.", hint="Move it away, or restore a backup into an empty data folder."
        )
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise DataCorrupt(f"{path} belongs to another program.", hint="Name another data folder.")
    return int.from_bytes(header[60:64], "big")


def open_database(path: Path, current: Format = CURRENT) -> apsw.Connection:
    """Open, create or migrate the file at `path` and return the writer's connection.

    Older data is copied to `<name>.format-<n>`, where its format says so, and then migrated, or stays as it is with the
    reason.
    Raises DataNewer, DataCorrupt or OperatorError; then the file is untouched.
    """
    version = version_of(path)
    if version is None:
        return _create(path, current)
    if version > current.version:
        raise DataNewer(
            f"{path} has format {version}; this version of AutoBot reads up to {current.version}.",
            hint="Start the newer version of AutoBot that wrote it.",
        )
    _check(path)
    if version < current.version:
        _migrate(path, version, current)
    return connect(path, writes=True)


def _create(path: Path, current: Format) -> apsw.Connection:
    try:
        # SQLite gives its side files the mode that the database has when they are made.
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from error
    connection = connect(path, writes=True)
    try:
        with connection:
            connection.execute(current.ddl).fetchall()
            connection.execute(
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {current.version}"
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        sync_folder(path.parent)
    except apsw.Error as error:
        connection.close()
        raise mapped(error) from error
    return connection


def _check(path: Path) -> None:
    """Raise DataCorrupt when the file is cut off or, as far as its size allows to look, damaged."""
    log = path.with_name(path.name + "-wal")
    clean = not log.exists() or log.stat().st_size == 0
    size = path.stat().st_size
    if clean and size % 512:
        raise DataCorrupt(f"{path} is cut off.", hint="Restore the newest backup into an empty data folder.")
    if size > CHECKED_BYTES:
        return
    # After a clean stop the file alone is the whole truth and is read as such; after a crash its log is
    # needed too, and closing must not write it back before the check has passed.
    name = f"{path.absolute().as_uri()}?immutable=1" if clean else str(path)
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI if clean else apsw.SQLITE_OPEN_READWRITE
    try:
        connection = apsw.Connection(name, flags=flags)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except apsw.Error as error:
        raise mapped(error) from error
    if found != ("ok",):
        raise DataCorrupt(
            f"{path} is damaged: {found[0] if found else 'no answer'}.",
            hint="Restore the newest backup into an empty data folder.",
        )


def _migrate(path: Path, version: int, current: Format) -> None:
    missing = [one for one in range(version, current.version) if one not in current.steps]
    if missing:
        raise OperatorError(
            f"{path} has format {version}, and this version of AutoBot has no way from format {missing[0]}.",
            hint="Start the version of AutoBot that wrote it, make a backup, and upgrade step by step.",
        )
    copy = path.with_name(f"{path.name}.format-{version}")
    connection = connect(path, writes=True)
    try:
        if current.copied and not copy.exists():
            partial = copy.with_name(copy.name + ".partial")
            partial.unlink(missing_ok=True)
            connection.execute("VACUUM INTO ?", (str(partial),))
            sync_file(partial)
            partial.replace(copy)
            sync_folder(path.parent)
        with connection:
            for one in range(version, current.version):
                current.steps[one](connection)
            connection.execute(f"PRAGMA user_version = {current.version}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except apsw.Error as error:
        raise mapped(error) from error
    finally:
        connection.close()


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make names made in a folder durable."""
    sync_file(path)
