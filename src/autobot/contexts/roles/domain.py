"""An instance is one process of a role; whether it lives is judged by what an observer saw, not by clocks. Pure.

| from | joins | beats | drains | leaves | is lost |
|---|---|---|---|---|---|
| nothing | live, epoch 1 | refused | refused | - | - |
| live | next epoch, another holder's | live | draining | nothing | lost |
| draining | next epoch, another holder's | draining | draining, no fact | nothing | lost |
| lost | next epoch, draining if it was | refused | refused | nothing | lost, no fact |

Refused is what holds on a row or a stream that has moved on since its writer read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec

from autobot.contracts.roles import (
    RoleChild,
    RoleDraining,
    RoleJoined,
    RoleLeft,
    RoleLost,
    RoleName,
    RowState,
)
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.event_store.codec import Event

TABLE: Final = "roles"
Gauge = tuple[str, tuple[tuple[str, str], ...], float]
LEASE_S: Final = 10.0
"""Seconds of silence after which an instance counts as lost."""
RENEW_S: Final = 3.0
"""Seconds between two signs of life."""
LEASE_MIN_S: Final = 1.0
LEASE_MAX_S: Final = 3_600.0
SIGNS_PER_LEASE: Final = 3
"""A lease outlasts so many signs of life: one or two may get lost."""
LOOKS_PER_LEASE: Final = 4
"""A lease ends after no fewer looks than this, however long the time between two of them was."""
FORGOTTEN_S: Final = 3_600.0
"""Seconds for which a lost instance is still shown."""
CORE: Final[tuple[RoleName, ...]] = ("gateway", "backend", "ai")
"""Roles that one process can hold together."""
ROLES: Final[tuple[RoleName, ...]] = (*CORE, "npu")
"""All of them; a worker for inference is always a process of its own."""
ALL: Final = "all"
"""The role of the one process that holds the core."""


def roles_in(role: str) -> tuple[RoleName, ...]:
    """Return the roles that a process holds."""
    return CORE if role == ALL else tuple(one for one in ROLES if one == role)


def check_lease(lease_s: float, renew_s: float) -> None:
    """Raise ConfigurationError for a lease (1–3,600 s) that does not outlast three signs of life."""
    if not LEASE_MIN_S <= lease_s <= LEASE_MAX_S or not 0 < renew_s * SIGNS_PER_LEASE <= lease_s:
        raise ConfigurationError(
            f"A lease of {lease_s:g} s with a sign of life every {renew_s:g} s does not hold.",
            hint=f"{LEASE_MIN_S:g} to {LEASE_MAX_S:g} s, with at least {SIGNS_PER_LEASE} signs of life in it.",
        )


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as its row says. `beat` counts its signs of life; `epoch` its lives.

    `key_mark` tells the service key from others, "" where the process did not say it; `grpc` is where it takes
    calls over gRPC, "" for nowhere; `carries` are the transports that it can take and make. `children` and
    `memory_bytes` are what it said of itself with its last sign of life, None where it did not. `holder` is known to its process alone: a second process of the same id is told apart by it. `revision` is that
    of the last fact about it.
    """

    id: str
    role: str
    address: str
    version: str
    contracts: str
    host: str
    pid: int
    started_at: str
    epoch: int = 0
    beat: int = 0
    draining: bool = False
    reason: str = ""
    seen_at: str = ""
    drained_by: str = ""
    holder: str = ""
    lease_s: float = LEASE_S
    lost: bool = False
    key_mark: str = ""
    grpc: str = ""
    carries: tuple[str, ...] = ("http",)
    children: tuple[RoleChild, ...] = ()
    memory_bytes: int | None = None
    revision: int = -1

    def joined(self, lives: int) -> tuple[tuple[Event, ...], Instance]:
        """Begin a life after so many others. One that drains when it begins goes on draining."""
        row = msgspec.structs.replace(
            self,
            epoch=lives + 1,
            beat=0,
            lost=False,
            draining=False,
            drained_by="",
            reason="",
            revision=self.revision + 1,
        )
        fact = RoleJoined(
            instance=row.id,
            epoch=row.epoch,
            role=row.role,
            address=row.address,
            version=row.version,
            contracts=row.contracts,
        )
        if not self.draining:
            return (fact,), row
        again, row = row.drained(self.drained_by, self.reason)
        return (fact, *again), row

    def beaten(self, at: str) -> Instance:
        """Say that it lives; no fact."""
        return msgspec.structs.replace(self, beat=self.beat + 1, seen_at=at)

    def drained(self, by: str, reason: str) -> tuple[tuple[Event, ...], Instance]:
        """Get no new calls; a second time is no fact."""
        if self.draining:
            return (), self
        fact = RoleDraining(instance=self.id, epoch=self.epoch, by=by, reason=reason)
        row = msgspec.structs.replace(
            self, draining=True, drained_by=by, reason=reason, revision=self.revision + 1
        )
        return (fact,), row

    def left(self) -> tuple[Event, ...]:
        """It ends in order; its row goes."""
        return (RoleLeft(instance=self.id, epoch=self.epoch),)

    def buried(self) -> tuple[tuple[Event, ...], Instance]:
        """Its lease has ended; a second time is no fact."""
        if self.lost:
            return (), self
        row = msgspec.structs.replace(self, lost=True, revision=self.revision + 1)
        return (RoleLost(instance=self.id, epoch=self.epoch),), row


