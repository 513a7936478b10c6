"""Parts of decisions that several commands share."""

from __future__ import annotations

from collections.abc import Iterable

from autobot.contexts.knowledge.ports.documents import Write
from autobot.kernel.commands.decision import Emit
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.transaction import Erase

Parts = tuple[tuple[Emit, ...], tuple[Write, ...], tuple[Erase, ...]]
"""Facts, writes, what is blanked."""


def operator_for(user_id: str) -> Principal:
    """Return who runs the machine, as they bring something for a user: no collection is closed to them."""
    return Principal(
        id="service:knowledge",
        kind="service",
        role="service",
        user_id=user_id,
        username="command line",
    )


def joined(parts: Iterable[Parts]) -> Parts:
    """Return parts as one, in their order."""
    emits: list[Emit] = []
    writes: list[Write] = []
    erase: list[Erase] = []
    for one in parts:
        emits += one[0]
        writes += one[1]
        erase += one[2]
    return tuple(emits), tuple(writes), tuple(erase)
