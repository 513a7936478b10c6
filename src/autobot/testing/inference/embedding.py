"""Implements `Embedder` by words alone, over `HashingInference`."""

from __future__ import annotations

from collections.abc import Sequence

from autobot.contracts.inference import EmbedTexts
from autobot.contracts.models import TEXTS_MAX, Embeddings, Usage
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput
from autobot.testing.inference.hashing import HashingInference


class HashingEmbedder:
    """Texts with the same words are near one another. It can be taken away, and given back."""

    def __init__(self, clock: Clock, model: str = "") -> None:
        self._worker, self._model = HashingInference(clock), model
        self.away: Exception | None = None
        """What is raised instead of an answer."""

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        if not 1 <= len(texts) <= TEXTS_MAX:
            raise InvalidInput(f"Embed 1 to {TEXTS_MAX} texts at a time.")
        if self.away is not None:
            raise self.away
        found = await self._worker.embed(EmbedTexts(texts=tuple(texts)), context)
        return Embeddings(
            model=self._model or found.model,
            vectors=list(found.vectors),
            usage=Usage(prompt_tokens=found.tokens),
        )
