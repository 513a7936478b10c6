"""The short way for what most transactions are: one append, perhaps with answer, audit entry and checkpoints.

Written as one loop over local names: under load this loop, not the disk, decides how many commits a second
there are. Whatever is not plainly in order (a known id, another revision, a place that is taken, further
parts) takes the long way, which alone knows every rule.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from hashlib import blake2b
from typing import TypeVar

from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import PLACE_BITS, Durable, Staged
from autobot.kernel.event_store.rows import committed
from autobot.kernel.event_store.transaction import ANY, Checkpoint, Committed

R = TypeVar("R")


def stage_all(
    durable: Durable,
    staged: Staged,
    known: Container[str],
    group: Sequence[Prepared],
    long_way: Callable[[Prepared], R],
) -> list[R | Committed]:
    """Stage a group in order; `known` has the ids not above `newest` that the tables have."""
    results: list[R | Committed] = []
    revisions, cached = staged.revisions, durable.revisions
    time, taken, newest = staged.committed, durable.places.bits, durable.newest
    new, tail, places, tail_places = staged.ids, durable.ids, staged.places, durable.answers
    for one in group:
        stream, expected, answer, ids = one.stream, one.expected, one.answer, one.ids
        revision = revisions.get(stream)
        if revision is None:
            revision = cached.get(stream)
        free = one.plain and expected in (revision, ANY)
        for event in ids:
            if event in new or event in tail or (event <= newest and event in known):
                free = False
        if answer is not None:
            place = answer[0]
            bit = (place ^ place >> 32) & PLACE_BITS - 1
            if taken[bit >> 3] >> (bit & 7) & 1 or place in tail_places or place in places:
                free = False
        if not free or revision is None:
            results.append(long_way(one))
            continue
        position, rows = staged.head, staged.events
        one.placed = [(stream, revision + 1, position + 1, len(ids))]
        for row in one.events[0]:
            position += 1
            revision += 1
            rows.append((position, stream, revision, time, *row))
            new[row[0]] = position
        staged.head = position
        revisions[stream] = revision
        for body in one.audit:
            sequence = staged.audited = staged.audited + 1
            last = staged.audit_hash = blake2b(staged.audit_hash + body, digest_size=32).digest()
            staged.audit.append((sequence, last, body))
        if answer is not None:
            number = staged.numbered = one.numbered = staged.numbered + 1
            staged.answers.append((number, *answer[1]))
            places[answer[0]] = number
        if one.checkpoints:
            _move(staged.checkpoints, one.checkpoints)
        results.append(committed(position, (revision,)))
    return results


def _move(moved: dict[str, int], checkpoints: Sequence[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        consumer, to = checkpoint.consumer, checkpoint.position
        if moved.get(consumer, -1) < to:
            moved[consumer] = to