@dataclass(slots=True)
class _Seen:
    epoch: int
    beat: int
    age_s: float


class Observer:
    """Judges leases by this process's own monotonic clock: an instance lives while its beat goes on.

    So clocks of machines may differ and jump. What is met for the first time gets one lease to beat again. Time in
    which nobody looked here counts for little (the store was away, or this process was stopped): else the first look
    after an outage, in which nobody could give a sign of life, would find everybody lost.
    """

    def __init__(self) -> None:
        self.rows: tuple[Instance, ...] = ()
        """What the last look found."""
        self._seen: dict[str, _Seen] = {}
        self._looked_at: float | None = None

    def look(self, instances: Iterable[Instance], now: float) -> None:
        """Take in rows as they were read at `now` (monotonic seconds)."""
        passed = 0.0 if self._looked_at is None else max(0.0, now - self._looked_at)
        self._looked_at = now
        self.rows, found = tuple(instances), {}
        for one in self.rows:
            before, age = self._seen.get(one.id), 0.0
            if before is not None and (before.epoch, before.beat) == (one.epoch, one.beat):
                age = before.age_s + min(passed, one.lease_s / LOOKS_PER_LEASE)
            found[one.id] = _Seen(one.epoch, one.beat, age)
        self._seen = found

    def age(self, instance: Instance) -> float:
        """Return for how many seconds an instance had said nothing at the last look, as far as was seen here."""
        seen = self._seen.get(instance.id)
        return 0.0 if seen is None else seen.age_s

    def lease_left(self, instance: Instance) -> float:
        """Return the seconds that are left of its lease."""
        return 0.0 if instance.lost else max(0.0, instance.lease_s - self.age(instance))

    def state(self, instance: Instance) -> tuple[RowState, str]:
        """Return how an instance stands, and why it gets no calls."""
        if instance.lost or self.lease_left(instance) == 0.0:
            return "lost", f"It said nothing for longer than its lease, {instance.lease_s:g} s."
        if instance.draining:
            return "draining", instance.reason
        return "live", ""


def role_gauges(rows: Iterable[Instance], observer: Observer) -> Iterable[Gauge]:
    """Yield how many instances there are by role and state; a role that somebody has shows every state."""
    counts: dict[tuple[str, str], int] = {}
    for one in rows:
        for role in roles_in(one.role):
            for state in get_args(RowState):
                counts.setdefault((role, state), 0)
            counts[role, observer.state(one)[0]] += 1
    for (name, state), number in sorted(counts.items()):
        yield "autobot_role_instances", (("role", name), ("state", state)), float(number)


def unlike_keys(caller: str, callee: str) -> str:
    """Return why a call between processes with these marks of their service keys is refused, "" when it is not.

    A process of a version that told no mark ("") may be called: whether its key fits shows with the call.
    """
    if not caller or not callee or caller == callee:
        return ""
    return (
        f"Its service key is another one ({callee} instead of {caller}): "
        "give all roles the same key file (AUTOBOT_SECRET_KEY_FILE) and start it again."
    )


def instance_of(document: Mapping[str, Any]) -> Instance:
    """Return the instance of a row."""
    return msgspec.convert(document, Instance)


def stream_of(instance_id: str) -> str:
    """Return the stream of an instance's facts."""
    return f"role-{instance_id}"
