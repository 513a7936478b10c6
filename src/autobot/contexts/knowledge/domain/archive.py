"""A collection as one file: a plain tar (POSIX.1-1988 ustar) with one order of entries. Pure.

    collection.json            format, version, id and name of the collection, when it was written
    documents/00000001.json    title, tags, source, address, file name, size and SHA-256 of a document
    originals/00000001         its bytes; left out while they were not fetched yet
    …
    end.json                   how many documents there are, and one SHA-256 over all that is said of them

Nothing in it is compressed, so nothing can unpack to more than it is. Names say nothing but their place: an entry with
another name, of another kind or in another order is no part of this format and refused. What is said of documents binds
their bytes, and the end binds what is said, so that an archive is whole or is not one. There are no vectors and no text
in it: these follow from the originals, and by the model and the reader of the installation that takes them in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from autobot.contracts.knowledge.archives import DOCUMENTS_MAX
from autobot.contracts.knowledge.documents import AddDocument, FileMark
from autobot.contracts.knowledge.words import FILE_MAX, Source
from autobot.kernel.core.errors import InvalidInput, TooLarge
from autobot.kernel.core.validate import validate

T = TypeVar("T")

FORMAT: Final = "autobot.collection"
VERSION: Final = 1
BLOCK: Final = 512
SAID_MAX: Final = 64 * 1024
"""Bytes of what is said of one thing."""
HEAD, END = "collection.json", "end.json"
_MAGIC: Final = b"ustar\x0000"
_OCTAL: Final = re.compile(rb"[ 0]*([0-7]{1,11})[ \x00]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an archive says of itself. `documents` is how many were counted when it was begun."""

    format: str
    version: int
    id: str
    name: str
    documents: int
    written_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is said of a document: what it takes to add it, and what it was where it came from."""

    title: str
    tags: tuple[str, ...]
    source: Source
    url: str
    filename: str
    media_type: str
    size: int
    sha256: str
    version: int
    created_at: str
    updated_at: str

    def command(self, blob: str, collection: str, by: str | None = None) -> AddDocument:
        """Return the wish of the import `by` to add it. Raises InvalidInput when it breaks a rule of documents."""
        file = None
        if self.size:
            file = FileMark(
                size=self.size, sha256=self.sha256, filename=self.filename, media_type=self.media_type
            )
        command = AddDocument(
            title=self.title,
            # Whose folder it lay in is another machine's business.
            source="upload" if self.source == "folder" else self.source,
            file=file,
            blob=blob if file is not None else None,
            url=self.url,
            collection=collection,
            tags=self.tags,
            brought_by=by,
        )
        validate(command)
        if file is None and not self.url:
            raise InvalidInput("A document in the archive has neither a file nor an address.")
        return command


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What stands at the end: SHA-256 over what is said of all documents, one after the other."""

    documents: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a header says: a name, and the bytes that follow."""

    name: str
    size: int

    @property
    def blocks(self) -> int:
        """Bytes up to the next header."""
        return -(-self.size // BLOCK) * BLOCK


# --------------------------------------------------------------------------------------------------- writing


def header(name: str, size: int) -> bytes:
    """Return the block before the bytes of an entry."""
    fields = name.encode("ascii").ljust(100, b"\0")
    fields += b"0000600\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0"
    fields += b" " * 8 + b"0" + b"\0" * 100 + _MAGIC + b"\0" * 32 + b"\0" * 32 + b"0000000\0" * 2
    fields = fields.ljust(BLOCK, b"\0")
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def padding(size: int) -> bytes:
    """Return what fills the last block of an entry."""
    return b"\0" * (-size % BLOCK)


def said(name: str, what: Any) -> tuple[bytes, bytes]:
    """Return the JSON of something, and the entry that holds it."""
    raw = msgspec.json.encode(what)
    return raw, header(name, len(raw)) + raw + padding(len(raw))


def document_name(number: int) -> str:
    """Return where it stands what is said of a document, which are numbered from 1."""
    return f"documents/{number:08d}.json"


def original_name(number: int) -> str:
    """Return where the bytes of a document stand."""
    return f"originals/{number:08d}"


FINISH: Final = b"\0" * (2 * BLOCK)
"""What follows the last entry."""


# --------------------------------------------------------------------------------------------------- reading


def entry_of(block: bytes, name: str, most: int) -> Entry:
    """Return the entry that a block begins, which must be a plain file called `name` of at most `most` bytes.

    Raises InvalidInput for anything else, TooLarge beyond.
    """
    if len(block) < BLOCK:
        raise InvalidInput("The archive is cut off.")
    summed = sum(block[:148]) + sum(block[156:]) + 8 * 32
    if block[257:265] != _MAGIC or _number(block[148:156]) != summed:
        raise InvalidInput("This is no archive of a collection, or it is damaged.")
    found = block[:100].rstrip(b"\0").decode("latin-1")
    if found != name or block[156:157] not in (b"0", b"\0") or block[345:500].strip(b"\0"):
        raise InvalidInput(f"The archive has something else where {name} must be.")
    size = _number(block[124:136])
    if size is None:
        raise InvalidInput("The archive is damaged: an entry has no size.")
    if size > most:
        raise TooLarge(f"{name} in the archive has more than the {most} bytes that are accepted.")
    return Entry(name=name, size=size)


def _number(field: bytes) -> int | None:
    found = _OCTAL.match(field)
    return None if found is None else int(found[1], 8)


def head_of(raw: bytes) -> Head:
    """Return what an archive says of itself. Raises InvalidInput, also for a version that is not known here."""
    head = _read(raw, Head, HEAD)
    if head.format != FORMAT:
        raise InvalidInput("This is no archive of a collection.")
    if head.version != VERSION:
        raise InvalidInput(
            f"The archive has version {head.version} of its format; this AutoBot reads version {VERSION}.",
            hint="Take it in with the version of AutoBot that wrote it, or a newer one.",
        )
    if not (0 < len(head.id) <= 64 and 0 < len(head.name) <= 100):
        raise InvalidInput("The archive does not say which collection it was made of.")
    return head


def described_of(raw: bytes, number: int) -> Described:
    """Return what is said of a document. Raises InvalidInput for what could not be added here."""
    found = _read(raw, Described, document_name(number))
    if not 0 <= found.size <= FILE_MAX:
        raise TooLarge(f"Document {number} of the archive has more than the {FILE_MAX} bytes of a file.")
    try:
        found.command("x", "x")
    except InvalidInput as error:
        why = "; ".join(f"{one.pointer.removeprefix('#/')} {one.detail}" for one in error.errors)
        raise InvalidInput(
            f"Document {number} of the archive cannot be added: {why or error.detail}"
        ) from None
    return found


def end_of(raw: bytes) -> End:
    """Return what stands at the end. Raises InvalidInput."""
    found = _read(raw, End, END)
    if found.documents > DOCUMENTS_MAX:
        raise TooLarge(f"An archive has at most {DOCUMENTS_MAX} documents.")
    return found


def _read(raw: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{name} in the archive cannot be read: {error}.") from None
