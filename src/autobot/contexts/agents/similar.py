"""Answers to questions that mean the same: kept for one person and one model, given again when a question is near enough.

An operator's wish, off unless set: two questions that are near in meaning may still want different answers. Questions
with tools are never answered so, an answer with tool calls is never kept, and everything is forgotten when models or
what is known from documents changes.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from autobot.contexts.agents.ports import (
    Chunk,
    Finished,
    GenerateRequest,
    ServedBy,
    ToolCallsDelta,
    close_chunks,
)
from autobot.contexts.agents.routing import Embed
from autobot.contracts.models import saying
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.resilience.cache.key import full_key
from autobot.kernel.resilience.operation import Effect, Operation

KEPT_S: Final = 3_600.0
"""Seconds for which an answer is given again."""
SCOPES_MAX: Final = 1_000
"""Scopes (a person, a model, what was said before) that are kept; the ones unused for longest leave first."""
ANSWERS_MAX: Final = 32
"""Answers of one scope."""
CHUNKS_MAX: Final = 2_048
EMBED_S: Final = 1.0
"""Seconds that an embedding may take; a question whose embedding is slower is asked."""
_SCOPE: Final = Operation(name="similar", effect=Effect.FREE)

Counted = Callable[[CallContext, ServedBy], None]
"""Is told of an answer that needed no model."""


@dataclass(frozen=True, slots=True)
class _Kept:
    vector: Sequence[float]
    made_by: str
    chunks: tuple[Chunk, ...]
    until: float


class SimilarAnswers:
    """The kept answers of this process. Used from one event loop; `threshold` (0: off) is asked at each question."""

    def __init__(self, threshold: Callable[[], float], embed: Embed, clock: Clock, counted: Counted) -> None:
        self._threshold, self._embed, self._clock = threshold, embed, clock
        self._counted = counted
        self._scopes: OrderedDict[str, list[_Kept]] = OrderedDict()
        self._epoch = 0

    def forget(self) -> None:
        """Drop everything, and keep no answer to what was asked before."""
        self._epoch += 1
        self._scopes.clear()

    def takes(self, request: GenerateRequest) -> bool:
        """Say whether a question may be answered so."""
        if self._threshold() <= 0.0 or request.tools or request.no_store:
            return False
        last = request.messages[-1]
        return last.role == "user" and bool(last.content.strip())

    async def through(
        self, request: GenerateRequest, context: CallContext, ask: Callable[[], AsyncIterator[Chunk]]
    ) -> AsyncIterator[Chunk]:
        """Yield a kept answer that is near enough, else what `ask` yields, which is then kept if it is whole."""
        embedded = await self._embedded(request.messages[-1].content, context)
        if embedded is None:
            async for chunk in _closing(ask()):
                yield chunk
            return
        made_by, vector = embedded
        scope = _scope(request, context)
        found = self._found(scope, made_by, vector)
        if found is not None:
            for number, chunk in enumerate(found):
                yield self._told(chunk, context) if not number or type(chunk) is Finished else chunk
            return
        epoch, said = self._epoch, list[Chunk]()
        async for chunk in _closing(ask()):
            said.append(chunk)
            yield chunk
        if self._epoch == epoch and _whole(said):
            until = self._clock.monotonic() + KEPT_S
            self._keep(scope, _Kept(vector, made_by, tuple(said), until))

    async def _embedded(self, text: str, context: CallContext) -> tuple[str, Sequence[float]] | None:
        try:
            async with asyncio.timeout(EMBED_S):
                found = await self._embed([text], context)
        except (AutoBotError, TimeoutError):
            # Nothing can be compared now: the question is asked as without this cache.
            return None
        return found.model, found.vectors[0]

    def _found(self, scope: str, made_by: str, vector: Sequence[float]) -> tuple[Chunk, ...] | None:
        now, threshold = self._clock.monotonic(), self._threshold()
        best, chunks = threshold, None
        for kept in self._scopes.get(scope, ()):
            if kept.made_by == made_by and now < kept.until:
                near = cosine(vector, kept.vector)
                if near >= best:
                    best, chunks = near, kept.chunks
        if chunks is not None:
            self._scopes.move_to_end(scope)
        return chunks

    def _keep(self, scope: str, kept: _Kept) -> None:
        answers = self._scopes.setdefault(scope, [])
        answers.append(kept)
        del answers[:-ANSWERS_MAX]
        self._scopes.move_to_end(scope)
        while len(self._scopes) > SCOPES_MAX:
            self._scopes.popitem(last=False)

    def _told(self, chunk: Chunk, context: CallContext) -> Chunk:
        told = saying(chunk, "similar")
        if type(told) is Finished and told.served_by is not None:
            self._counted(context, told.served_by)
        return told


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two vectors; -1 for vectors of unequal length."""
    if len(one) != len(other):
        return -1.0
    length = math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else -1.0


def _scope(request: GenerateRequest, context: CallContext) -> str:
    """Return what must be equal: who asks, and everything of the request but its last question and how it is sent."""
    before = replace(
        request, messages=(*request.messages[:-1], replace(request.messages[-1], content="")), whole=False
    )
    return full_key(_SCOPE, before, context.principal, "principal")


def _whole(said: Sequence[Chunk]) -> bool:
    """Say whether an answer may be kept: it has a good end, words, no tool calls, and is not huge."""
    end = said[-1] if said else None
    if not isinstance(end, Finished) or end.reason != "stop" or end.empty or len(said) > CHUNKS_MAX:
        return False
    return not any(isinstance(one, ToolCallsDelta) for one in said)


async def _closing(chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    """Yield chunks, and close their source whatever happens."""
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        await close_chunks(chunks)
