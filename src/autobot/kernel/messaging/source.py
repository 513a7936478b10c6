"""Where the messages of a group come from: the port that makes one broker of the delivery rules and any carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from autobot.kernel.core.errors import Conflict
from autobot.kernel.event_store.transaction import Checkpoint, Recorded


class Superseded(Conflict):
    """Somebody else reads this part now: whatever we still do for it is refused by the store."""

    code = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What the way of the messages changes for those who look at a group.

    `carrier`: what brings messages, for people; `again`: a message may come twice although its effect is
    durable (the inbox drops it); `shared`: several processes may serve one group; `look_s`: how often
    somebody who waits for a position has to ask whether it was passed, None when it is told at once.
    """

    carrier: str
    again: bool
    shared: bool
    look_s: float | None


class Source(Protocol):
    """A part of a group's messages, which this process alone reads meanwhile.

    Contract: `batches` gives events above `after` in log order, each at least once over all lives, none
    twice in one life, and all events of one partition key come from one source of a group. It may leave
    out events that are not its own. It ends when the store closes.
    """

    name: str
    """The checkpoint that this part moves."""

    @property
    def fence(self) -> Checkpoint | None:
        """A condition that every commit for this part carries; None where nobody else can read it."""
        ...

    def holds(self, key: str) -> bool:
        """Say whether messages of a partition key come from here."""
        ...

    def batches(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        """Give events above a position, for ever. Waits out a broken way to them."""
        ...

    async def passed(self) -> int:
        """Return a position up to which `batches` has given all; 0 when that is not known just now."""
        ...

    def settled(self, position: int) -> None:
        """Hear that a message needs nothing more: its effect, or its row, is durable."""
        ...


Consume = Callable[[Source], Awaitable[None]]
"""Serves one source until it ends. Raises StoreClosed, or Superseded when another reads it."""
Elsewhere = Callable[[str], None]
"""Hears who reads a part that this process does not."""


class Sources(Protocol):
    """Gives a group its sources."""

    @property
    def differences(self) -> Differences:
        """What is particular to this way."""
        ...

    def parts(self, group: str) -> Sequence[str]:
        """Return the names of the checkpoints of a group's parts, served here or elsewhere."""
        ...

    async def serve(self, group: str, consume: Consume, elsewhere: Elsewhere) -> None:
        """Have every part of a group consumed that this process may read, until the store closes.

        `elsewhere` is told who reads a part, each time that it is found to be another process's.
        """
        ...
