"""Implements `Inference` over a link. Where the worker is, and whether it runs yet, is the link's business."""

from __future__ import annotations

from autobot.contracts.inference import (
    Classified,
    ClassifyTexts,
    CompareTexts,
    Embedded,
    EmbedTexts,
    InferenceReport,
    Reranked,
    RerankTexts,
    Similarities,
    Slot,
    WarmUp,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.links.ports import Link
from autobot.workers.npu.ports import CLASSIFY, EMBED, REPORT, RERANK, SIMILARITY, WARM_UP


class LinkedInference:
    """Each operation is a call on the link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        found: Embedded = await self._link.call(EMBED, request, context)
        return found

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        found: Similarities = await self._link.call(SIMILARITY, request, context)
        return found

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        found: Classified = await self._link.call(CLASSIFY, request, context)
        return found

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        found: Reranked = await self._link.call(RERANK, request, context)
        return found

    async def report(self, context: CallContext) -> InferenceReport:
        found: InferenceReport = await self._link.call(REPORT, None, context)
        return found

    async def warm_up(self, request: WarmUp, context: CallContext) -> Slot:
        found: Slot = await self._link.call(WARM_UP, request, context)
        return found
