"""What the context reads, and what a process says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from autobot.contexts.roles.domain import TABLE, Instance, instance_of
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Query

PROCESSES_MAX: Final = 500


async def members(store: EventStore) -> list[tuple[Instance, Document]]:
    """Return every row of the table."""
    found = await store.query(Query(table=TABLE, limit=PROCESSES_MAX))
    return [(instance_of(one.document), one) for one in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """What a process says of itself. `id` is the same after a restart, and nobody else's."""

    id: str
    role: str
    address: str
    version: str
    contracts: str
    host: str
    pid: int
