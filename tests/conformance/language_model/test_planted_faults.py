"""The suite for models catches what it is there for: each planted fault turns a test red."""

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from autobot.contracts.models import (
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelInfo,
    TextDelta,
)
from autobot.kernel.core.context import CallContext
from autobot.testing.conformance.language_model import LanguageModelSuite, Subject
from autobot.testing.models.contexts import CONTEXT
from autobot.testing.models.scripted_model import ScriptedModel, says

pytestmark = pytest.mark.anyio

Fault = Callable[[list[Chunk]], list[Chunk]]


def drops_the_last_delta(chunks: list[Chunk]) -> list[Chunk]:
    """Lose the end of the text."""
    return [*chunks[:-2], chunks[-1]]


def doubles_a_delta(chunks: list[Chunk]) -> list[Chunk]:
    """Say the beginning twice."""
    return [chunks[0], *chunks]


def forgets_the_end(chunks: list[Chunk]) -> list[Chunk]:
    """Leave Finished out."""
    return chunks[:-1]


def finishes_early(chunks: list[Chunk]) -> list[Chunk]:
    """Go on after Finished."""
    return [chunks[0], chunks[-1], *chunks[1:-1]]


def finishes_twice(chunks: list[Chunk]) -> list[Chunk]:
    """End two times."""
    return [*chunks, chunks[-1]]


def swaps_two_deltas(chunks: list[Chunk]) -> list[Chunk]:
    """Change the order."""
    return [chunks[1], chunks[0], *chunks[2:]]


def gives_all_at_once(chunks: list[Chunk]) -> list[Chunk]:
    """Hold everything back until the end."""
    whole = "".join(one.text for one in chunks if isinstance(one, TextDelta))
    return [TextDelta(text=whole), chunks[-1]]


def sends_an_empty_delta(chunks: list[Chunk]) -> list[Chunk]:
    """Send a delta with nothing in it."""
    return [TextDelta(text=""), *chunks]


def hides_who_served(chunks: list[Chunk]) -> list[Chunk]:
    """Leave out who answered."""
    return [*chunks[:-1], Finished(reason="stop")]


def none(chunks: list[Chunk]) -> list[Chunk]:
    """Change nothing."""
    return chunks


class Faulty:
    """A scripted model with a fault in its stream."""

    provider, link_id = "ollama", "ai-ollama"

    def __init__(self, fault: Fault) -> None:
        self._inner = ScriptedModel("ollama", {"tiny": [says("Hello", " you", " there.")]})
        self._inner.infos = [ModelInfo(id="tiny", window=100, embeds=True)]
        self._fault = fault

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        return await self._inner.models(context)

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        for chunk in self._fault([chunk async for chunk in self._inner.generate(request, context)]):
            yield chunk

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        return await self._inner.embed(model, texts, context)


async def red(fault: Fault) -> list[str]:
    """The tests of the suite that fail on a fault."""

    class Suite(LanguageModelSuite):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[Subject]:
            yield Subject(
                model=Faulty(fault),
                context=CONTEXT,
                name="tiny",
                text="Hello you there.",
                embedder="tiny",
                limits=False,
            )

    failed = []
    for name, test in inspect.getmembers(Suite(), inspect.iscoroutinefunction):
        if name.startswith("test_"):
            try:
                await test()
            except (AssertionError, StopAsyncIteration):
                failed.append(name)
    return failed


@pytest.mark.parametrize(
    "fault",
    [
        drops_the_last_delta,
        doubles_a_delta,
        forgets_the_end,
        finishes_early,
        finishes_twice,
        swaps_two_deltas,
        gives_all_at_once,
        sends_an_empty_delta,
        hides_who_served,
    ],
)
async def test_a_planted_fault_turns_the_suite_red(fault: Fault) -> None:
    """Each fault is caught by at least one promise."""
    assert await red(fault)


async def test_the_model_without_a_fault_is_green() -> None:
    """The same model without a fault passes, so it is the fault that is caught."""
    assert await red(none) == []
