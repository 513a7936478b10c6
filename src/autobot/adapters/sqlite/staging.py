"""What the writer knows without asking the database: the committed state, and the group's changes over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from autobot.kernel.event_store.rows import Row

CACHED: Final = 50_000
"""Streams whose revision is kept in memory after they are folded."""
PLACES: Final = 500_000
"""Places of answers up to which their bits are never made anew."""
PLACE_BITS: Final = 1 << 24


class Places:
    """A set of idempotency keys' places as 2 MiB of bits: what is not in it is certainly free.

    With PLACES of them 3 % of all free places look taken; then the table is asked. `full` says that many
    were added, and perhaps forgotten by the table since.
    """

    __slots__ = ("_added", "_limit", "bits")

    def __init__(self, places: Iterable[int] = ()) -> None:
        self.bits = bytearray(PLACE_BITS // 8)
        self._added = 0
        self.update(places)
        self._limit = max(PLACES, 2 * self._added)

    def update(self, *more: Iterable[int]) -> None:
        """Add places."""
        bits = self.bits
        for places in more:
            for place in places:
                bit = (place ^ place >> 32) & PLACE_BITS - 1
                bits[bit >> 3] |= 1 << (bit & 7)
                self._added += 1

    @property
    def full(self) -> bool:
        """Whether it is time to make the bits anew."""
        return self._added > self._limit

    def __contains__(self, place: int) -> bool:
        bit = (place ^ place >> 32) & PLACE_BITS - 1
        return self.bits[bit >> 3] >> (bit & 7) & 1 == 1


@dataclass(slots=True)
class Durable:
    """The committed state.

    `revisions` holds every stream with events above `folded`, and others as a cache; `ids` holds the position of
    every event above `folded`, `newest` the highest id of all others; `answers` the lowest number above `answered`
    of each place, `places` those of all others, and some that are not. `audit_hash` is the chain's last hash, `committed` the last event's time of commit
    in microseconds. `erased`: older images of erased text may still be in the write-ahead log.
    """

    head: int = 0
    committed: int = 0
    audited: int = 0
    audit_hash: bytes = bytes(32)
    numbered: int = 0
    folded: int = 0
    answered: int = 0
    newest: str = ""
    places: Places = field(default_factory=Places)
    ids: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    erased: bool = False


@dataclass(slots=True)
class Staged:
    """A group's rows that wait for its flush, and the state as it will be after its commit."""

    now: int
    head: int
    committed: int
    audited: int
    audit_hash: bytes
    numbered: int
    folded: int
    answered: int
    ids: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    audit: list[Row] = field(default_factory=list)
    answers: list[Row] = field(default_factory=list)
    inbox: list[Row] = field(default_factory=list)
    checkpoints: dict[str, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    erased: bool = False


def begin(durable: Durable, now: int) -> Staged:
    """Return an empty group over the committed state."""
    return Staged(
        now,
        durable.head,
        max(now, durable.committed),
        durable.audited,
        durable.audit_hash,
        durable.numbered,
        durable.folded,
        durable.answered,
    )


def adopt(durable: Durable, staged: Staged) -> None:
    """Make a group's state the committed one, after its commit."""
    if staged.head > durable.head:
        durable.head, durable.committed = staged.head, staged.committed
    durable.audited, durable.audit_hash = staged.audited, staged.audit_hash
    durable.numbered = staged.numbered
    if staged.answered > durable.answered:
        durable.places.update(durable.answers, staged.places)
        durable.answers.clear()
    lowest = durable.answers
    for place, number in staged.places.items():
        if number > staged.answered and place not in lowest:
            lowest[place] = number
    durable.ids.update(staged.ids)
    if staged.folded > durable.folded:
        folded = {one: position for one, position in durable.ids.items() if position <= staged.folded}
        durable.newest = max(durable.newest, *folded, "")
        durable.ids = {one: position for one, position in durable.ids.items() if position > staged.folded}
        if len(durable.revisions) > CACHED:
            durable.revisions.clear()
    durable.folded, durable.answered = staged.folded, staged.answered
    durable.revisions.update(staged.revisions)
    durable.aliases.update(staged.aliases)
    if staged.erased:
        durable.erased = True
