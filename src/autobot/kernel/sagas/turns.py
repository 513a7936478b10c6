"""Whose turn it is among the runs of one serial key. Pure."""

from __future__ import annotations

from collections import deque


class Turns:
    """Runs of one key go one after the other, in the order in which they joined.

    One that was cut off halfway *keeps* its place: what comes behind it may depend on how it ends.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._kept: set[str] = set()

    def join(self, key: str, run_id: str) -> bool:
        """Take a run in, at the end or where its place was kept; say whether it is its turn."""
        queue = self._waiting.setdefault(key, deque())
        if run_id in self._kept:
            self._kept.discard(run_id)
        else:
            queue.append(run_id)
        return queue[0] == run_id

    def keep(self, run_id: str) -> None:
        """Note that a run whose turn it is stops, and comes back."""
        self._kept.add(run_id)

    def keeps(self, run_id: str) -> bool:
        """Say whether a run's place waits for it."""
        return run_id in self._kept

    def leave(self, key: str) -> str | None:
        """Let the run go whose turn it is; return the next one, None when nobody waits. Raises KeyError for an unused key."""
        queue = self._waiting[key]
        self._kept.discard(queue.popleft())
        if queue:
            return queue[0]
        del self._waiting[key]
        return None

    def first(self) -> tuple[str, ...]:
        """Return whose turn it is, one for each key."""
        return tuple(queue[0] for queue in self._waiting.values())
