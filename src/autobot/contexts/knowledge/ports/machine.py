"""Files of this machine that the command line names: archives that are written there, or read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class MachineFiles(Protocol):
    """Contract: a file is written whole under its name or not at all, durable, and never in place of another; it raises
    Conflict where something is there already, OperatorError where it cannot be written. `read` yields a file piece by
    piece; it raises NotFound where no file is.
    """

    async def write(self, path: str, pieces: AsyncIterator[bytes]) -> int:
        """Write a new file; returns its bytes."""
        ...

    def read(self, path: str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file."""
        ...
