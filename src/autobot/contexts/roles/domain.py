"""An instance is one process of a role; whether it lives is judged by what an observer saw, not by clocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.contracts.roles import InstanceState

TABLE: Final = "roles"
LEASE_S: Final = 10.0
"""Seconds of silence after which an instance counts as lost."""
RENEW_S: Final = 3.0
"""Seconds between two signs of life."""


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as its row says. `beat` counts its signs of life; `epoch` its lives."""

    id: str
    role: str
    address: str
    version: str
    contracts: str
    host: str
    pid: int
    started_at: str
    epoch: int
    beat: int = 0
    draining: bool = False
    reason: str = ""
    seen_at: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    epoch: int
    beat: int
    at: float


class Observer:
    """Judges leases by this process's own monotonic clock: an instance lives while its beat goes on.

    So clocks of machines may differ and jump. What is met for the first time gets one lease to beat again.
    """

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._seen: dict[str, _Seen] = {}

    def look(self, instances: Iterable[Instance], now: float) -> None:
        """Take in rows as they were read at `now` (monotonic seconds)."""
        found = {}
        for one in instances:
            before = self._seen.get(one.id)
            same = before is not None and (before.epoch, before.beat) == (one.epoch, one.beat)
            found[one.id] = before if same and before else _Seen(one.epoch, one.beat, now)
        self._seen = found

    def age(self, instance: Instance, now: float) -> float:
        """Return for how many seconds an instance has said nothing, as far as was seen here."""
        seen = self._seen.get(instance.id)
        return 0.0 if seen is None else max(0.0, now - seen.at)

    def state(self, instance: Instance, now: float, contracts: str) -> tuple[InstanceState, str]:
        """Return how an instance stands for a process that speaks `contracts`, and why it gets no calls."""
        if self.age(instance, now) > self._lease_s:
            return "lost", f"It said nothing for {self.age(instance, now):.0f} s."
        if instance.draining:
            return "draining", instance.reason
        if instance.contracts != contracts:
            return "incompatible", f"It speaks other contracts: {instance.contracts} instead of {contracts}."
        return "live", ""

    def targets(
        self, instances: Iterable[Instance], role: str, now: float, contracts: str
    ) -> tuple[str, ...]:
        """Return the addresses that get calls of a role, in one order."""
        own = [one for one in instances if one.role == role]
        return tuple(sorted(one.address for one in own if self.state(one, now, contracts)[0] == "live"))


def instance_of(document: Mapping[str, Any]) -> Instance:
    """Return the instance of a row."""
    return msgspec.convert(document, Instance)


def stream_of(instance_id: str) -> str:
    """Return the stream of an instance's facts."""
    return f"role-{instance_id}"
