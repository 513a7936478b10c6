"""The index of passages: by words, by vectors, and as of any position of the log."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from autobot.contexts.knowledge.domain.fusion import Ranked
from autobot.contracts.knowledge.passages import Passage, Place, passage_id
from autobot.kernel.core.errors import InvalidInput

Vector = Sequence[float]
Vectors = Sequence[Vector]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedVersion:
    """A version of a document, as the index keeps it.

    Attributes:
        position: of the log: from there on it is found.
        model: what made its vectors; empty when it has none.
    """

    document_id: str
    version: int
    collection: str
    title: str
    position: int
    owner: str = ""
    tags: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a document is called and where it lies, from `position` of the log on."""

    document_id: str
    collection: str
    title: str
    position: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which passages are searched.

    Attributes:
        collections: those that the asker may read; None stands for all, an empty one for none.
        tags: all of these must be on the document.
        documents: only these; None stands for all.
        as_of: what was current at this position of the log; None stands for now.
        model: whose vectors are compared; of use for `nearest` alone.
    """

    collections: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    documents: tuple[str, ...] | None = None
    as_of: int | None = None
    model: str = ""


Hit: TypeAlias = Ranked
"""A passage that was found. A higher score is better; scores of two searches cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """A vector with its passage's number: 32-bit floats of this machine's byte order, of length 1.

    A number is given once, grows, and is never given again; the words and the vector of its passage do not change.
    """

    number: int
    vector: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWords:
    """The words of a passage with its number: how often each stands in it, and how many it has (`length`).

    Words are as the index keeps them, and only those that it looks for are counted one by one.
    """

    number: int
    length: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where passages lie, by number, and the last number that was given; both of one moment."""

    places: Mapping[int, Place]
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPassages:
    """How many passages have vectors of a model, and of what length."""

    model: str
    dimensions: int
    passages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What the index holds: documents and passages that are found now, and all passages with those of the past."""

    documents: int
    passages: int
    stored: int
    models: tuple[ModelPassages, ...]


class PassageIndex(Protocol):
    """Passages of all documents' versions.

    Contract: what a call wrote is durable and found by the next search when it returns; a call that raises wrote
    nothing. Words are found without regard to case, diacritics and English endings; a passage needs one of the words
    of the text, and rarer words count more. Scripts without spaces between words are read as `kernel.core.scripts` says,
    texts by `spaced`, questions by `asked`. Any text may be searched for, and means its words alone. Vectors are
    compared by cosine; a vector of another model or length is passed over. Equal scores come in the order of
    document, version and number.
    """

    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        """Write one version of a document with all its passages. The version before it is retired at its position.

        The same again changes nothing; the same version with others (as when its vectors came later) replaces them and
        keeps the position at which it was first found. Raises Conflict when a newer
        version is there, InvalidInput for what `checked` refuses.
        """
        ...

    async def label(self, labels: Labels) -> None:
        """Give a document another title, other tags or another collection. The same again changes nothing.

        Title and tags are those of the version that is found now: searches as of before `position` go by the tags that it
        had, and its passages then have the title that they had; words of a title find it by the one of now alone. The
        collection is that of all versions: who may read a document now may read its past. Unknown: nothing happens.
        """
        ...

    async def retire(self, document_id: str, position: int) -> None:
        """Let a document be found no more from `position` on; searches as of before find it still. Unknown: nothing happens."""
        ...

    async def erase(self, document_id: str) -> None:
        """Remove all versions, as if they had never been. Unknown: nothing happens."""
        ...

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        """Return the passages that fit the words of `text` best."""
        ...

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        """Return the passages whose vectors are nearest; `score` is the cosine.

        Raises AttemptTimeout when they are too many to be compared in the time that the index gives it; nothing else is
        slower for that. Raises Preparing when the index knows at once that they are, until what finds them is made.
        """
        ...

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Return the vectors of a model that are found now and have a number above `after`, in order of numbers."""
        ...

    async def asked(self, text: str) -> tuple[str, ...] | None:
        """Return the words of a question, each as often as it counts.

        None for a question that this index alone can answer, as one with words that must stand together.
        """
        ...

    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        """Return the words of passages with a number above `after`, those of the past too, in order of numbers."""
        ...

    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        """Return where those passages lie that may be searched."""
        ...

    async def passages(self, ids: Sequence[str], as_of: int | None = None) -> Sequence[Passage]:
        """Return passages in the order of `ids`, those of the past too; what is not there is left out.

        Their title is the one of now, or that at the position `as_of`.
        """
        ...

    async def vectors(self, ids: Sequence[str]) -> Mapping[str, Vector]:
        """Return the vectors of passages, of length 1; what has none is left out."""
        ...

    async def of_document(self, document_id: str, version: int) -> Sequence[Passage]:
        """Return the passages of a version in their order; none for what is not there."""
        ...

    async def measure(self) -> IndexReport:
        """Return what the index holds."""
        ...


def checked(
    version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
) -> list[array[float]]:
    """Return the vectors at length 1, an empty list for none.

    Raises InvalidInput for passages that are not `version`'s own from number 0 on, vectors of another count, of unequal
    length or without direction, and for a model without vectors or vectors without one.
    """
    for number, one in enumerate(passages):
        own = (
            one.document_id == version.document_id and one.version == version.version and one.number == number
        )
        if not own or one.id != passage_id(version.document_id, version.version, number):
            raise InvalidInput(f"Passage {one.id} is not number {number} of this version.")
    if (vectors is not None) != bool(version.model):
        raise InvalidInput("Vectors come with the name of their model, and without vectors there is none.")
    if vectors is None:
        return []
    if len(vectors) != len(passages) or len({len(one) for one in vectors}) > 1:
        raise InvalidInput("There must be one vector for each passage, all of one length.")
    return [unit(one) for one in vectors]


ROUNDED: Final = 1e-6
"""How far from 1 rounding to 32 bits may leave a length."""


def unit(vector: Vector) -> array[float]:
    """Return a vector of the same direction and length 1, as 32-bit floats. Raises InvalidInput when it has none."""
    length = math.hypot(*vector)
    if not 0.0 < length < math.inf:
        raise InvalidInput("A vector without a direction cannot be compared.")
    if isinstance(vector, array) and vector.typecode == "f" and abs(length - 1) < ROUNDED:
        return vector
    return array("f", [one / length for one in vector])
