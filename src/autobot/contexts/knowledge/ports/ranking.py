"""What puts passages in order by what they say to a question."""

from __future__ import annotations

from typing import Protocol

from autobot.contracts.inference import RankTexts, Reranked
from autobot.kernel.core.context import CallContext


class Reranker(Protocol):
    """The model that judges passages.

    Contract: every document once, the best first, equal ones in their order; `by` and `model` of the answer say what
    judged, and what was asked for did. Effect-free. Raises errors of the tree: Absent with the step that adds it while
    there is no such model, Rejected or HopFailed while it is away, InvalidInput for no documents or empty ones,
    DeadlineExceeded when the caller's time is spent.
    """

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        """Return the order of the documents."""
        ...
