"""Erasures are counted in the store, so that every process that keeps copies of what was there drops them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Transaction

TABLE: Final = "system.erasures"
KEY: Final = "last"


def counted(transaction: Transaction) -> Transaction:
    """Return a transaction that counts, too, when it erases."""
    if not transaction.erase:
        return transaction
    mark = Put(table=TABLE, key=KEY, document={"streams": len(transaction.erase)})
    return replace(transaction, writes=(*transaction.writes, mark))


async def erasures(store: EventStore) -> int:
    """Return how many transactions have erased something so far: the mark's version is their count."""
    found = await store.get(TABLE, KEY)
    return 0 if found is None else found.version
