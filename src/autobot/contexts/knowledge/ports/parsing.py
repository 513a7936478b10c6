"""Reading a file: what comes in may be hostile, what comes out is text with its headings and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from autobot.contexts.knowledge.domain.chunking import Heading
from autobot.contexts.knowledge.domain.document import text_blob
from autobot.contexts.knowledge.ports.blobs import Blobs, once, pieces, store
from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Effect, Operation

PARSE = Operation(name="parse", effect=Effect.FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that was not read yet. `filename` and `media_type` are what was said of it; `pieces` yields its bytes.

    `web`: it is a page of the web, of which only the content counts. `pasted`: it came as a text, and is no file.
    """

    filename: str
    media_type: str
    size: int
    pieces: Callable[[], AsyncIterator[bytes]]
    web: bool = False
    pasted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a file says: its text, and in code points of it where headings stand and pages begin.

    `media_type` is what the file is, whatever was said of it. `title` is its own, empty when it has none.
    """

    text: str
    media_type: str
    title: str = ""
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()


class Parser(Protocol):
    """Reads a file of any kind.

    Contract: it raises InvalidInput with the cause for a file that cannot be read (encrypted, broken, of a kind that is
    not read, without text), TooLarge for one whose text or whose work is beyond the limits, and Absent, with the step
    that adds it, when what reads this kind is not installed. The same file gives the same text. Whatever a file does to
    the reader, this process goes on.
    """

    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        """Return what the file says."""
        ...


TEXT_BYTES = 256 * 1024 * 1024
"""Bytes that the text of one version may take beside the originals: far above what parsing lets through."""


async def keep_parsed(blobs: Blobs, document_id: str, version: int, parsed: Parsed) -> None:
    """Keep what was read from a version beside the originals."""
    raw = msgspec.json.encode(parsed)
    await store(blobs, text_blob(document_id, version), once(raw), TEXT_BYTES)


async def parsed_of(blobs: Blobs, document_id: str, version: int) -> Parsed:
    """Return what was read from a version. Raises NotFound when nothing was."""
    raw = b"".join([piece async for piece in pieces(blobs, text_blob(document_id, version))])
    return msgspec.json.decode(raw, type=Parsed)
