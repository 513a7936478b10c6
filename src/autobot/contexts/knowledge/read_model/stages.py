"""The stages of a search: by words, by the question's vector, and by that vector moved towards what fits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from autobot.contexts.knowledge.domain.fusion import by_rank, moved
from autobot.contexts.knowledge.ports.embedding import Embedder
from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, Vector, Where, unit
from autobot.contexts.knowledge.read_model.degrading import degraded_by
from autobot.contracts.knowledge.search import Degraded, SearchMode
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AttemptTimeout, AutoBotError, DeadlineExceeded, Preparing

FEEDBACK: Final = 3
"""Passages that a question's vector is moved towards: few, as each that does not fit leads astray."""
LOOKED_AT: Final = 50
"""Of each list; what stands lower in both is not among the best of them."""

StageName = Literal["lexical", "vector", "feedback"]


class Stopwatch:
    """Milliseconds since it was made, or since the last lap."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began = clock, clock.monotonic()

    def elapsed_ms(self) -> float:
        """Return the milliseconds since it was made."""
        return round((self._clock.monotonic() - self._began) * 1000, 3)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the stages found, best first, and what they needed."""

    lists: dict[StageName, Sequence[Hit]] = field(default_factory=dict)
    model: str = ""
    degraded: Degraded | None = None
    took: dict[str, float] = field(default_factory=dict)
    """Milliseconds by field of `Took`."""


class Looking:
    """Runs the stages that a mode asks for."""

    def __init__(self, index: PassageIndex, embedder: Embedder, clock: Clock) -> None:
        self._index, self._embedder, self._clock = index, embedder, clock

    async def stages(
        self, text: str, mode: SearchMode, where: Where, depth: int, context: CallContext, watch: Stopwatch
    ) -> Seen:
        """Return what was found.

        Raises what is wrong with the embedder, or that there are too many vectors to be compared in time or while their
        graph is made, in mode `vector` alone.
        """
        seen = Seen()
        words = self._by_words(text, where, depth, seen)
        if mode == "lexical":
            await words
            return seen
        if mode == "vector":
            words.close()
            await self._by_meaning(await self._embedded(text, context, seen), where, depth, seen)
            return seen
        vector, _ = await asyncio.gather(self._hoped(text, context, seen), words)
        if vector is not None:
            await self._hoped_near(vector, where, depth, seen)
        return seen

    async def _by_words(self, text: str, where: Where, depth: int, seen: Seen) -> None:
        watch = Stopwatch(self._clock)
        seen.lists["lexical"] = await self._index.lexical(text, where, depth)
        seen.took["lexical_ms"] = watch.elapsed_ms()

    async def _hoped(self, text: str, context: CallContext, seen: Seen) -> Vector | None:
        """Return the question's vector; None when it cannot be had, and what stands against it is told."""
        try:
            return await self._embedded(text, context, seen)
        except DeadlineExceeded:
            raise
        except AutoBotError as error:
            seen.degraded = degraded_by(error)
            return None

    async def _hoped_near(self, vector: Vector, where: Where, depth: int, seen: Seen) -> None:
        """Look for what is near; when that takes too long or is being prepared, words alone are left, and why is told."""
        try:
            await self._by_meaning(vector, where, depth, seen)
            await self._by_feedback(vector, where, depth, seen)
        except (AttemptTimeout, Preparing) as error:
            seen.degraded, seen.model = degraded_by(error), ""
            seen.lists.pop("vector", None)

    async def _embedded(self, text: str, context: CallContext, seen: Seen) -> Vector:
        watch = Stopwatch(self._clock)
        try:
            answer = await self._embedder.embed((text,), context)
        finally:
            seen.took["embedding_ms"] = watch.elapsed_ms()
        seen.model = answer.model
        return unit(answer.vectors[0])

    async def _by_meaning(self, vector: Vector, where: Where, depth: int, seen: Seen) -> None:
        watch = Stopwatch(self._clock)
        there = replace(where, model=seen.model)
        try:
            seen.lists["vector"] = await self._index.nearest(vector, there, depth)
        finally:
            seen.took["vector_ms"] = watch.elapsed_ms()

    async def _by_feedback(self, vector: Vector, where: Where, depth: int, seen: Seen) -> None:
        watch = Stopwatch(self._clock)
        first = [seen.lists["lexical"][:LOOKED_AT], seen.lists["vector"][:LOOKED_AT]]
        best = [one.passage_id for one in by_rank(first, FEEDBACK)]
        near = [one for one in (await self._index.vectors(best)).values() if len(one) == len(vector)]
        there = replace(where, model=seen.model)
        try:
            seen.lists["feedback"] = await self._index.nearest(moved(vector, near), there, depth)
        finally:
            seen.took["feedback_ms"] = watch.elapsed_ms()
