"""A collection as one file: a plain tar (POSIX.1-1988 ustar) with one order of entries. Pure.

    collection.json            format, version, id and name of the collection, when it was written, what is left out
    documents/00000001.json    id, title, tags, source, address, file name, size and SHA-256 of a document, and the same
                               of its versions before, the oldest first
    versions/00000001.00000001 the bytes of its oldest version, and so on
    originals/00000001         those of the newest; left out while they were not fetched yet
    …
    question_sets/00000001.json  name and questions of a set, with grades of documents and passages by their ids
    …
    end.json                   how many documents and sets there are, and one SHA-256 over all that is said of them

Nothing in it is compressed, so nothing can unpack to more than it is. Names say nothing but their place: an entry with
another name, of another kind or in another order is no part of this format and refused. What is said of documents binds
their bytes, and the end binds what is said, so that an archive is whole or is not one. There are no vectors and no text
in it: these follow from the originals, and by the model and the reader of the installation that takes them in. Version
1 of the format has neither ids, versions before nor question sets, and is read as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from autobot.contexts.knowledge.domain.question_set import check
from autobot.contracts.knowledge.archives import DOCUMENTS_MAX, VERSIONS_MAX
from autobot.contracts.knowledge.documents import AddDocument, FileMark
from autobot.contracts.knowledge.passages import passage_id, place_of
from autobot.contracts.knowledge.question_sets import (
    GRADES_MAX,
    QUESTIONS_MAX,
    SETS_MAX,
    BringQuestionSet,
    WishedQuestion,
)
from autobot.contracts.knowledge.words import FILE_MAX, Source
from autobot.kernel.core.errors import InvalidInput, TooLarge
from autobot.kernel.core.validate import validate

T = TypeVar("T")

FORMAT: Final = "autobot.collection"
VERSION: Final = 2
READ: Final = (1, 2)
"""Versions that are read."""
WITHOUT: Final = ("permissions", "measurements", "vectors", "texts")
"""What is left out of every archive, as its head says."""
BLOCK: Final = 512
SAID_MAX: Final = 8 * 1024 * 1024
"""Bytes of what is said of one thing: a document with the versions before, a set with its questions."""
HEAD, END = "collection.json", "end.json"
SETS: Final = "question_sets/"
_MAGIC: Final = b"ustar\x0000"
_OCTAL: Final = re.compile(rb"[ 0]*([0-7]{1,11})[ \x00]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an archive says of itself. `documents` is how many were counted when it was begun, `without` what it has not."""

    format: str
    version: int
    id: str
    name: str
    documents: int
    written_at: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What is said of a version: what it takes to add it, and what it was where it came from."""

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

    def command(
        self, blob: str, collection: str, by: str | None = None, of: str | None = None
    ) -> AddDocument:
        """Return the wish of the import `by` to add it, as a further version `of` a document. Raises InvalidInput when it breaks a rule of documents."""
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
            id=of,
        )
        validate(command)
        if file is None and not self.url:
            raise InvalidInput("A document in the archive has neither a file nor an address.")
        return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Version):
    """What is said of a document: its newest version, and those `earlier`, the oldest first.

    `id` is what question sets of the archive call it. `version` is the one that its bytes came with, when there are
    earlier ones.
    """

    updated_at: str
    id: str = ""
    earlier: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question of a set."""

    query: str
    relevant: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetSaid:
    """What is said of a question set. Who wrote its questions is not: names mean nothing elsewhere."""

    id: str
    name: str
    questions: tuple[Asked, ...]

    def command(self, collection: str, by: str, places: Places) -> BringQuestionSet:
        """Return the wish of the import `by` to make it, with the ids of documents and passages as they are there.

        What is graded and did not come is left out, and so is a question that nothing is left to answer. Raises
        InvalidInput when it breaks a rule of sets.
        """
        asked = []
        for one in self.questions:
            found = {here: grade for there, grade in one.relevant.items() if (here := places.get(there))}
            if any(grade > 0 for grade in found.values()):
                asked.append(WishedQuestion(query=one.query, relevant=found))
        command = BringQuestionSet(
            collection=collection, origin=self.id, name=self.name, questions=tuple(asked), brought_by=by
        )
        validate(command)
        return command


