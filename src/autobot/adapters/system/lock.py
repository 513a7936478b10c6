"""One process owns the data folder. The kernel drops the lock when the process dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from autobot.kernel.core.errors import DataLocked, OperatorError

LOCK_FILE: Final = "autobot.lock"


class FolderLock:
    """The held lock; `tell` writes who holds it, for the message that a second start gets."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, address: str) -> None:
        """Write the owner's pid and address into the lock file."""
        body = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, body, 0)


@contextmanager
def locked_folder(folder: Path) -> Iterator[FolderLock]:
    """Own `folder` (made 0700 when absent) for the block.

    Raises DataLocked naming the owner's pid and address, OperatorError when the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(
            f"The data folder {folder} cannot be used: {error.strerror}.", hint="Set AUTOBOT_DATA_DIR."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _owned(folder, descriptor) from None
        lock = FolderLock(descriptor)
        lock.tell("")
        yield lock
    finally:
        os.close(descriptor)


def told_address(folder: Path) -> str | None:
    """Return where the owner of `folder` said that it listens; None when nobody did."""
    try:
        told = json.loads((folder / LOCK_FILE).read_bytes())["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told if isinstance(told, str) and told else None


def _owned(folder: Path, descriptor: int) -> DataLocked:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
        who = f"process {owner['pid']}" + (f" at {owner['address']}" if owner["address"] else "")
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return DataLocked(
        f"The data folder {folder} is in use by {who}.",
        hint="Use that one, stop it, or set AUTOBOT_DATA_DIR to another folder.",
    )
