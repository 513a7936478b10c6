"""Who is connected: the sessions of all processes, each for as long as somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from autobot.kernel.core.clock import Clock

LEASE_S: Final = 30.0
"""How long a session counts as there after the last word on it. It is given three times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """One session of a client.

    `principal` is its user's id; `since` is RFC 3339; `process` says where it is connected, `watches` which channels
    it follows.
    """

    session: str
    principal: str
    tenant: str
    process: str
    since: str
    watches: tuple[str, ...] = ()


class Presence(Protocol):
    """Knows who is connected.

    Contract: a session is there from `seen` until `gone`, or until `lease_s` seconds after the last `seen`;
    saying it again only prolongs. A tenant sees its own sessions, by `since` and id. What is kept may vanish
    at any moment and is whole again when every process has said its sessions once more: nothing may rest
    on it. Raises the errors of the tree when the way to it is broken.
    """

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        """Say that sessions are there."""
        ...

    async def gone(self, sessions: Sequence[Connected]) -> None:
        """Say that sessions have ended; unknown ones are ignored."""
        ...

    async def who(self, tenant: str) -> Sequence[Connected]:
        """Return the sessions of a tenant that are there now."""
        ...


def in_order(sessions: Iterable[Connected]) -> list[Connected]:
    """Return sessions as `Presence.who` gives them."""
    return sorted(sessions, key=lambda one: (one.since, one.session))


class MemoryPresence:
    """Implements `Presence` for one process."""

    def __init__(self, clock: Clock) -> None:
        self._now: Callable[[], float] = clock.monotonic
        self._tenants: dict[str, dict[str, tuple[float, Connected]]] = {}

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        """Say that sessions are there."""
        until = self._now() + lease_s
        for one in sessions:
            self._tenants.setdefault(one.tenant, {})[one.session] = (until, one)

    async def gone(self, sessions: Sequence[Connected]) -> None:
        """Say that sessions have ended."""
        for one in sessions:
            self._tenants.get(one.tenant, {}).pop(one.session, None)

    async def who(self, tenant: str) -> Sequence[Connected]:
        """Return the sessions of a tenant."""
        now, known = self._now(), self._tenants.get(tenant, {})
        for session in [key for key, (until, _) in known.items() if until <= now]:
            del known[session]
        return in_order(one for _, one in known.values())
