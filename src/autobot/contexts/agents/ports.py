"""What the agents context needs from the world, and the runs that it finds. The words are `contracts.models`, given on from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from autobot.contracts import runs
from autobot.contracts.inference import Reranked, RerankTexts
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
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NOT_YOURS, NotFound
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.stepping import waited
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.facts import RUNS
from autobot.kernel.sagas.run import Run

__all__ = [
    "ASSISTANT",
    "CaughtUp",
    "Chunk",
    "Citation",
    "Embeddings",
    "FinishReason",
    "Finished",
    "FoundRuns",
    "GenerateRequest",
    "LanguageModel",
    "ModelInfo",
    "ModelMessage",
    "ModelRole",
    "Ranker",
    "ServedBy",
    "TextDelta",
    "ThinkingDelta",
    "ToolCall",
    "ToolCallsDelta",
    "ToolSpec",
    "Usage",
    "close_chunks",
]


ASSISTANT: Final = "assistant"
"""The provider of the built-in assistant. It calls no tools but reads what they found, and cites by itself."""


class LanguageModel(Protocol):
    """A provider of models behind one link.

    Contract: every call goes through the provider's Link and nothing else; errors are of the tree
    (NotFound for an unknown model, BadAnswer for garbage, ConnectionLost for a stream without its end,
    RemoteError/RemoteThrottled for error answers, Absent when it is not set up). `generate` yields
    zero or more deltas and exactly one Finished, last. Closing the iterator stops the provider's work.
    """

    @property
    def provider(self) -> str:
        """`ollama`, `openai`, `llamacpp`, `npu` or `assistant`."""
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


async def close_chunks(chunks: AsyncIterator[Chunk]) -> None:
    """Close what generates, so that the links below know at once how it went."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


@runtime_checkable
class Ranker(Protocol):
    """A provider whose models put texts in order by what they say to a question.

    Contract: every document once, the best first, equal ones in their order; effect-free; errors as of `LanguageModel`.
    """

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        """Return the order of the documents by the named model: one that embeds judges by its vectors."""
        ...


CaughtUp = Callable[[], Awaitable[None]]
"""Returns when what was committed before has been reacted to: a run that was just asked for is there then."""


class FoundRuns:
    """Runs, live and ended. The engine is given late: it needs the bus that needs what looks at its runs."""

    def __init__(self, store: EventStore, caught_up: CaughtUp) -> None:
        self._store, self._caught_up = store, caught_up
        self._engine: RunEngine | None = None

    def use(self, engine: RunEngine) -> None:
        """Take the engine; called once by the composition root."""
        self._engine = engine

    def stop(self, run_id: str, by: str) -> bool:
        """Ask a run to end. False when no engine of this process carries it."""
        return self._engine is not None and self._engine.stop(run_id, by)

    async def wait(self, run_id: str, seconds: float, deadline: float | None) -> None:
        """Return when the run has ended, or the time is up."""
        if self._engine is not None:
            await waited(self._engine.ended(run_id), seconds, deadline)

    def _live(self, run_id: str) -> Run | None:
        return self._engine.live(run_id) if self._engine else None

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose run it is, None when there is no such run."""
        live = self._live(message.run_id)
        if live is not None:
            return live.owner
        stored = await self._stored(message.run_id)
        return stored.owner if stored else None

    async def _stored(self, run_id: str) -> Document | None:
        """Return a run's document; one that is not there yet may come with what was just committed. Raises Stale while
        that is not known."""
        stored = await self._store.get(RUNS, run_id)
        if stored is None:
            await self._caught_up()
            stored = await self._store.get(RUNS, run_id)
        return stored

    async def view(self, run_id: str) -> runs.RunView:
        """Return a run, live or ended. Raises NotFound, and Stale while it may be one that was just asked for."""
        live = self._live(run_id)
        if live is not None and self._engine is not None:
            return _live_view(live, self._engine.state(live.id) or "queued")
        stored = await self._stored(run_id)
        live = self._live(run_id)
        if live is not None and self._engine is not None:
            return _live_view(live, self._engine.state(live.id) or "queued")
        if stored is None:
            raise NotFound(NOT_YOURS)
        document = stored.document
        error = document["error"]
        return runs.RunView(
            id=document["id"],
            session_id=document["input"].get("session_id", ""),
            message_id=document["input"].get("message_id", ""),
            state=document["state"],
            waiting_for=None,
            started_at=document["started_at"],
            ended_at=document["ended_at"],
            error=msgspec.convert(error, Failure) if error else None,
            text=document["text"],
        )


def _live_view(run: Run, state: runs.RunState) -> runs.RunView:
    """Return a live run as screens show it."""
    waiting = run.waiting
    return runs.RunView(
        id=run.id,
        session_id=str(run.input.get("session_id", "")),
        message_id=str(run.input.get("message_id", "")),
        state=state,
        waiting_for=runs.WaitingFor(
            link=waiting.link, target=waiting.target, since=rfc3339(waiting.since), detail=waiting.detail
        )
        if waiting
        else None,
        started_at=rfc3339(run.started_at),
        ended_at=None,
        error=None,
        text=run.text,
    )
