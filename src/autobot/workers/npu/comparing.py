"""Similarity, classes by prototypes and order by relevance, by nothing but vectors. Pure over `Embed`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from autobot.contracts.inference import (
    Classified,
    ClassifyTexts,
    CompareTexts,
    Embedded,
    EmbedTexts,
    Ranked,
    Reranked,
    RerankTexts,
    Similarities,
    Vectors,
    Verdict,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.core.validate import validate

Embed = Callable[[EmbedTexts, CallContext], Awaitable[Embedded]]
Rows = NDArray[np.float32]
ALONE: Final = 2.0
"""The margin of a class that no other one stands beside: cosines lie at most so far apart."""


def matrix_of(vectors: Vectors) -> Rows:
    """Return vectors as a matrix."""
    return np.frombuffer(vectors.data, dtype="<f4").reshape(-1, vectors.dimensions)


def vectors_of_matrix(rows: NDArray[Any]) -> Vectors:
    """Return a matrix as vectors."""
    return Vectors(dimensions=rows.shape[1], data=np.ascontiguousarray(rows, dtype="<f4").tobytes())


@dataclass(frozen=True, slots=True)
class _Read:
    """Texts with their vectors. The same text twice is read once, so equal texts are equal to the last bit."""

    model: str
    rows: Rows
    tokens: int
    truncated: tuple[int, ...]


class Comparisons:
    """What a worker does with vectors."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        """Return the cosine of each text with each other text."""
        validate(request)
        read = await self._read((*request.texts, *request.others), request.model, context)
        here, there = read.rows[: len(request.texts)], read.rows[len(request.texts) :]
        return Similarities(
            model=read.model,
            cosines=vectors_of_matrix(_cosines(here, there)),
            tokens=read.tokens,
            truncated=read.truncated,
        )

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        """Return the class that each text is nearest to; of equally near ones the first."""
        validate(request)
        labels = [one.label for one in request.classes]
        if len(set(labels)) < len(labels):
            found = FieldError(detail="two classes have one label", pointer="#/classes")
            raise InvalidInput("Each class needs a label of its own.", errors=(found,))
        examples = [text for one in request.classes for text in one.examples]
        read = await self._read((*request.texts, *examples), request.model, context)
        middles, at = [], len(request.texts)
        for one in request.classes:
            middles.append(_middle(read.rows[at : at + len(one.examples)]))
            at += len(one.examples)
        scores = _cosines(read.rows[: len(request.texts)], np.stack(middles))
        return Classified(
            model=read.model,
            verdicts=tuple(_verdict(labels, row) for row in scores),
            tokens=read.tokens,
            truncated=tuple(place for place in read.truncated if place < len(request.texts)),
        )

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        """Return the documents by the cosine of their vector and the query's."""
        validate(request)
        read = await self._read((*request.documents, request.query), request.model, context)
        scores = _cosines(read.rows[:-1], read.rows[-1:])[:, 0]
        return Reranked(
            model=read.model,
            by="embedding",
            ranking=ranking_of(scores.tolist(), request.top),
            tokens=read.tokens,
            truncated=tuple(place for place in read.truncated if place < len(request.documents)),
        )

    async def _read(self, texts: Sequence[str], model: str, context: CallContext) -> _Read:
        """Return the vectors of texts. More than one call embeds are given in several."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        each = tuple(places)
        answers: list[Embedded] = []
        for at in range(0, len(each), STEP):
            answers.append(await self._embed(EmbedTexts(texts=each[at : at + STEP], model=model), context))
        cut = {each[number * STEP + place] for number, one in enumerate(answers) for place in one.truncated}
        rows = np.concatenate([matrix_of(one.vectors) for one in answers])
        return _Read(
            answers[0].model,
            rows[[places[text] for text in texts]],
            sum(one.tokens for one in answers),
            tuple(place for place, text in enumerate(texts) if text in cut),
        )


STEP: Final = 2048
"""Texts of one call."""


def ranking_of(scores: Sequence[float], top: int | None) -> tuple[Ranked, ...]:
    """Return places by score, the highest first, equal ones in their order; the first `top` of them."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    return tuple(Ranked(index=place, score=float(scores[place])) for place in order[:top])


def _cosines(here: Rows, there: Rows) -> Rows:
    """Return the cosines of unit vectors, kept within -1 and 1."""
    found: Rows = np.clip(here @ there.T, -1.0, 1.0)
    return found


def _middle(rows: Rows) -> Rows:
    """Return the unit vector in the middle of unit vectors; the first when they cancel out."""
    middle = rows.mean(axis=0)
    length = float(np.linalg.norm(middle))
    found: Rows = middle / length if length > 1e-6 else rows[0]
    return found


def _verdict(labels: Sequence[str], scores: Rows) -> Verdict:
    best = int(np.argmax(scores))
    others = np.delete(scores, best)
    return Verdict(
        label=labels[best],
        confidence=float(scores[best]),
        margin=float(scores[best] - others.max()) if len(others) else ALONE,
        scores=tuple(scores.tolist()),
    )
