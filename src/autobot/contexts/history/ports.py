"""What the context needs of the runners of read models, and its own stored changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from autobot.contracts.read_models import ReadModelChange
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query
from autobot.kernel.messaging.keeping import Keeper

CHANGES: Final = "history.changes"


Views = Mapping[str, Keeper]
"""The stored read models by name, whichever process keeps them."""


class StoredChanges:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def load(self, change_id: str) -> tuple[ReadModelChange, int]:
        """Return a change and the version of its row. Raises NotFound."""
        row = await self._store.get(CHANGES, change_id)
        if row is None:
            raise NotFound(f"There is no change {change_id}.")
        return msgspec.convert(row.document, ReadModelChange), row.version

    async def page(self, name: str, after: tuple[str, str] | None, limit: int) -> Sequence[ReadModelChange]:
        """Return a read model's changes, the newest first; `after` is (asked_at, id) of the last one seen."""
        found = await self._store.query(
            Query(table=CHANGES, group=name, after=after, limit=limit, order="descending")
        )
        return [msgspec.convert(one.document, ReadModelChange) for one in found]


def stream_of(name: str) -> str:
    """Return the stream of what is done to a read model."""
    return f"read-model-{name}"


def put_change(change: ReadModelChange, version: int) -> Put:
    """Write a change, unless it moved on meanwhile."""
    document: dict[str, Any] = msgspec.to_builtins(change)
    return Put(
        table=CHANGES,
        key=change.id,
        document=document,
        group=change.name,
        sort=change.asked_at,
        expected=version,
    )
