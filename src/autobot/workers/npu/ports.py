"""What a worker for inference answers. Its engine, its servers and its clients keep the same promise."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

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
from autobot.kernel.links.wire import TypedWire, Wires
from autobot.kernel.resilience.operation import Effect, Operation


class Inference(Protocol):
    """Inference on one machine, or over a link on another.

    Contract: every call is free of effects, safe beside others and cancelled at once. The same text has the same
    vector whatever it is computed together with, within 1e-5 of each number. A text longer than the model's window is cut there
    and named in `truncated`.

    Raises InvalidInput for texts that are empty, too many or too long, or a task that the model does not have;
    NotFound for a model that it does not have; Absent when what it needs is not installed or a model's files are not
    there; Overloaded when too many texts wait; DeadlineExceeded when `context.deadline` is spent.
    """

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        """Return a vector for each text."""
        ...

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        """Return the cosine of each text with each other text."""
        ...

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        """Return the class that each text is nearest to."""
        ...

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        """Return the documents by relevance: by the named model, else by a model that ranks if there is one."""
        ...

    async def report(self, context: CallContext) -> InferenceReport:
        """Return devices, models and load. Loads nothing."""
        ...

    async def warm_up(self, request: WarmUp, context: CallContext) -> Slot:
        """Return the slot after loading it and computing once."""
        ...


ROW: Final = "ai-npu"
EMBED: Final = Operation(name="embed", effect=Effect.FREE, cacheable=True)
SIMILARITY: Final = Operation(name="similarity", effect=Effect.FREE, cacheable=True)
CLASSIFY: Final = Operation(name="classify", effect=Effect.FREE, cacheable=True)
RERANK: Final = Operation(name="rerank", effect=Effect.FREE, cacheable=True)
REPORT: Final = Operation(name="report", effect=Effect.FREE)
WARM_UP: Final = Operation(name="warm_up", effect=Effect.FREE)


SHAPES: Final[Mapping[str, tuple[Any, Any]]] = {
    EMBED.name: (EmbedTexts, Embedded),
    SIMILARITY.name: (CompareTexts, Similarities),
    CLASSIFY.name: (ClassifyTexts, Classified),
    RERANK.name: (RerankTexts, Reranked),
    REPORT.name: (None, InferenceReport),
    WARM_UP.name: (WarmUp, Slot),
}
"""What each operation is sent, and what it answers."""


def inference_wires() -> Wires:
    """Return what both ends of a row to a worker are built with: its operations as bytes."""
    return {name: TypedWire(name, asked, answer) for name, (asked, answer) in SHAPES.items()}


def calls_of(inference: Inference) -> Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]]:
    """Return the operations of a worker by name, as a direct row or a hop calls them."""

    async def report(_: None, context: CallContext) -> InferenceReport:
        return await inference.report(context)

    return {
        EMBED.name: inference.embed,
        SIMILARITY.name: inference.similarity,
        CLASSIFY.name: inference.classify,
        RERANK.name: inference.rerank,
        REPORT.name: report,
        WARM_UP.name: inference.warm_up,
    }
