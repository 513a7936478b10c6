"""The models behind a row of the matrix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.models import Chunk, Embeddings, GenerateRequest
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.context import CallContext
from autobot.kernel.links.ports import Links
from autobot.kernel.resilience.operation import Effect, Operation

GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
EMBED: Final = Operation(name="embed", effect=Effect.FREE)
MODELS: Final = Operation(name="models", effect=Effect.FREE)
RERANK: Final = Operation(name="rerank", effect=Effect.FREE)


class ModelsOverLink:
    """A ModelGateway whose calls go over a row: `generate` as stream, `embed` (model, texts), `rerank` and
    `models`."""

    def __init__(self, links: Links, row: str = "gateway-ai") -> None:
        self._link = links.link(row)

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        """Return every model with its state."""
        found: Sequence[ModelChoice] = await self._link.call(MODELS, None, context)
        return found

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate an answer."""
        return self._link.stream(GENERATE, request, context)

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed texts."""
        found: Embeddings = await self._link.call(EMBED, (model, tuple(texts)), context)
        return found

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        """Return all documents, the best first."""
        found: Reranked = await self._link.call(RERANK, request, context)
        return found
