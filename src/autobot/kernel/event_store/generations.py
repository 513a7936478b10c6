"""Which generations of a projection's tables there are: the one in force, a candidate beside it, one kept.

A value that is stored as one document, so that what is in force changes in one commit or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from autobot.kernel.event_store.projection import Parity, Rebuilt
from autobot.kernel.event_store.transaction import Alias, Drop, Put

REGISTRY: Final = "projections"
"""Table of what is built, one document a projection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Tables that are not in force. `ready`: built whole, and followed since then."""

    generation: int
    version: int
    ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """The generations of one projection. `generation` with `version` is in force, `building` the candidate,
    `previous` kept for a rollback. `newest` is the highest number ever given: none is given twice, because the
    position of one that was dropped stays among the checkpoints. `change` is the last change that was made,
    `refused` why the last candidate, or what was kept, had to be dropped, and `stopped` which event the tables in force
    could not take (empty: it had not, none)."""

    version: int | None = None
    generation: int = 0
    newest: int = 0
    building: Generation | None = None
    previous: Generation | None = None
    parity: Parity | None = None
    change: str = ""
    refused: str = ""
    stopped: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)

    def put(self, name: str) -> Put:
        """Return the write that stores it for the projection `name`."""
        return Put(table=REGISTRY, key=name, document=self.document())

    def next(self, version: int) -> Generations:
        """Return it with a new candidate."""
        number = max(self.newest, self.generation) + 1
        made = Generation(generation=number, version=version)
        return replace(self, newest=number, building=made, parity=None, refused="")

    def without(self, one: Generation, why: str = "") -> Generations:
        """Return it without the candidate, or without what is kept; `why` when nobody asked for that."""
        if one == self.building:
            return replace(self, building=None, parity=None, refused=why)
        return replace(self, previous=None, refused=why)


def read(document: Mapping[str, Any]) -> Generations:
    """Return what a stored document says.

    One that an earlier version wrote kept nothing for a rollback: what it names as previous was to be dropped,
    and is told by version 0, which no projection has.
    """
    building, previous, parity = (document.get(one) for one in ("building", "previous", "parity"))
    return Generations(
        version=document.get("version"),
        generation=document.get("generation", 0),
        newest=max(
            document.get("newest", 0), document.get("generation", 0), (building or {}).get("generation", 0)
        ),
        building=Generation(**building) if building else None,
        previous=Generation(**{"version": 0, **previous}) if previous else None,
        parity=Parity(
            generation=parity["generation"],
            position=parity["position"],
            tables=tuple(Rebuilt(**one) for one in parity["tables"]),
        )
        if parity
        else None,
        change=document.get("change", ""),
        refused=document.get("refused", ""),
        stopped=document.get("stopped", ""),
    )


def beside(table: str, generation: int) -> str:
    """Return the name that reaches a table of a generation that is not in force."""
    return f"{table}~{generation}"


def kept_under(table: str, generation: int) -> str:
    """Return the name that a generation's documents are kept under: the first one has the table's own."""
    return beside(table, generation) if generation else table


def in_force(tables: Sequence[str], now: int, before: int) -> tuple[Alias, ...]:
    """Return the aliases that put `now` in force instead of `before`, which stays reachable beside it."""
    changed = [Alias(table=table, target=kept_under(table, now)) for table in tables]
    if before == 0:
        changed += [Alias(table=beside(table, 0), target=table) for table in tables]
    if now == 0:
        changed += [Alias(table=beside(table, 0), target=beside(table, 0)) for table in tables]
    return tuple(changed)


def dropped(tables: Sequence[str], gone: Sequence[Generation]) -> tuple[Drop, ...]:
    """Return what removes generations."""
    return tuple(Drop(table=kept_under(table, one.generation)) for one in gone for table in tables)
