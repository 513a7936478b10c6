"""The index of passages in memory: for tests, and as the plainest reading of its contract."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autobot.contexts.knowledge.ports.index import (
    Hit,
    IndexedVersion,
    IndexReport,
    Labels,
    ModelPassages,
    Standing,
    StoredVector,
    StoredWords,
    Vector,
    Vectors,
    Where,
    checked,
    unit,
)
from autobot.contracts.knowledge.passages import Passage, place_of
from autobot.kernel.core import scripts
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.ranking import Bm25, stem
from autobot.kernel.event_store.text import words


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    of: IndexedVersion
    passages: tuple[Passage, ...]
    vectors: tuple[array[float], ...]
    first: int
    until: int | None = None
    past: tuple[Labels, ...] = ()
    """Labels that it had, each until the position of the next; the last ones until `labelled`."""
    labelled: int = 0

    def labels(self, position: int | None) -> Labels:
        """Return what it was called at a position, or is now."""
        of = self.of
        now = Labels(
            document_id=of.document_id,
            collection=of.collection,
            title=of.title,
            position=self.labelled,
            tags=of.tags,
        )
        if position is None or position >= self.labelled:
            return now
        return next((one for one in reversed(self.past) if one.position <= position), self.past[0])

    def held(self, position: int | None) -> bool:
        """Whether it was current at a position, or is now."""
        if position is None:
            return self.until is None
        return self.of.position <= position and (self.until is None or position < self.until)

    def fits(self, where: Where) -> bool:
        """Whether its passages are searched."""
        return (
            self.held(where.as_of)
            and (where.collections is None or self.of.collection in where.collections)
            and (where.documents is None or self.of.document_id in where.documents)
            and set(where.tags) <= set(self.labels(where.as_of).tags)
        )


class MemoryPassages:
    """Implements `PassageIndex`; forgets all when it is let go."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, int], _Stored] = {}
        self._numbered = 0

    async def put(
        self, version: IndexedVersion, passages: Sequence[Passage], vectors: Vectors | None
    ) -> None:
        units = checked(version, passages, vectors)
        own = [one for (document, _), one in self._versions.items() if document == version.document_id]
        if any(one.of.version > version.version for one in own):
            raise Conflict("A newer version of this document is indexed.")
        first, until, past, labelled = version.position, None, tuple[Labels, ...](), version.position
        for one in own:
            if one.of.version == version.version:
                first, until, past, labelled = one.of.position, one.until, one.past, one.labelled
            elif one.until is None:
                key = (one.of.document_id, one.of.version)
                self._versions[key] = replace(one, until=version.position)
        self._versions[version.document_id, version.version] = _Stored(
            of=replace(version, position=first),
            passages=tuple(passages),
            vectors=tuple(units),
            first=self._numbered + 1,
            until=until,
            past=past,
            labelled=labelled,
        )
        self._numbered += len(passages)

    async def label(self, labels: Labels) -> None:
        for key, one in self._versions.items():
            if key[0] == labels.document_id:
                labelled = _labelled(one, labels)
                if labelled.of.title != one.of.title:
                    labelled = replace(labelled, first=self._numbered + 1)
                    self._numbered += len(labelled.passages)
                self._versions[key] = labelled

    async def retire(self, document_id: str, position: int) -> None:
        for key, one in self._versions.items():
            if key[0] == document_id and one.until is None:
                self._versions[key] = replace(one, until=position)

    async def erase(self, document_id: str) -> None:
        self._versions = {key: one for key, one in self._versions.items() if key[0] != document_id}

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        asked = dict.fromkeys(_words(scripts.asked(text)))
        found = [passage for one in self._fitting(where) for passage in one.passages]
        counts = [_counts(one) for one in found]
        ranking = Bm25(counts)
        hits = [
            _hit(one, ranking.score(asked, index))
            for index, one in enumerate(found)
            if any(word in counts[index] for word in asked)
        ]
        return _best(hits, limit)

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        asked = unit(vector)
        hits = [
            _hit(passage, sum(a * b for a, b in zip(asked, other, strict=True)))
            for one in self._fitting(where)
            if one.of.model == where.model and one.vectors and len(one.vectors[0]) == len(asked)
            for passage, other in zip(one.passages, one.vectors, strict=True)
        ]
        return _best(hits, limit)

    async def stored(self, model: str, after: int, limit: int) -> Sequence[StoredVector]:
        found = [
            StoredVector(number=number, vector=vector.tobytes())
            for one in self._fitting(Where())
            if one.of.model == model
            for number, vector in enumerate(one.vectors, start=one.first)
            if number > after
        ]
        return sorted(found, key=lambda one: one.number)[:limit]

    async def asked(self, text: str) -> tuple[str, ...] | None:
        return tuple(dict.fromkeys(_words(scripts.asked(text))))

    async def words(self, after: int, limit: int) -> Sequence[StoredWords]:
        found = {
            number: _counts(passage)
            for one in self._versions.values()
            for number, passage in enumerate(one.passages, start=one.first)
            if number > after
        }
        return [
            StoredWords(number=number, length=counts.total(), counts=counts)
            for number, counts in sorted(found.items())[:limit]
        ]

    async def standing(self, numbers: Sequence[int], where: Where) -> Standing:
        wanted = set(numbers)
        places = {
            number: (passage.document_id, passage.version, passage.number)
            for one in self._fitting(where)
            for number, passage in enumerate(one.passages, start=one.first)
            if number in wanted
        }
        return Standing(places=places, last=self._numbered)

    def _fitting(self, where: Where) -> Iterator[_Stored]:
        return (one for one in self._versions.values() if one.fits(where))

    def _at(self, id: str) -> tuple[_Stored, int] | None:  # noqa: A002 - the field's own word
        place = place_of(id)
        stored = self._versions.get(place[:2]) if place else None
        if place is None or stored is None or place[2] >= len(stored.passages):
            return None
        return stored, place[2]

    async def passages(self, ids: Sequence[str], as_of: int | None = None) -> Sequence[Passage]:
        found = [at for at in map(self._at, ids) if at is not None]
        return [replace(one.passages[place], title=one.labels(as_of).title) for one, place in found]

    async def vectors(self, ids: Sequence[str]) -> Mapping[str, Vector]:
        found = {one: self._at(one) for one in ids}
        return {one: at[0].vectors[at[1]] for one, at in found.items() if at is not None and at[0].vectors}

    async def of_document(self, document_id: str, version: int) -> Sequence[Passage]:
        stored = self._versions.get((document_id, version))
        return list(stored.passages) if stored else []

    async def measure(self) -> IndexReport:
        now = [one for one in self._versions.values() if one.until is None]
        models: Counter[tuple[str, int]] = Counter()
        for one in now:
            if one.vectors:
                models[one.of.model, len(one.vectors[0])] += len(one.vectors)
        return IndexReport(
            documents=len(now),
            passages=sum(len(one.passages) for one in now),
            stored=sum(len(one.passages) for one in self._versions.values()),
            models=tuple(
                ModelPassages(model=model, dimensions=size, passages=count)
                for (model, size), count in sorted(models.items())
            ),
        )


def _labelled(one: _Stored, labels: Labels) -> _Stored:
    of = replace(one.of, collection=labels.collection)
    if one.until is not None or (of.title, of.tags) == (labels.title, labels.tags):
        return replace(one, of=of)
    past = one.past
    if labels.position > one.labelled:
        past = (*past, replace(one.labels(None), position=one.labelled))
    return replace(
        one,
        of=replace(of, title=labels.title, tags=labels.tags),
        passages=tuple(replace(passage, title=labels.title) for passage in one.passages),
        past=past,
        labelled=max(one.labelled, labels.position),
    )


def _words(text: str) -> list[str]:
    return [stem(word) for word in words(text, marks=True)]


def _counts(passage: Passage) -> Counter[str]:
    return Counter(_words(scripts.spaced(f"{passage.title} {passage.heading} {passage.text}")))


def _hit(passage: Passage, score: float) -> Hit:
    return Hit(passage_id=passage.id, document_id=passage.document_id, score=score)


def _best(hits: list[Hit], limit: int) -> list[Hit]:
    return sorted(hits, key=lambda one: (-one.score, place_of(one.passage_id)))[:limit]
