"""The context's ports behind rows of the matrix: originals, the reading process, the web."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from autobot.contexts.knowledge.ports.blobs import Blob, Blobs
from autobot.contexts.knowledge.ports.fetching import FETCH, Fetched, Wanted
from autobot.contexts.knowledge.ports.parsing import PARSE, Parsed, Parser, Unread
from autobot.kernel.core.context import CallContext
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

Handlers = Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]]

KEEP: Final = Operation(name="keep", effect=Effect.IDEMPOTENT)
LOOK: Final = Operation(name="look", effect=Effect.FREE)


class LinkedBlobs:
    """Implements `Blobs` by calls on a link; `context` is the process's own."""

    def __init__(self, link: Link, context: CallContext) -> None:
        self._link, self._context = link, context

    async def _call(self, operation: Operation, name: str, *args: Any, **kwargs: Any) -> Any:
        return await self._link.call(operation, (name, args, kwargs), self._context)

    async def begin(self, name: str) -> str:
        """Open an upload."""
        upload: str = await self._call(KEEP, "begin", name)
        return upload

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        """Add bytes."""
        await self._call(KEEP, "append", upload, offset, data)

    async def finish(self, upload: str) -> Blob:
        """Make an upload readable."""
        blob: Blob = await self._call(KEEP, "finish", upload)
        return blob

    async def abandon(self, upload: str) -> None:
        """Drop an upload."""
        await self._call(KEEP, "abandon", upload)

    async def stat(self, name: str) -> Blob | None:
        """Return what lies under a name."""
        blob: Blob | None = await self._call(LOOK, "stat", name)
        return blob

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a piece."""
        data: bytes = await self._call(LOOK, "read", name, offset, length)
        return data

    async def remove(self, name: str) -> None:
        """Remove what lies under a name."""
        await self._call(KEEP, "remove", name)

    async def list(self, *, after: str = "", limit: int = 1000) -> Sequence[Blob]:
        """Return what there is."""
        found: Sequence[Blob] = await self._call(LOOK, "list", after=after, limit=limit)
        return found

    async def sweep(self, before: datetime) -> int:
        """Drop uploads that nobody finished."""
        swept: int = await self._call(KEEP, "sweep", before)
        return swept


def blobs_service(blobs: Blobs) -> Handlers:
    """Return what answers at the other end of `LinkedBlobs`."""

    async def call(payload: Any, context: CallContext) -> Any:
        name, args, kwargs = payload
        return await getattr(blobs, name)(*args, **kwargs)

    return {KEEP.name: call, LOOK.name: call}


class LinkedParser:
    """Implements `Parser` by calls on a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        """Return what a file says."""
        parsed: Parsed = await self._link.call(PARSE, unread, context)
        return parsed


def parser_service(parser: Parser) -> Handlers:
    """Return what answers at the other end of `LinkedParser`."""
    return {PARSE.name: parser.parse}


class LinkedFetcher:
    """Implements `Fetcher` by calls on a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        """Return what lies at an address."""
        fetched: Fetched = await self._link.call(FETCH, wanted, context)
        return fetched