class Places:
    """Where documents of an archive are now, and their passages."""

    def __init__(self) -> None:
        self._documents: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {}

    def put(self, there: str, here: str, versions: tuple[tuple[int, int], ...]) -> None:
        """Say where a document is; `versions` are pairs of its number there, rising, and here, 0 for one that is not."""
        self._documents[there] = (here, versions)

    def get(self, answer: str) -> str | None:
        """Return what a document or passage is here; None when it did not come.

        A version between two that came was the earlier one read anew, and so was one before the first.
        """
        place = place_of(answer)
        if place is None:
            return self._documents[answer][0] if answer in self._documents else None
        document, version, number = place
        here, versions = self._documents.get(document, ("", ()))
        fitting = [mine for place, (theirs, mine) in enumerate(versions) if theirs <= version or not place]
        return passage_id(here, fitting[-1], number) if fitting and fitting[-1] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What stands at the end: SHA-256 over what is said of all documents and sets, one after the other."""

    documents: int
    sha256: str
    question_sets: int = 0


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


def version_name(number: int, place: int) -> str:
    """Return where the bytes of a version before stand, the oldest of a document at 1."""
    return f"versions/{number:08d}.{place:08d}"


def set_name(number: int) -> str:
    """Return where it stands what is said of a question set, which are numbered from 1."""
    return f"{SETS}{number:08d}.json"


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
    if head.version not in READ:
        raise InvalidInput(
            f"The archive has version {head.version} of its format; this AutoBot reads versions 1 to {VERSION}.",
            hint="Take it in with the version of AutoBot that wrote it, or a newer one.",
        )
    if not (0 < len(head.id) <= 64 and 0 < len(head.name) <= 100):
        raise InvalidInput("The archive does not say which collection it was made of.")
    return head


def described_of(raw: bytes, number: int) -> Described:
    """Return what is said of a document. Raises InvalidInput for what could not be added here."""
    found = _read(raw, Described, document_name(number))
    if len(found.earlier) > VERSIONS_MAX:
        raise TooLarge(f"Document {number} of the archive has more than {VERSIONS_MAX} versions before.")
    numbers = [one.version for one in (*found.earlier, found)]
    if numbers != sorted(set(numbers)) or numbers[0] < 1:
        raise InvalidInput(f"The versions of document {number} of the archive are in no order.")
    for one in (*found.earlier, found):
        if not 0 <= one.size <= FILE_MAX:
            raise TooLarge(f"Document {number} of the archive has more than the {FILE_MAX} bytes of a file.")
        with _telling(f"Document {number}"):
            one.command("x", "x")
        if one is not found and not one.size:
            raise InvalidInput(f"Document {number} of the archive has a version before without bytes.")
    return found


def set_of(raw: bytes, number: int, places: Places) -> QuestionSetSaid:
    """Return what is said of a question set. Raises InvalidInput for what could not be made here."""
    found = _read(raw, QuestionSetSaid, set_name(number))
    if number > SETS_MAX:
        raise TooLarge(f"An archive has at most {SETS_MAX} question sets.")
    grades = sum(len(one.relevant) for one in found.questions)
    if len(found.questions) > QUESTIONS_MAX or grades > GRADES_MAX:
        raise TooLarge(
            f"Question set {number} of the archive has more than {QUESTIONS_MAX} questions or {GRADES_MAX} grades."
        )
    with _telling(f"Question set {number}"):
        check(found.command("x", "x", places).questions)
    return found


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Say of a broken rule what in the archive breaks it."""
    try:
        yield
    except InvalidInput as error:
        why = "; ".join(f"{one.pointer.removeprefix('#/')} {one.detail}" for one in error.errors)
        raise InvalidInput(f"{what} of the archive cannot be added: {why or error.detail}") from None


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
