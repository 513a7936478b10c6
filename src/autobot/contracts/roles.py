"""Published language of the roles context: which processes make up this installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len

from autobot.kernel.core.validate import Pattern

InstanceId = Annotated[str, Len(1, 120), Pattern(r"[A-Za-z0-9._:@-]+")]
Reason = Annotated[str, Len(1, 500)]
InstanceState = Literal["live", "draining", "incompatible", "lost"]
"""`live`: gets calls; `draining`: gets no new ones; `incompatible`: speaks other contracts than the one that was asked,
so the two do not meet; `lost`: said nothing for longer than its lease."""


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleJoined:
    """A process took work. `epoch` counts the lives of an instance; `contracts` is what it speaks."""

    TYPE: ClassVar[str] = "autobot.roles.joined.v1"
    instance: str
    epoch: int
    role: str
    address: str
    version: str
    contracts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDraining:
    """A process gets no new calls: it leaves, or an operator said so."""

    TYPE: ClassVar[str] = "autobot.roles.draining.v1"
    instance: str
    epoch: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLeft:
    """A process left in order."""

    TYPE: ClassVar[str] = "autobot.roles.left.v1"
    instance: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLost:
    """A process said nothing for longer than its lease."""

    TYPE: ClassVar[str] = "autobot.roles.lost.v1"
    instance: str
    epoch: int


EVENTS: tuple[type[Any], ...] = (RoleJoined, RoleDraining, RoleLeft, RoleLost)


# ------------------------------------------------------------------------------------- commands and queries


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainRole:
    """Give a process no new calls from now on; it finishes what it has and stays until it is stopped."""

    instance: InstanceId
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRoles:
    """Every process of this installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """One process. `reason` says why it gets no calls; `age_seconds` since it last said that it lives; `here` marks
    the process that answers."""

    id: str
    role: str
    address: str
    version: str
    contracts: str
    host: str
    pid: int
    started_at: str
    state: InstanceState
    reason: str
    age_seconds: float
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleList:
    """`mode`: one process for all roles, or each in its own."""

    mode: Literal["embedded", "scaled"]
    items: tuple[RoleView, ...]
