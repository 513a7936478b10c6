"""Workers with a fault on purpose: what the suite of `Inference` must find."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from autobot.contracts.inference import (
    Embedded,
    EmbedTexts,
    InferenceReport,
    Ranked,
    Reranked,
    RerankTexts,
    vectors_of,
)
from autobot.kernel.core.context import CallContext
from autobot.testing.inference.hashing import DIMENSIONS, HashingInference


class TurnsThemAround(HashingInference):
    """Answers in the wrong order."""

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        found = await super().embed(request, context)
        return replace(found, vectors=vectors_of(list(found.vectors)[::-1], DIMENSIONS))


class LeavesThemLong(HashingInference):
    """Gives vectors whose length is not 1."""

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        found = await super().embed(request, context)
        rows = [[2 * value for value in row] for row in found.vectors]
        return replace(found, vectors=vectors_of(rows, DIMENSIONS))


class MixesWithCompany(HashingInference):
    """Lets the other texts of a call into a vector, as padding that is not masked does."""

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        found = await super().embed(request, context)
        turned = [row if len(request.texts) == 1 else (-row[0], *row[1:]) for row in found.vectors]
        return replace(found, vectors=vectors_of(turned, DIMENSIONS))


class CutsInSilence(HashingInference):
    """Says nothing of texts that it cut."""

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        return replace(await super().embed(request, context), truncated=())


class RanksTheWorstFirst(HashingInference):
    """Turns the ranking around."""

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        found = await super().rerank(replace(request, top=None), context)
        turned: tuple[Ranked, ...] = found.ranking[::-1]
        return replace(found, ranking=turned[: request.top])


class TakesEveryName(HashingInference):
    """Answers for models that it does not have."""

    def _check(self, model: str, context: CallContext) -> None:
        super()._check("", context)


class WorksForNobody(HashingInference):
    """Does not look at the caller's time."""

    def _check(self, model: str, context: CallContext) -> None:
        super()._check(model, replace(context, deadline=None))


class CountsNothing(HashingInference):
    """Reports no work."""

    async def report(self, context: CallContext) -> InferenceReport:
        found = await super().report(context)
        return replace(found, load=replace(found.load, texts=0, tokens=0, batches=0))


INFERENCE_FAULTS: Final = (
    TurnsThemAround,
    LeavesThemLong,
    MixesWithCompany,
    CutsInSilence,
    RanksTheWorstFirst,
    TakesEveryName,
    WorksForNobody,
    CountsNothing,
)
