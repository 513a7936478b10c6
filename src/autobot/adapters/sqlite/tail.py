"""What the loop knows of the newest rows: where those are that no index on disk has yet, and the events themselves."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from operator import itemgetter
from typing import Final

from autobot.adapters.sqlite.rows import Prepared
from autobot.adapters.sqlite.staging import Durable
from autobot.adapters.sqlite.writer import Group
from autobot.kernel.event_store.transaction import Committed, Recorded

KEPT: Final = 2048
KEPT_BYTES: Final = 4 * 1024 * 1024
"""Newest events kept for followers, so that following a busy log does not read it back from the file."""


@dataclass(slots=True)
class Tail:
    """Changed by `adopt` only, on the loop."""

    head: int
    aliases: dict[str, str]
    folded: int = 0
    answered: int = 0
    followers: int = 0
    _placed: list[tuple[str, int, int, int]] = field(default_factory=list)
    _numbered: list[tuple[int, int]] = field(default_factory=list)
    _streams: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    _answers: dict[int, list[int]] = field(default_factory=dict)
    _recent: deque[Recorded] = field(default_factory=deque)
    _bytes: int = 0

    def adopt(self, durable: Durable, group: Group) -> bool:
        """Take over a committed group; say whether the log grew. What it holds is sorted when it is asked for."""
        if durable.folded > self.folded:
            self.folded = durable.folded
            self._placed.clear()
            self._streams.clear()
        if durable.answered > self.answered:
            self.answered = durable.answered
            self._numbered.clear()
            self._answers.clear()
        if self._recent and (group.erased or not self.followers):
            self._recent.clear()
            self._bytes = 0
        keep = self.followers > 0 and not group.erased
        placed, numbered = self._placed, self._numbered
        for prepared, result in zip(group.prepared, group.results, strict=True):
            if result.__class__ is Committed and not result.repeated:
                placed += prepared.placed
                if prepared.answer is not None:
                    numbered.append((prepared.answer[0], prepared.numbered))
                if keep:
                    self._keep(prepared)
        if self.aliases != durable.aliases:
            self.aliases = dict(durable.aliases)
        grown, self.head = durable.head > self.head, durable.head
        return grown

    def _sort(self) -> None:
        for stream, revision, position, count in self._placed:
            if position > self.folded:
                self._streams.setdefault(stream, []).append((revision, position, count))
        for place, number in self._numbered:
            if number > self.answered:
                self._answers.setdefault(place, []).append(number)
        self._placed.clear()
        self._numbered.clear()

    def _keep(self, prepared: Prepared) -> None:
        hashes = iter(prepared.hashes)
        for append, (stream, revision, position, _) in zip(
            prepared.transaction.appends, prepared.placed, strict=True
        ):
            for offset, message in enumerate(append.events):
                self._recent.append(
                    Recorded(
                        message=message,
                        stream=stream,
                        revision=revision + offset,
                        position=position + offset,
                        payload_hash=next(hashes).hex(),
                    )
                )
                self._bytes += len(message.data)
        while len(self._recent) > KEPT or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._recent.popleft().message.data)

    def places(self, stream: str, after: int, limit: int) -> list[tuple[int, int]]:
        """Return (revision, position) of a stream's `limit` events above `after`, those that may not be folded yet."""
        self._sort()
        placed = self._streams.get(stream, [])
        first = max(0, bisect_right(placed, after, key=itemgetter(0)) - 1)
        last = after + limit
        return [
            (revision + offset, position + offset)
            for revision, position, count in takewhile(
                lambda one: one[0] <= last, islice(placed, first, None)
            )
            for offset in range(max(0, after + 1 - revision), min(count, last + 1 - revision))
        ]

    def numbers(self, place: int) -> Sequence[int]:
        """Return the numbers of answers at a place that may not be folded yet."""
        self._sort()
        return tuple(self._answers.get(place, ()))

    def recent(self, after: int, limit: int) -> list[Recorded] | None:
        """Return events from `after` on if all of them are still here."""
        if not self._recent or self._recent[0].position > after + 1:
            return None
        start = after + 1 - self._recent[0].position
        return [self._recent[one] for one in range(start, min(len(self._recent), start + limit))]

    def table(self, name: str) -> str:
        """Return the table that a name means."""
        return self.aliases.get(name, name)
