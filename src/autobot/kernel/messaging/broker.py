"""The broker's port: facts of the log reach consumer groups at least once, in order per key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from autobot.kernel.core.errors import Conflict, DataCorrupt, InvalidInput
from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.messaging.options import ConsumerOptions


class Unrecoverable(Conflict):
    """A handler's word that trying this message again cannot help: it becomes a dead letter at once."""

    code = "unrecoverable"


POISON: Final = (Unrecoverable, DataCorrupt, InvalidInput)
"""What a message is to blame for: never tried again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a message comes: `attempt` from 1; `redelivered` when it may have been handled before."""

    group: str
    attempt: int
    redelivered: bool


Handler = Callable[[Recorded, Delivery], Awaitable[Transaction]]
"""Handles one message and returns what must become durable with its acknowledgement (maybe an empty transaction).

It is called at least once for each message; the effects that it returns happen once.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A consumer group: `group` is its name for ever, `types` are exact or end in `*`, except those `without`.

    Raises ValueError for an empty name or no types.
    """

    group: str
    types: tuple[str, ...]
    handler: Handler
    without: frozenset[str] = frozenset()
    options: ConsumerOptions = field(default_factory=ConsumerOptions)

    def __post_init__(self) -> None:
        if not self.group or not self.types:
            raise ValueError("a subscription has a group and types")

    def wants(self, type_name: str) -> bool:
        """Say whether messages of a type are for this group."""
        return type_name not in self.without and any(
            type_name.startswith(one[:-1]) if one.endswith("*") else type_name == one for one in self.types
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatistics:
    """A group at one moment.

    `position`: everything up to here is settled; `lag`: events of the log behind it; `oldest_age_s`: age of
    the oldest message that is neither settled nor parked; `held`: a person paused it; `parked`: rows that wait for their time or behind
    another of their key; `standby`: other processes serve every part, and this one takes over; `dead`: dead letters that nobody decided on.
    """

    group: str
    state: Literal["starting", "running", "standby", "paused", "stopped"]
    reason: str
    position: int
    lag: int
    oldest_age_s: float
    in_flight: int
    handled: int
    redeliveries: int
    parked: int
    dead: int
    held: bool = False


class Broker(Protocol):
    """Brings facts to groups.

    Contract:
    - Every message of a group's types that is in the log when the group first starts, or comes later, is
      given to the handler at least once, also when the process is killed at any moment.
    - Messages of one partition key (the stream when there is none) are handled one after the other in log
      order, also through retries and dead letters: behind a dead letter the later ones of its key wait.
      Different keys go on meanwhile, at most `concurrency` at once.
    - What the handler returns commits together with the acknowledgement: its effects happen once. A message that
      was handled, discarded or replaced before the process was killed is not given to the handler again.
    - A failed message is tried again by the group's options; then, or at once for POISON, it is a dead
      letter with reason, attempts, stack, first and last time. Nothing is dropped.
    - A failure that is not the message's (`pause_after` in a row, the way to a dependency is refused, the
      store is full or out of reach) pauses the group; one message probes; the attempts of a pause do not count.
    - A group that a person holds (`hold`, or a row of `holds` when it starts) gives nothing to its handler,
      no probe either; what it worked on is finished, and nothing is lost or reordered by it.
    """

    @property
    def groups(self) -> Sequence[str]:
        """The groups that were served here."""
        ...

    async def serve(self, subscription: Subscription) -> None:
        """Deliver to a group until cancelled or the store closes. One `serve` per group at a time."""
        ...

    async def statistics(self, group: str) -> GroupStatistics:
        """Return how a group stands. Raises NotFound for one that was never served here."""
        ...

    def wake(self, group: str, letter: str) -> None:
        """Let a group look at once at a dead letter that was replayed, edited or discarded. Unknown ones are ignored."""
        ...

    async def settled(self, group: str, position: int, deadline: float) -> None:
        """Return when all up to a log position is settled or parked. Raises DeadlineExceeded (monotonic seconds)."""
        ...

    def hold(self, group: str, reason: str) -> None:
        """Give a group nothing more until `release`. A group that is not served here is ignored."""
        ...

    def release(self, group: str) -> None:
        """Let a held group go on. A group that is not served here is ignored."""
        ...
