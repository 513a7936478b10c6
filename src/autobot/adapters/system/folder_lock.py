"""One process owns a data folder. The second one learns who does."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Final, Self

from autobot.kernel.core.errors import ConfigurationError, DataLocked

NAME: Final = "lock"


class FolderLock:
    """An advisory lock (flock(2)) on `<folder>/lock`, held until `release` or the end of the process.

    The kernel gives the lock back when the process dies, however it dies, so a stale file never locks
    anybody out. The file holds the owner's pid and address as JSON, for the one that is refused.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self._folder, self._descriptor = folder, descriptor

    @classmethod
    def acquire(cls, folder: Path, *, address: str = "") -> Self:
        """Take the lock. Raises DataLocked naming the owner, ConfigurationError when the folder cannot be used."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {folder} cannot be used: {error.strerror}.",
                hint="Name another folder in AUTOBOT_DATA_DIR, or give yourself the right to write there.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise locked(folder) from error
        lock = cls(folder, descriptor)
        lock.announce(address)
        return lock

    def announce(self, address: str) -> None:
        """Write this process and the address where it answers into the file."""
        owner = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, owner, 0)

    def release(self) -> None:
        """Give the folder back. A second call does nothing."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def owner(folder: Path) -> tuple[int, str] | None:
    """Return pid and address of the process that owns `folder`, None when nobody does or it has not said."""
    try:
        data = json.loads((folder / NAME).read_bytes())
        return int(data["pid"]), str(data["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def locked(folder: Path) -> DataLocked:
    """Return the error that tells who owns `folder`."""
    found = owner(folder)
    if found is None:
        return DataLocked(f"Another process owns the data folder {folder}.")
    pid, address = found
    where = f" and answers at {address}" if address else ""
    return DataLocked(
        f"The data folder {folder} is in use by process {pid}{where}.",
        hint="Stop that process first, or name another folder in AUTOBOT_DATA_DIR.",
    )
