"""Backups: a copy of the database as it was at one position, and a manifest that proves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any, Final

import apsw
import msgspec

from autobot.adapters.sqlite import reading
from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import CURRENT, connect, open_database, sync_file, sync_folder, version_of
from autobot.kernel.core.errors import DataCorrupt, DataNewer, OperatorError
from autobot.kernel.event_store.audit_chain import GENESIS, verify
from autobot.kernel.event_store.rows import DOCUMENT_COLUMNS, document
from autobot.kernel.event_store.table_hash import TableHash

MANIFEST: Final = "manifest.json"
_PAGE: Final = 1000
UNFINISHED: Final = ".part"
"""Files of an extra folder that are still being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """A file of a backup: size in bytes and BLAKE2b of its content."""

    bytes: int
    blake2b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMark:
    """A table of documents: how many, and `TableHash` over them."""

    documents: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `audit_hash` is the audit chain's last hash: a chain cut at its end is noticed."""

    format: int
    made: str
    database: str
    position: int
    audited: int
    audit_hash: str
    tables: dict[str, TableMark]
    files: dict[str, FileMark]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(one.bytes for one in self.files.values())


def make_backup(database: Path, folder: Path, made: str, extra: Mapping[str, Path]) -> Manifest:
    """Copy the database (also while it is written) and `extra` (name → file or folder) into a new `folder`.

    Files of an extra folder never change: those that come or go meanwhile are in it, so that all that the copied
    database names is there. `made` is the time as text. Erased text is not in the copy. Raises OperatorError when `folder` has
    something in it or cannot be written; then nothing of the backup is left.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OperatorError(f"{folder} is not empty.", hint="Name a new folder for the backup.")
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
        manifest = _fill(database, partial, made, extra)
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OperatorError(f"The backup cannot be written to {folder}: {error.strerror}.") from error
    except apsw.Error as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise mapped(error) from error
    return manifest


def _fill(database: Path, folder: Path, made: str, extra: Mapping[str, Path]) -> Manifest:
    copy = folder / database.name
    folders = {name: one for name, one in extra.items() if one.is_dir()}
    _copy_folders(folders, folder)
    source = connect(database, writes=True)
    try:
        source.execute("VACUUM INTO ?", (str(copy),)).fetchall()
    finally:
        source.close()
    _copy_folders(folders, folder)
    for name, file in extra.items():
        if name not in folders:
            shutil.copyfile(file, folder / name)
    files = {}
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        file.chmod(0o600)
        sync_file(file)
        files[file.relative_to(folder).as_posix()] = mark_of(file)
    for below in folder.rglob("*"):
        if below.is_dir():
            sync_folder(below)
    manifest = _describe(copy, made, files)
    target = folder / MANIFEST
    target.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    sync_file(target)
    sync_folder(folder)
    return manifest


def _copy_folders(folders: Mapping[str, Path], target: Path) -> None:
    """Copy what is not there yet; a file that goes meanwhile is passed over."""
    for name, folder in folders.items():
        for file in sorted(folder.rglob("*")):
            place = target / name / file.relative_to(folder)
            if place.exists() or not file.is_file() or file.suffix == UNFINISHED:
                continue
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileNotFoundError):
                shutil.copyfile(file, place)


def _describe(copy: Path, made: str, files: dict[str, FileMark]) -> Manifest:
    # Nobody else has this copy open and it has no log beside it, so it can be read as it lies there.
    connection = immutable(copy)
    try:
        ((position,),) = _rows(connection, "SELECT coalesce(max(position), 0) FROM events")
        last = (*_rows(connection, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"), None)[
            0
        ]
        return Manifest(
            format=version_of(copy) or 0,
            made=made,
            database=copy.name,
            position=position,
            audited=last[0] if last else 0,
            audit_hash=last[1].hex() if last else GENESIS,
            tables=marks_of_tables(connection),
            files=files,
        )
    finally:
        connection.close()


def immutable(path: Path) -> apsw.Connection:
    """Open a file that nobody writes, without making or changing any file."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)


def mark_of(file: Path) -> FileMark:
    """Return size and hash of a file."""
    with file.open("rb") as stream:
        return FileMark(bytes=file.stat().st_size, blake2b=file_digest(stream, "blake2b").hexdigest())


def marks_of_tables(connection: apsw.Connection) -> dict[str, TableMark]:
    """Return the mark of every table of documents."""
    marks = {}
    for (table,) in _rows(connection, "SELECT DISTINCT tbl FROM documents ORDER BY tbl"):
        digest = TableHash()
        rows = connection.execute(
            f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE tbl = ? ORDER BY sort, key",  # noqa: S608 - names are ours
            (table,),
        )
        for row in rows:
            digest.add(document(row))
        marks[table] = TableMark(documents=digest.documents, hash=digest.hexdigest())
    return marks


