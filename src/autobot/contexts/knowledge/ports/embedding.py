"""What makes vectors of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from autobot.contracts.models import Embeddings
from autobot.kernel.core.context import CallContext


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
