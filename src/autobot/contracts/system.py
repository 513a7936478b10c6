"""Published language of the system context: links, log, health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len

from autobot.kernel.core.validate import Pattern

RowId = Annotated[str, Len(1, 80), Pattern(r"[a-z0-9_]+-[a-z0-9_]+")]
Reason = Annotated[str, Len(1, 500)]
BreakerAction = Literal["open", "close", "isolate", "release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicyChanged:
    """An operator changed fields of a row. `fields` are the changed ones as the matrix file writes them;
    None in place of all fields goes back to what the files say."""

    TYPE: ClassVar[str] = "autobot.system.link_policy_changed.v1"
    link: str
    fields: dict[str, Any] | None
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerForced:
    """An operator opened, closed, isolated or released a breaker."""

    TYPE: ClassVar[str] = "autobot.system.breaker_forced.v1"
    link: str
    action: str
    target: str | None
    reason: str
    by: str
    seconds: float | None = None


EVENTS: tuple[type[Any], ...] = (LinkPolicyChanged, BreakerForced)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLinks:
    """Every row of the matrix with its policy, counts and breakers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLink:
    """One row."""

    link: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHistory:
    """Who changed a row, when and why."""

    link: RowId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLink:
    """Change fields of a row at run time. `fields` as in `matrix.toml`."""

    link: RowId
    fields: dict[str, Any]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertLink:
    """Go back to a row's state at a log position; None: to what the files say."""

    link: RowId
    position: Annotated[int, Ge(0)] | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceBreaker:
    """Open, close or isolate by hand; `release` gives it back to its own rules."""

    link: RowId
    action: BreakerAction
    reason: Reason
    target: Annotated[str, Len(1, 300)] | None = None
    seconds: Annotated[float, Gt(0), Le(86_400)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvent:
    """The event at a log position, as this version reads it."""

    position: Annotated[int, Ge(1), Le(2**53)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRead:
    """An event as it was stored and as it is read: `upcast` says that the two differ. `data` is None for what is
    erased or no JSON object."""

    position: int
    stored_type: str
    type: str
    upcast: bool
    erased: bool
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvents:
    """The log, newest first, filtered."""

    type: Annotated[str, Len(0, 200)] = ""
    stream: Annotated[str, Len(0, 200)] = ""
    correlation_id: Annotated[str, Len(0, 128)] = ""
    since: datetime | None = None
    until: datetime | None = None
    after: Annotated[int, Ge(0)] | None = None
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetHealth:
    """What the last probe of each dependency said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One dependency, really asked; `checked_at` says when."""

    name: str
    state: Literal["ok", "failing", "absent", "unknown"]
    detail: str
    checked_at: str | None
    age_seconds: float | None
    latency_ms: float | None
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All checks, and the whole."""

    status: Literal["ok", "degraded", "failing"]
    checks: tuple[HealthCheck, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInfo:
    """What runs here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatus:
    """Counts that tell how it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDiagnostics:
    """The support bundle: everything an engineer asks for first, without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAudit:
    """Recompute the audit chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What the recomputation found; `broken_at` is the first record that does not hold."""

    sound: bool
    records: int
    last_hash: str
    broken_at: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeBackup:
    """Write a backup into a new folder of this machine; `with_key` includes the key of stored secrets."""

    target: Annotated[str, Len(1, 4096)]
    with_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuum:
    """Rewrite the database now: what was erased or deleted is nowhere in the data folder after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuumed:
    """The database was rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade:
    """Where the backup lies and what it holds."""

    target: str
    position: int
    bytes: int
