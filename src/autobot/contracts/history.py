"""Published language of the history context: read models as they were, and how the log lies in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len

Name = Annotated[str, Len(1, 80)]
Position = Annotated[int, Ge(0), Le(2**53)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A log position, or a time with zone (not both); neither is the end of the log."""

    position: Position | None = None
    at: datetime | None = None


NOW = Moment()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReadModels:
    """Every read model that can be asked about the past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableParity:
    """A table in force and the candidate's at one position: documents and BLAKE2b hash of each."""

    table: str
    equal: bool
    documents: int
    hash: str
    candidate_documents: int
    candidate_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What the last comparison of the candidate with what is in force found."""

    generation: int
    position: int
    equal: bool
    tables: tuple[TableParity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside the tables in force, which have the number `generation`: a candidate that is built up to
    `candidate_position` and whole when `ready`, and what is kept for a rollback. `refused` says why the last of
    them was dropped when it could not follow the log; empty, none was."""

    generation: int
    candidate: int | None
    candidate_position: int
    ready: bool
    previous: int | None
    refused: str
    parity: Parity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModel:
    """A read model. `state`, `position`, `lag` (events), `lag_seconds` (age of the oldest of those), `skipped` (poison
    events left out) and `reason` are those of its stored tables; a model of state `folded` has none, so nothing beside
    them, and is folded from the log when asked. `on_poison` is what happens with an event that it cannot take. `kept_by` is the process that keeps it,
    empty where there is one process."""

    name: str
    version: int
    tables: tuple[str, ...]
    state: Literal["starting", "building", "live", "stopped", "folded"]
    position: int
    lag: int
    lag_seconds: float = 0.0
    skipped: int
    reason: str
    on_poison: Literal["stop", "skip"] = "stop"
    kept_by: str = ""
    beside: Beside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModels:
    """All of them, and the end of the log."""

    items: tuple[ReadModel, ...]
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelAt:
    """A table of a read model as it was at a moment; `table` empty: its first one. `search` is looked for,
    whatever its case, in keys and documents."""

    name: Name
    moment: Moment = NOW
    table: Annotated[str, Len(0, 80)] = ""
    search: Annotated[str, Len(0, 200)] = ""
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDocument:
    """A document as it was. `owner` is a user's id, empty for none."""

    key: str
    owner: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPage:
    """A page of a table; `position` and `at` (time of that event, None for the empty log) are the moment."""

    name: str
    table: str
    position: int
    at: str | None
    total: int
    items: tuple[PastDocument, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReadModel:
    """What differs in a table between two moments, in the order of keys."""

    name: Name
    before: Moment
    after: Moment = NOW
    table: Annotated[str, Len(0, 80)] = ""
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One document that differs: `before` is None for an added one, `after` for a removed one."""

    key: str
    change: Literal["added", "removed", "changed"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencePage:
    """A page of differences, and how many there are of each kind in all."""

    name: str
    table: str
    position: int
    at: str | None
    to_position: int
    to_at: str | None
    added: int
    removed: int
    changed: int
    same: int
    items: tuple[Difference, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDensity:
    """How the events of the log lie between two times, in `buckets` equal parts; None: from the first to the last."""

    since: datetime | None = None
    until: datetime | None = None
    buckets: Annotated[int, Gt(0), Le(240)] = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """`positions[i]` is the last position at or before the end of part i; `before` the last one before `since`.

    Times are None for an empty log. `head` is the end of the log.
    """

    since: str | None
    until: str | None
    head: int
    before: int
    positions: tuple[int, ...]
