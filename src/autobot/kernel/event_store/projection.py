"""Projections: read models that follow the log, with their position in the transaction of what they write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from autobot.kernel.event_store.transaction import Delete, Document, Put, Query, Recorded

Write = Put | Delete


OnPoison = Literal["stop", "skip"]
"""What happens with an event that a projection raises on: `stop` holds the read model there, `skip` puts the event on
the skip-list with its reason and goes on."""
Policy = Callable[[], Awaitable[OnPoison]]
"""Says which of them counts now."""


async def stops() -> OnPoison:
    """Stop: the policy of those that were given none."""
    return "stop"


class Reader(Protocol):
    """What a projection may read while it writes: its own tables, with all that earlier events wrote."""

    async def get(self, table: str, key: str) -> Document | None:
        """Return one document."""
        ...

    async def query(self, query: Query) -> Sequence[Document]:
        """Return a page of documents."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A read model.

    `apply` returns the writes that one event causes and depends on nothing but that event and `tables`, so
    that a replay gives the same tables. `types` are exact or end in `*`. Raise `version` whenever `apply`
    would write something else for the same log: the tables are then built anew beside the live ones.
    Raises ValueError for an empty name or no tables, or a version below 1.
    """

    name: str
    types: tuple[str, ...]
    tables: tuple[str, ...]
    apply: Callable[[Recorded, Reader], Awaitable[Sequence[Write]]]
    version: int = 1

    def __post_init__(self) -> None:
        if not self.name or not self.tables or not self.types or self.version < 1:
            raise ValueError("a projection has a name, types, tables and a version from 1")

    @property
    def consumer(self) -> str:
        """Its name among the checkpoints."""
        return f"projection:{self.name}"

    def wants(self, type_name: str) -> bool:
        """Say whether events of a type concern it."""
        return any(
            type_name.startswith(one[:-1]) if one.endswith("*") else type_name == one for one in self.types
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A table that was built anew: documents and hash of the old and the new one at the same position."""

    table: str
    documents: int
    hash: str
    documents_before: int
    hash_before: str

    @property
    def equal(self) -> bool:
        """Parity: the new table is what the old one was."""
        return self.hash == self.hash_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What a comparison of the tables in force (before) and the candidate's found, both at `position`."""

    generation: int
    position: int
    tables: tuple[Rebuilt, ...]

    @property
    def equal(self) -> bool:
        """Whether all tables are equal."""
        return all(one.equal for one in self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What there is beside the tables in force: the candidate (built whole when `ready`), what is kept for a
    rollback, the last comparison, and why tables that could not follow were dropped (empty: none were)."""

    generation: int
    candidate: int | None
    candidate_position: int
    ready: bool
    previous: int | None
    refused: str
    parity: Parity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionState:
    """Where a projection stands: `position` is the last event in its tables, `head` the log's."""

    name: str
    version: int
    state: Literal["starting", "building", "live", "stopped"]
    position: int
    head: int
    skipped: int
    reason: str
    beside: Standing

    @property
    def lag(self) -> int:
        """Events of the log that are not in the tables yet."""
        return max(0, self.head - self.position)
