"""Which waiting texts are computed together, and when. Pure; `engine` carries it out.

A batch costs its texts times its longest one, as the others are filled up to it. So the text whose turn it is is
joined by those nearest to it in length, and by none that would make it wait for a much longer one. As the first in
turn is always taken, nobody waits for ever.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from autobot.workers.npu.options import BatchRules

SHORT: Final = 32
"""Tokens up to which a text may be filled whatever its length: so few cost no more than fewer."""

LONGER: Final = 2
"""How many times longer a mate may be than the text whose turn it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A text that waits.

    Attributes:
        slot: the model that reads it. size: in tokens.
        since: when it came; turn: when it counts as having come (both monotonic seconds).
        work: the caller's own, and not looked at.
    """

    slot: str
    size: int
    since: float
    turn: float
    work: Any


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is due; look again after so many seconds, unless another text comes before."""

    seconds: float


def queue(
    waiting: list[Piece], slot: str, sizes: Sequence[int], works: Sequence[Any], now: float, rules: BatchRules
) -> tuple[Piece, ...]:
    """Put the texts of one call into the queue, which is in the order of turns; return their pieces."""
    found = tuple(
        Piece(slot, size, now, now + place * rules.spread_s, work)
        for place, (size, work) in enumerate(zip(sizes, works, strict=True))
    )
    for one in found:
        insort(waiting, one, key=_turn)
    return found


def next_batch(
    waiting: Sequence[Piece], now: float, rules: BatchRules, *, beside: bool = False
) -> tuple[Piece, ...] | Later:
    """Return the texts to compute now, `beside` a batch that is computed already or alone.

    `waiting` is in the order of turns, and not empty.
    """
    first = waiting[0]
    batch, longest = [first], first.size
    most = max(LONGER * first.size, SHORT)
    mates = (one for one in waiting[1:] if one.slot == first.slot and one.size <= most)
    for one in heapq.nsmallest(rules.texts_max - 1, mates, key=lambda one: abs(one.size - first.size)):
        longer = max(longest, one.size)
        if (len(batch) + 1) * longer <= rules.tokens_max:
            batch.append(one)
            longest = longer
    full = len(batch) == rules.texts_max or (len(batch) + 1) * longest > rules.tokens_max
    small = beside and len(batch) * longest < rules.beside_tokens
    left = first.since + max(rules.linger_s, rules.beside_s if small else 0.0) - now
    return Later(left) if left > 0 and not full else tuple(batch)


def leave(waiting: list[Piece], gone: Sequence[Piece]) -> None:
    """Take pieces out of the queue; those that are not in it any more do not matter."""
    if gone:
        taken = {id(one) for one in gone}
        waiting[:] = [one for one in waiting if id(one) not in taken]


def _turn(one: Piece) -> float:
    return one.turn
