"""Which groups a person holds: kept in the store, so that a hold outlives the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec

from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Put, Query

HOLDS: Final = "consumer_holds"
MOST: Final = 1_000
"""Groups that are read at once; a product has a few dozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A person's word that a group gets nothing for now. `since` is RFC 3339."""

    group: str
    reason: str
    by: str
    since: str

    @property
    def told(self) -> str:
        """The hold in one line."""
        return told(self.by, self.reason)


def told(by: str, reason: str) -> str:
    """Return a hold in one line."""
    return f"Held by {by}: {reason}"


def put(hold: Hold) -> Put:
    """Return the write that holds a group."""
    return Put(table=HOLDS, key=hold.group, document=asdict(hold))


def delete(group: str) -> Delete:
    """Return the write that lets a group go on."""
    return Delete(table=HOLDS, key=group)


async def hold_of(store: EventStore, group: str) -> Hold | None:
    """Return the hold of a group, None when nobody holds it."""
    found = await store.get(HOLDS, group)
    return None if found is None else _read(found.document)


async def all_holds(store: EventStore) -> Sequence[Hold]:
    """Return every hold."""
    return [_read(one.document) for one in await store.query(Query(table=HOLDS, limit=MOST))]


def _read(document: Any) -> Hold:
    return msgspec.convert(dict(document), Hold)