def _rows(connection: apsw.Connection, sql: str) -> list[Any]:
    return connection.execute(sql).fetchall()


# ------------------------------------------------------------------------------------------------ restoring


def read_manifest(folder: Path) -> Manifest:
    """Return a backup's manifest. Raises DataCorrupt when there is none that can be read, DataNewer for a newer one."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise DataCorrupt(f"{folder} holds no backup: {MANIFEST} is missing.") from None
    except OSError as error:
        raise OperatorError(f"{folder / MANIFEST} cannot be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataCorrupt(f"{folder / MANIFEST} is damaged.") from error
    if manifest.format > CURRENT.version:
        raise DataNewer(
            f"The backup has format {manifest.format}; this version of AutoBot reads up to {CURRENT.version}.",
            hint="Restore it with the newer version of AutoBot that wrote it.",
        )
    if any(_leads_away(name) for name in (*manifest.files, manifest.database)):
        raise DataCorrupt(f"{folder / MANIFEST} names files outside its folder.")
    return manifest


def _leads_away(name: str) -> bool:
    """Say whether a name of a manifest is no plain name below its folder."""
    parts = PurePosixPath(name).parts
    return (
        not parts
        or ".." in parts
        or "\\" in name
        or PurePosixPath(*parts).as_posix() != name
        or parts[0] == "/"
    )


def restore(source: Path, target: Path) -> list[str]:
    """Restore the backup in `source` into the data folder `target` and say what was proven, line by line.

    Every file is checked against the manifest before anything is written; the restored database is opened
    (and migrated when it is older), its log counted, its audit chain recomputed and every table's hash
    compared. Raises OperatorError when `target` has a database, DataCorrupt when the backup does not hold;
    then `target` has nothing of it.
    """
    manifest = read_manifest(source)
    for name, mark in manifest.files.items():
        if not (source / name).is_file():
            raise DataCorrupt(f"The backup is not whole: {name} is missing.")
        if mark_of(source / name) != mark:
            raise DataCorrupt(f"The backup is damaged: {name} is not the file that was backed up.")
    present = sorted(name for name in manifest.files if (target / name).exists())
    if present:
        raise OperatorError(
            f"The data folder {target} is not empty: it has {', '.join(present)}.",
            hint="Name an empty folder in AUTOBOT_DATA_DIR.",
        )
    placed: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in manifest.files:
            partial = target / f"{name}.partial"
            placed.append(partial)
            partial.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source / name, partial)
            partial.chmod(0o600)
            sync_file(partial)
        report = _prove(target / f"{manifest.database}.partial", manifest)
        for name in manifest.files:
            (target / f"{name}.partial").replace(target / name)
        for below in (target, *{(target / name).parent for name in manifest.files}):
            sync_folder(below)
    except OSError as error:
        raise OperatorError(f"The backup cannot be restored to {target}: {error.strerror}.") from error
    except apsw.Error as error:
        raise mapped(error) from error
    finally:
        for one in placed:
            for left in one.parent.glob(f"{one.name}*"):
                left.unlink(missing_ok=True)
    return report


def _prove(copy: Path, manifest: Manifest) -> list[str]:
    connection = open_database(copy)
    try:
        ((count, position),) = _rows(connection, "SELECT count(*), coalesce(max(position), 0) FROM events")
        if not count == position == manifest.position:
            raise DataCorrupt(
                f"The log has {count} events up to position {position}, not {manifest.position}."
            )
        last, sequence = GENESIS, 0
        while page := reading.audit(connection, sequence, _PAGE):
            last, sequence, broken = verify(page, last, sequence)
            if broken is not None:
                raise DataCorrupt(f"The audit chain breaks at record {broken.sequence}: {broken.reason}.")
        if (sequence, last) != (manifest.audited, manifest.audit_hash):
            raise DataCorrupt("The audit chain does not end where the backup's manifest says.")
        found = marks_of_tables(connection)
        if found != manifest.tables:
            differ = sorted(
                name
                for name in found.keys() | manifest.tables.keys()
                if found.get(name) != manifest.tables.get(name)
            )
            raise DataCorrupt(f"Tables differ from those that were backed up: {', '.join(differ)}.")
    finally:
        connection.close()
    return [
        f"The log is restored up to position {position}.",
        f"The audit chain of {sequence} records verifies; its last hash is {last}.",
        *(
            f"{name}: {mark.documents} documents, hash {mark.hash} as backed up."
            for name, mark in found.items()
        ),
    ]
