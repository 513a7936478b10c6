"""Call contexts, requests and answers for tests of models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from autobot.contracts.models import Chunk, GenerateRequest, ModelMessage, TextDelta
from autobot.kernel.core.context import CallContext, Principal, TraceContext

CONTEXT = CallContext(
    correlation_id="test-correlation",
    principal=Principal(id="user-1", kind="user", role="admin", user_id="user-1", username="tester"),
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
)
"""A person's call without a deadline."""


class CountingIds:
    """An IdSource that counts."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        self._last += 1
        return f"00000000-0000-7000-8000-{self._last:012d}"


async def collect(chunks: AsyncIterator[Chunk]) -> list[Chunk]:
    """Return all chunks of an answer."""
    return [chunk async for chunk in chunks]


def text_of(chunks: Sequence[Chunk]) -> str:
    """Return the text of an answer."""
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))


def ask(text: str = "Hello", model: str = "tiny", **more: Any) -> GenerateRequest:
    """Return a request with one message of a person."""
    return GenerateRequest(model=model, messages=(ModelMessage(role="user", content=text),), **more)
