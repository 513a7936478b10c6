"""Published language of the roles context: which processes make up this installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len

from autobot.kernel.core.validate import Pattern

InstanceId = Annotated[str, Len(1, 120), Pattern(r"[A-Za-z0-9._:@-]+")]
Reason = Annotated[str, Len(1, 500)]
RoleName = Literal["gateway", "backend", "ai", "npu"]
RowState = Literal["live", "draining", "lost"]
InstanceState = Literal["live", "draining", "incompatible", "lost"]
"""`live`: gets calls; `draining`: gets no new ones; `incompatible`: no process that would call it can, for their
contracts are too unlike, or their service keys are not the same; `lost`: said nothing for longer than its lease."""


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
class RoleDrained:
    """A process gets no new calls in this life."""

    id: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRoles:
    """Every process of this installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRefusal:
    """Processes that do not call an instance, because their contracts and its own are too unlike, or their keys."""

    role: RoleName
    version: str
    contracts: str
    instances: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChild:
    """A process that one of ours starts when it is needed, watches, and ends.

    `what` it is: a worker for inference, or the local model server. `idle`: none runs, the next call starts one;
    `failed`: it could not begin or ended by itself, and `detail` says why. `pid` and `memory_bytes` (resident) are
    absent while none runs, the latter also where the system does not tell. `devices` are those that it computes on, as
    it says itself. `starts` counts how often it became ready.
    """

    what: Literal["npu", "llamacpp"]
    state: Literal["idle", "starting", "ready", "failed"]
    address: str
    starts: int
    pid: int | None = None
    memory_bytes: int | None = None
    devices: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """One process. `roles` are those that it holds: `gateway`, `backend` and `ai` in the embedded mode. `epoch` counts its lives.

    `reason` says why it gets no calls, `drained_by` who wanted that. `age_seconds` is the time since it was last heard
    of, `lease_left_seconds` what is left of its lease, both as seen from the process that answers; they are absent in
    the embedded mode, where nobody else could miss it. `refused_by` are the processes that do not call it. `here` marks
    the process that answers. `key_mark` tells its service key from others (8 hexadecimal digits, nothing of the key).
    `children` and `memory_bytes` (resident) are those of this moment for the process that answers; for others those of
    their last sign of life, without the devices of children. `memory_bytes` is absent where the system does not tell,
    and with them of a process that is lost or that a version before this one runs.
    """

    id: str
    roles: tuple[RoleName, ...]
    address: str
    version: str
    contracts: str
    host: str
    pid: int
    started_at: str
    state: InstanceState
    reason: str
    drained_by: str
    epoch: int
    lease_seconds: float | None
    age_seconds: float | None
    lease_left_seconds: float | None
    refused_by: tuple[RoleRefusal, ...]
    here: bool
    key_mark: str = ""
    children: tuple[RoleChild, ...] = ()
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHopView:
    """A row of the matrix between two roles.

    `reachable`: how many pairs of a caller and a callee meet, of `pairs` that live; `targets`: the addresses that the
    row itself fixes, without any the roles table decides.
    """

    link: str
    caller: RoleName
    callee: RoleName
    reachable: int
    pairs: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleList:
    """`mode`: one process for all roles, or each in its own. `hops` are empty where nothing leaves the process."""

    mode: Literal["embedded", "scaled"]
    items: tuple[RoleView, ...]
    hops: tuple[RoleHopView, ...] = ()
