"""Judges a history: what clients were told, against the log and the effects that are left. Knows no store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "lost", "doubled", "reordered", "torn", "gap", "moved", "invented", "unlinearizable", "half", "unfinished"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A batch that a client sent, maybe several times under the same ids, one batch after the other.

    `position` is what it was told (of the last event), None when it never got an answer, or, `acknowledged`, one
    that says it is done and not where. Attempts of one client are in the order in which it sent them; it sent each
    after the one before was answered.
    """

    client: str
    stream: str
    event_ids: tuple[str, ...]
    position: int | None
    acknowledged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event of the log as it was read in the end."""

    position: int
    stream: str
    revision: int
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is known at the end.

    `parts` names, for each part that commits with an event (a document, an answer, an audit record), the
    ids of the events for which it is there. `effects` holds, for each consumer that has caught up and each
    key, the ids of the events that it handled, in the order of their effects; `handles` names the events that
    a consumer is for, where those are not all that clients sent. `beside` are the ids of events that no client
    sent, which the judged program wrote of its own.
    """

    attempts: Sequence[Attempt]
    log: Sequence[Entry]
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    effects: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    handles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong."""

    kind: Kind
    detail: str


def judge(history: History) -> list[Finding]:
    """Return everything that is wrong; empty for a history in which every promise was kept."""
    return [
        *_positions(history),
        *_batches(history),
        *_orders(history),
        *_parts(history),
        *_effects(history),
    ]


def _positions(history: History) -> Iterator[Finding]:
    sent = {one for attempt in history.attempts for one in attempt.event_ids}
    for event_id, count in Counter(one.event_id for one in history.log).items():
        if count > 1:
            yield Finding("doubled", f"{event_id} is in the log {count} times")
        if event_id not in sent and event_id not in history.beside:
            yield Finding("invented", f"{event_id} was never sent")
    for number, entry in enumerate(history.log, start=1):
        if entry.position != number:
            yield Finding("gap", f"position {number} is {entry.position}")
            break
    revisions: dict[str, int] = defaultdict(lambda: -1)
    for entry in history.log:
        if entry.revision != revisions[entry.stream] + 1:
            yield Finding(
                "gap", f"{entry.stream} goes from revision {revisions[entry.stream]} to {entry.revision}"
            )
        revisions[entry.stream] = entry.revision


def _batches(history: History) -> Iterator[Finding]:
    places = {one.event_id: one for one in history.log}
    for attempt in history.attempts:
        there = [places[one] for one in attempt.event_ids if one in places]
        if (attempt.acknowledged or attempt.position is not None) and not there:
            yield Finding("lost", f"{attempt.event_ids} was acknowledged at {attempt.position}")
        elif there and len(there) < len(attempt.event_ids):
            yield Finding("torn", f"of {attempt.event_ids} only {[one.event_id for one in there]} is there")
        elif there:
            positions = [one.position for one in there]
            if positions != list(range(positions[0], positions[0] + len(positions))):
                yield Finding("torn", f"{attempt.event_ids} is spread over {positions}")
            if attempt.position not in (None, positions[-1]):
                yield Finding(
                    "moved", f"{attempt.event_ids} was told {attempt.position} and is at {positions[-1]}"
                )
            if any(one.stream != attempt.stream for one in there):
                yield Finding("moved", f"{attempt.event_ids} is not in {attempt.stream}")


def _orders(history: History) -> Iterator[Finding]:
    places = {one.event_id: one.position for one in history.log}
    last: dict[str, tuple[int, str]] = {}
    for attempt in history.attempts:
        for event_id in attempt.event_ids:
            position = places.get(event_id)
            if position is None:
                continue
            before = last.get(attempt.client)
            if before is not None and position < before[0]:
                yield Finding(
                    "reordered", f"{event_id} stands before {before[1]}, which {attempt.client} sent earlier"
                )
            last[attempt.client] = (position, event_id)


def _parts(history: History) -> Iterator[Finding]:
    logged = {one.event_id for one in history.log} - history.beside
    for name, there in history.parts.items():
        for event_id in sorted(logged - there):
            yield Finding("torn", f"{event_id} is in the log without its {name}")
        for event_id in sorted(there - logged):
            yield Finding("torn", f"the {name} of {event_id} is there without the event")


def _effects(history: History) -> Iterator[Finding]:
    places = {one.event_id: one.position for one in history.log}
    sent = places.keys() - history.beside
    for consumer, keys in history.effects.items():
        done: Counter[str] = Counter()
        for key, handled in keys.items():
            done.update(handled)
            known = [places[one] for one in handled if one in places]
            if known != sorted(known):
                yield Finding("reordered", f"{consumer} handled {key} in the order {known}")
        for event_id, count in done.items():
            if count > 1:
                yield Finding("doubled", f"{consumer} has the effect of {event_id} {count} times")
            if event_id not in places:
                yield Finding("invented", f"{consumer} has an effect of {event_id}, which is not in the log")
        for event_id in sorted((sent & history.handles.get(consumer, sent)) - done.keys()):
            yield Finding("lost", f"{consumer} has no effect of {event_id}")
