"""Published language of the settings context: typed settings with sources, history and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.validate import Pattern

Kind = Literal["string", "integer", "number", "boolean", "enum", "secret", "list"]
Source = Literal["default", "file", "stored", "environment"]

Key = Annotated[str, Len(1, 80), Pattern(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")]
Reason = Annotated[str, Len(0, 500)]
Position = Annotated[int, Ge(0)]
Limit = Annotated[int, Ge(1), Le(200)]

MASK: Final = "••••••••"
"""Stands for a secret that is set, wherever settings are shown."""


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChanged:
    """A setting got a stored value. A secret's `value` is None: `reference` names its sealed row."""

    TYPE: ClassVar[str] = "autobot.settings.setting_changed.v1"
    key: str
    value: Any
    by: str
    reason: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingReset:
    """The stored value was taken away: file or default count again."""

    TYPE: ClassVar[str] = "autobot.settings.setting_reset.v1"
    key: str
    by: str
    reason: str = ""


EVENTS: tuple[type[Any], ...] = (SettingChanged, SettingReset)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetting:
    """Store a value. Refused for secrets (ChangeSecret) and for what the environment sets."""

    key: Key
    value: Any
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSecret:
    """Store a secret, encrypted. The one before is not kept."""

    key: Key
    value: Annotated[str, Len(1, 4096)] = field(repr=False)
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetSetting:
    """Take the stored value away."""

    key: Key
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertSetting:
    """Store again what was stored at a log position; nothing was stored then: reset."""

    key: Key
    position: Position
    reason: Reason = ""


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """A setting as people see it. `value` counts now; a secret's is masked, None when it is not set.

    `locked_by` names the environment variable that sets it. `restart` says that a change counts from the
    next start on.
    """

    key: str
    title: str
    description: str
    group: str
    type: Kind
    value: Any
    default: Any
    source: Source
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    locked_by: str | None = None
    restart: bool = False
    secret: bool = False
    updated_at: str | None = None
    updated_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """Every setting, by group. `search` keeps those in which all its words occur."""

    search: Annotated[str, Len(0, 200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingPage:
    """Settings; there are few, so there is one page."""

    items: tuple[SettingView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSetting:
    """One setting, now or as it was stored at a time or log position (not both).

    Of the past only stored values are known: what file and environment said then is not.
    """

    key: Key
    position: Position | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettingHistory:
    """Who stored what, newest first."""

    key: Key
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change; `value` None means that the stored value was taken away. Secrets are masked."""

    position: int
    at: str
    by: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page of changes."""

    items: tuple[HistoryEntry, ...]
    next_cursor: str | None = None
