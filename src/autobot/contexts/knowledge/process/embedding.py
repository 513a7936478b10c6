"""Making the vectors of a whole document, a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from autobot.contexts.knowledge.ports.embedding import Embedder
from autobot.contexts.knowledge.ports.index import Vectors
from autobot.contracts.models import Embeddings
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, HopFailed, Rejected

BATCH: Final = 32
"""Passages that are embedded at once."""
PAUSES: Final = (1.0, 4.0, 15.0)
"""Seconds between tries while a model is away that has made some of a document's vectors: a worker that died is up again in
a few, and a long document has minutes of work behind it."""


async def vectors_of(
    texts: Sequence[str],
    embedder: Embedder,
    context: CallContext,
    reached: Callable[[int], None],
    pauses: Sequence[float] = PAUSES,
) -> tuple[Vectors | None, str]:
    """Return a vector for each text and the model that made them; None while no model is there, or another one came.

    `reached` hears how many are made.
    """
    found: list[Sequence[float]] = []
    model = ""
    for at in range(0, len(texts), BATCH):
        reached(at)
        made = await _made(texts[at : at + BATCH], embedder, context, pauses if found else ())
        if made is None:
            return None, ""
        if found and (model, len(found[0])) != (made.model, len(made.vectors[0])):
            # Vectors of two models cannot be compared. They are caught up later.
            return None, ""
        model = made.model
        found += made.vectors
    return found, model


async def _made(
    texts: Sequence[str], embedder: Embedder, context: CallContext, pauses: Sequence[float]
) -> Embeddings | None:
    """Return what was made of some texts, tried again after each pause; None when no model is there even then."""
    for pause in (*pauses, None):
        try:
            return await embedder.embed(texts, context)
        except (Absent, HopFailed, Rejected):
            if pause is not None:
                await asyncio.sleep(pause)
    return None
