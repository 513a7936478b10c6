"""What the system context needs from the world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from autobot.contracts import system
from autobot.contracts.system import BreakerAction, HealthCheck
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore


class LinkControl(Protocol):
    """The matrix of this process.

    Contract: `describe` costs no call on any link. `check` validates as the loader and the start-up
    proofs do and changes nothing (InvalidInput, NotFound); `apply` takes effect with the very next call.
    """

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return every row as `/system/links` lists it."""
        ...

    def check(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Raise unless the row exists and would hold with these fields."""
        ...

    def apply(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Set the run-time fields of a row; None drops them all."""
        ...

    def check_force(self, row: str, action: BreakerAction, target: str | None, seconds: float | None) -> None:
        """Raise what `force` would raise, and change nothing."""
        ...

    def force(
        self, row: str, action: BreakerAction, target: str | None, by: str, reason: str, seconds: float | None
    ) -> None:
        """Act on the breakers of a row by hand."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Something that is asked how it is. `probe` returns (state, detail) and may raise errors of the tree."""

    name: str
    required: bool
    probe: Callable[[], Awaitable[tuple[Literal["ok", "failing", "absent"], str]]]


class HealthBoard(Protocol):
    """Keeps what the last probes said; probing happens off the hot path."""

    def checks(self) -> Sequence[HealthCheck]:
        """Return the newest result of each dependency."""
        ...


class Upkeep(Protocol):
    """Care for what is stored. Raises Absent where the store keeps nothing."""

    async def backup(self, target: str, *, with_key: bool) -> system.BackupMade:
        """Write a consistent backup of now into a new folder."""
        ...

    async def vacuum(self) -> None:
        """Leave nothing of what was erased."""
        ...


class Facts(Protocol):
    """What the process knows of itself."""

    def info(self) -> Mapping[str, Any]:
        """Return version, mode, start, formats."""
        ...

    async def status(self) -> Mapping[str, Any]:
        """Return counts: log head, runs, consumers, sessions of the realtime edge."""
        ...

    async def diagnostics(self) -> bytes:
        """Return a zip archive without secrets."""
        ...


class LinkPolicies:
    """What operators made of a row, folded from its stream."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store, self._codec = store, codec

    async def head(self) -> int:
        """Return the newest position of the log."""
        return await self._store.head()

    async def at(self, link: str, position: int | None = None) -> tuple[int, dict[str, Any] | None]:
        """Return the stream's revision and the row's run-time fields, now or at a log position."""
        revision, fields = -1, None
        for one in await self._store.read_stream(f"link-{link}"):
            if position is not None and one.position > position:
                break
            revision = one.revision
            event = self._codec.unwrap(one)
            if isinstance(event, system.LinkPolicyChanged):
                fields = event.fields
        return revision, fields
