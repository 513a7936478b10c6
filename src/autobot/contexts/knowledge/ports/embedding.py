"""What makes vectors of texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from autobot.contracts.models import Embeddings
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BadAnswer


class Embedder(Protocol):
    """The model that passages and queries are embedded with.

    Contract: the vectors come in the order of the texts, all of one length above 0, and the same text gives the same
    vector from the same model. `model` of the answer names what made them: vectors of two names are never compared.
    Effect-free. Raises errors of the tree: Absent with the step that adds it while there is none, Rejected or HopFailed
    while it is away, InvalidInput for no texts or more than `contracts.models.TEXTS_MAX`.
    """

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Return a vector for each text."""
        ...


class Space(NamedTuple):
    """What vectors are compared in: those of another model, or of another length, say nothing of one another."""

    model: str
    dimensions: int


class JudgedEmbedder:
    """Implements `Embedder` over another one whose answers it judges, and knows for how long one space has answered.

    What cannot be compared raises BadAnswer: it is the model that is at fault, not the text.
    """

    def __init__(self, inner: Embedder, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        self._space: Space | None = None
        self._since = self._last = 0.0

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Return a vector for each text. Raises what `inner` raises, and BadAnswer."""
        made = await self._inner.embed(texts, context)
        lengths = {len(one) for one in made.vectors}
        if len(made.vectors) != len(texts) or len(lengths) != 1:
            raise BadAnswer(f"{made.model} answered with vectors of several lengths, or not with one a text.")
        if not all(0.0 < math.hypot(*one) < math.inf for one in made.vectors):
            raise BadAnswer(f"{made.model} answered with a vector without a direction.")
        self._answered(Space(made.model, lengths.pop()))
        return made

    def _answered(self, space: Space) -> None:
        self._last = self._clock.monotonic()
        if space != self._space:
            self._space, self._since = space, self._last

    def steady(self, seconds: float) -> Space | None:
        """Return the space of all answers of the last `seconds` or more; None while there were others, or too few."""
        return self._space if self._last - self._since >= seconds else None
