"""Originals in memory: for tests, and for a process that keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from autobot.contexts.knowledge.ports.blobs import NAME, Blob
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Conflict, NotFound


@dataclass(slots=True)
class _Upload:
    id: str
    begun: datetime
    data: bytearray = field(default_factory=bytearray)


class MemoryBlobs:
    """Implements `Blobs`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._whole: dict[str, tuple[Blob, bytes]] = {}
        self._uploads: dict[str, _Upload] = {}
        self._made = 0

    async def begin(self, name: str) -> str:
        if NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a blob")
        self._made += 1
        self._uploads[f"{self._made}"] = _Upload(name, self._clock.now())
        return f"{self._made}"

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        found = self._upload(upload)
        if offset != len(found.data):
            raise Conflict(f"The upload has {len(found.data)} bytes, not {offset}.")
        found.data += data

    async def finish(self, upload: str) -> Blob:
        found = self._upload(upload)
        data = bytes(found.data)
        blob = Blob(id=found.id, size=len(data), sha256=sha256(data).hexdigest(), made=self._clock.now())
        self._whole[found.id] = blob, data
        del self._uploads[upload]
        return blob

    async def abandon(self, upload: str) -> None:
        self._uploads.pop(upload, None)

    async def stat(self, name: str) -> Blob | None:
        found = self._whole.get(name)
        return None if found is None else found[0]

    async def read(self, name: str, offset: int, length: int) -> bytes:
        found = self._whole.get(name)
        if found is None:
            raise NotFound(f"There is no blob {name}.")
        return found[1][offset : offset + length]

    async def remove(self, name: str) -> None:
        self._whole.pop(name, None)

    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        names = sorted(one for one in self._whole if one > after)
        return [self._whole[one][0] for one in names[:limit]]

    async def sweep(self, before: datetime) -> int:
        old = [name for name, one in self._uploads.items() if one.begun < before]
        for name in old:
            del self._uploads[name]
        return len(old)

    def _upload(self, upload: str) -> _Upload:
        found = self._uploads.get(upload)
        if found is None:
            raise NotFound("This upload was never begun, or is over.")
        return found
