"""What the writer knows without asking the database: the committed state, and the group's changes over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from autobot.kernel.event_store.rows import Row

CACHED: Final = 50_000
"""Streams whose revision, and places of answers, that are kept in memory after they are folded."""


@dataclass(slots=True)
class Durable:
    """The committed state.

    `revisions` holds every stream with events above `folded`, and others as a cache; `ids` holds the position of
    every event above `folded`, `newest` the highest id of all others; `answers` the lowest number above `answered`
    of each place, `places` those of all others (None: too many to keep, ask the table). `audit_hash` is the chain's last hash, `committed` the last event's time of commit
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
    places: set[int] | None = None
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
        now=now,
        head=durable.head,
        committed=max(now, durable.committed),
        audited=durable.audited,
        audit_hash=durable.audit_hash,
        numbered=durable.numbered,
        folded=durable.folded,
        answered=durable.answered,
    )


def adopt(durable: Durable, staged: Staged) -> None:
    """Make a group's state the committed one, after its commit."""
    if staged.head > durable.head:
        durable.head, durable.committed = staged.head, staged.committed
    durable.audited, durable.audit_hash = staged.audited, staged.audit_hash
    durable.numbered = staged.numbered
    if staged.answered > durable.answered:
        durable.places = kept(durable.places, durable.answers, staged.places)
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
    durable.erased = durable.erased or staged.erased


def kept(places: set[int] | None, *more: Iterable[int]) -> set[int] | None:
    """Return `places` with `more` in it, None when that is too many to keep."""
    if places is None:
        return None
    places.update(*more)
    return places if len(places) <= CACHED else None
