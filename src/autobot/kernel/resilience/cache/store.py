"""The cache's store: entries with freshness, tags and a bounded size. Pure, with time by argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from autobot.kernel.core.chance import Chance
from autobot.kernel.resilience.cache.options import CacheOptions


class Entry:
    """One answer. Fresh before `fresh_until`; after it usable while refreshing, or instead of an error."""

    __slots__ = (
        "fresh_until",
        "full_key",
        "quick_keys",
        "refresh_until",
        "rescue_until",
        "tags",
        "value",
        "weight",
    )

    def __init__(self, full_key: str, value: Any, tags: tuple[str, ...], weight: int = 1) -> None:
        self.weight = weight
        self.full_key = full_key
        self.value = value
        self.tags = tags
        self.quick_keys: list[bytes] = []
        self.fresh_until = self.refresh_until = self.rescue_until = 0.0


_QUICK_PER_ENTRY = 4


class Store:
    """Entries of one link, found by full key or by one of a few quick keys; the least recently used leave first.

    Contract: used from one event loop; no method waits. `epoch` grows with each invalidation, so that an
    answer asked for before one is not kept after it.
    """

    __slots__ = (
        "_chance",
        "_cleared",
        "_entries",
        "_invalidated",
        "_options",
        "_quick",
        "_tagged",
        "_weight",
        "epoch",
    )

    def __init__(self, options: CacheOptions, chance: Chance) -> None:
        self._options = options
        self._chance = chance
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._quick: dict[bytes, Entry] = {}
        self._tagged: dict[str, set[str]] = {}
        self._invalidated: dict[str, int] = {}
        self._cleared = 0
        self._weight = 0
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def reconfigure(self, options: CacheOptions) -> None:
        """Go on under new options; entries under another scope are dropped, the others keep their times."""
        if options.scope != self._options.scope:
            self.clear()
        self._options = options
        self._shrink()

    def quick(self, key: bytes) -> Entry | None:
        """Return the entry found by a quick key, of whatever age."""
        entry = self._quick.get(key)
        if entry is not None:
            self._entries.move_to_end(entry.full_key)
        return entry

    def full(self, key: str, quick_key: bytes | None) -> Entry | None:
        """Return the entry found by the full key, and remember the quick one for the next time."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            self._know(entry, quick_key)
        return entry

    def _know(self, entry: Entry, quick_key: bytes | None) -> None:
        if (
            quick_key is not None
            and quick_key not in self._quick
            and len(entry.quick_keys) < _QUICK_PER_ENTRY
        ):
            entry.quick_keys.append(quick_key)
            self._quick[quick_key] = entry

    def put(
        self,
        key: str,
        quick_key: bytes | None,
        value: Any,
        tags: tuple[str, ...],
        now: float,
        asked_in: int,
        weight: int = 1,
    ) -> None:
        """Keep an answer that was asked for in epoch `asked_in`, unless one of its tags, or all, was invalidated since.

        `weight` is how many entries it counts as; one that alone is more than the store takes is not kept.
        """
        if self._cleared > asked_in or any(self._invalidated.get(tag, 0) > asked_in for tag in tags):
            return
        options = self._options
        if options.ttl <= 0.0:
            return
        self._remove(key)
        entry = Entry(key, value, tags, weight)
        self._weight += weight
        fresh = options.ttl * (1.0 - options.jitter * self._chance.random())
        entry.fresh_until = now + fresh
        entry.refresh_until = entry.fresh_until + options.stale_while_revalidate
        entry.rescue_until = entry.fresh_until + options.stale_if_error
        self._entries[key] = entry
        self._know(entry, quick_key)
        for tag in tags:
            self._tagged.setdefault(tag, set()).add(key)
        self._shrink()

    def invalidate(self, tags: Iterable[str]) -> int:
        """Drop every entry with one of `tags`; return how many."""
        self.epoch += 1
        dropped = 0
        for tag in tags:
            self._invalidated[tag] = self.epoch
            for key in list(self._tagged.get(tag, ())):
                dropped += self._remove(key)
        return dropped

    def clear(self) -> None:
        """Drop everything, and keep no answer that was asked for before."""
        self.epoch += 1
        self._cleared = self.epoch
        for key in list(self._entries):
            self._remove(key)

    def _shrink(self) -> None:
        while self._weight > self._options.max_entries:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: str) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._weight -= entry.weight
        for quick_key in entry.quick_keys:
            del self._quick[quick_key]
        for tag in entry.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]
        return True
