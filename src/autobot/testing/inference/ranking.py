"""Implements `Reranker` by words alone, over `HashingInference`."""

from __future__ import annotations

from typing import Final

from autobot.contracts.inference import RankTexts, Reranked, RerankTexts
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.testing.inference.hashing import MODEL, HashingInference

JUDGE: Final = "judge"


class HashingReranker:
    """What says the question's words is first. With `reads` it is as a model that reads both together. It can be taken away."""

    def __init__(self, clock: Clock, *, reads: bool = True) -> None:
        self._worker, self._reads = HashingInference(clock), reads
        self.away: Exception | None = None
        """What is raised instead of an answer."""
        self.asked: list[RankTexts] = []

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        self.asked.append(request)
        if self.away is not None:
            raise self.away
        if request.by == "cross-encoder" and not self._reads:
            raise Absent(
                "rerank", "There is no model that reads question and passage together.", hint="add one"
            )
        wish = RerankTexts(query=request.query, documents=request.documents)
        found = await self._worker.rerank(wish, context)
        read = self._reads and request.by != "embedding"
        return Reranked(
            model=JUDGE if read else MODEL,
            by="cross-encoder" if read else "embedding",
            ranking=found.ranking,
            tokens=found.tokens,
            truncated=found.truncated,
        )
