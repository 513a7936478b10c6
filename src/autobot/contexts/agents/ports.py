"""What the agents context needs from the world. The words are `contracts.models`, given on from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from autobot.contracts.models import (
    Chunk,
    Citation,
    Embeddings,
    Finished,
    FinishReason,
    GenerateRequest,
    ModelInfo,
    ModelMessage,
    ModelRole,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    ToolSpec,
    Usage,
)
from autobot.kernel.core.context import CallContext

__all__ = [
    "Chunk",
    "Citation",
    "Embeddings",
    "FinishReason",
    "Finished",
    "GenerateRequest",
    "LanguageModel",
    "ModelInfo",
    "ModelMessage",
    "ModelRole",
    "ServedBy",
    "TextDelta",
    "ThinkingDelta",
    "ToolCall",
    "ToolCallsDelta",
    "ToolSpec",
    "Usage",
]


class LanguageModel(Protocol):
    """A provider of models behind one link.

    Contract: every call goes through the provider's Link and nothing else; errors are of the tree
    (NotFound for an unknown model, BadAnswer for garbage, ConnectionLost for a stream without its end,
    RemoteError/RemoteThrottled for error answers, Absent when it is not set up). `generate` yields
    zero or more deltas and exactly one Finished, last. Closing the iterator stops the provider's work.
    """

    @property
    def provider(self) -> str:
        """`ollama`, `openai`, `llamacpp` or `assistant`."""
        ...

    @property
    def link_id(self) -> str:
        """The matrix row it is reached by."""
        ...

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        """Return what it has now."""
        ...

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate an answer."""
        ...

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed texts (1–2048)."""
        ...
