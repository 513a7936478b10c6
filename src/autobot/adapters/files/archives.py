"""Files of this machine that the command line names."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from io import FileIO
from pathlib import Path

from autobot.contexts.knowledge.ports.blobs import PIECE
from autobot.kernel.core.errors import Conflict, NotFound, OperatorError


class LocalFiles:
    """Implements `MachineFiles`. Disk work is done in threads."""

    async def write(self, path: str, pieces: AsyncIterator[bytes]) -> int:
        target = Path(path)
        partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
        if await asyncio.to_thread(target.exists):
            raise Conflict(f"{target} is there already.", hint="Name a file that is not there yet.")
        size = 0
        try:
            file = await asyncio.to_thread(_opened, partial)
            try:
                async for piece in pieces:
                    size += len(piece)
                    await asyncio.to_thread(file.write, piece)
                await asyncio.to_thread(os.fsync, file.fileno())
            finally:
                await asyncio.to_thread(file.close)
            # A link is refused where something came meanwhile; a rename would take its place.
            await asyncio.to_thread(os.link, partial, target)
        except FileExistsError:
            raise Conflict(f"{target} is there already.", hint="Name a file that is not there yet.") from None
        except OSError as error:
            raise OperatorError(f"{target} cannot be written: {error.strerror}.") from error
        finally:
            await asyncio.to_thread(partial.unlink, missing_ok=True)
        return size

    async def read(self, path: str) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(Path(path).open, "rb")
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
        try:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        finally:
            await asyncio.to_thread(file.close)


def _opened(path: Path) -> FileIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return FileIO(descriptor, "wb")
