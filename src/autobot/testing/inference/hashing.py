"""Implements `Inference` by words alone: texts with the same words are near one another. It passes the port's suite."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from autobot.contracts.inference import (
    Classified,
    ClassifyTexts,
    CompareTexts,
    Device,
    Embedded,
    EmbedTexts,
    InferenceReport,
    Load,
    Reranked,
    RerankTexts,
    Similarities,
    Slot,
    SlotState,
    WarmUp,
    vectors_of,
)
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import DeadlineExceeded, NotFound
from autobot.kernel.core.validate import validate
from autobot.workers.npu.comparing import Comparisons

MODEL: Final = "hashing"
DIMENSIONS: Final = 64
WINDOW: Final = 32
"""Words that it reads of a text."""


class HashingInference:
    """Deterministic: one bit of each word's hash is the sign of each dimension."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began = clock, clock.monotonic()
        self._texts = self._tokens = self._batches = 0
        self._state: SlotState = "cold"
        self._comparing = Comparisons(self.embed)

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        self._check(request.model, context)
        validate(request)
        # A real worker answers later: whoever is cancelled meanwhile gets nothing.
        await asyncio.sleep(0)
        words = [text.split() or [text] for text in request.texts]
        read = [one[:WINDOW] for one in words]
        self._state = "ready"
        self._texts += len(read)
        self._batches += 1
        self._tokens += sum(len(one) for one in read)
        return Embedded(
            model=MODEL,
            vectors=vectors_of([_vector(one) for one in read], DIMENSIONS),
            tokens=sum(len(one) for one in read),
            truncated=tuple(place for place, one in enumerate(words) if len(one) > WINDOW),
        )

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        self._check(request.model, context)
        return await self._comparing.similarity(request, context)

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        self._check(request.model, context)
        return await self._comparing.classify(request, context)

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        self._check(request.model, context)
        return await self._comparing.rerank(request, context)

    async def report(self, context: CallContext) -> InferenceReport:
        return InferenceReport(
            version="0",
            runtime="hashing",
            devices=(Device(id="CPU", name="this process"),),
            slots=(self._slot(),),
            load=self._load(),
            memory_bytes=0,
            uptime_s=self._clock.monotonic() - self._began,
        )

    async def warm_up(self, request: WarmUp, context: CallContext) -> Slot:
        self._check(request.model, context)
        self._state = "ready"
        return self._slot()

    def _check(self, model: str, context: CallContext) -> None:
        if model not in {"", MODEL}:
            raise NotFound(f"The worker has no model called {model}.")
        if context.deadline is not None and context.deadline <= self._clock.monotonic():
            raise DeadlineExceeded("The time that the caller gave is spent.")

    def _slot(self) -> Slot:
        ready = self._state == "ready"
        return Slot(
            model=MODEL,
            task="embed",
            state=self._state,
            window=WINDOW,
            dimensions=DIMENSIONS,
            device="CPU" if ready else "",
            precision="f32" if ready else "",
            loaded_s=0.0 if ready else None,
            source="words",
        )

    def _load(self) -> Load:
        return Load(
            waiting=0,
            waiting_max=1,
            texts=self._texts,
            tokens=self._tokens,
            batches=self._batches,
            hits=0,
            refused=0,
            texts_per_second=0.0,
            batch_mean=0.0,
            compute_ms_mean=0.0,
            window_s=60.0,
        )


def _vector(words: Sequence[str]) -> list[float]:
    """Return the unit vector of words; their order turns it a little, so that no two orders are one text."""
    sums = [0.0] * DIMENSIONS
    for place, word in enumerate(words):
        digest = int.from_bytes(blake2b(word.lower().encode(), digest_size=DIMENSIONS // 8).digest())
        for at in range(DIMENSIONS):
            sums[at] += (1.0 + 0.01 * place) * (1.0 if digest >> at & 1 else -1.0)
    length = math.sqrt(sum(one * one for one in sums)) or 1.0
    return [one / length for one in sums] if any(sums) else [1.0, *[0.0] * (DIMENSIONS - 1)]
