"""One hash over a table, so that two copies of a read model can be compared."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Query

PAGE: Final = 500
_encode = msgspec.json.Encoder(order="sorted").encode


class TableHash:
    """BLAKE2b-256 over the documents of a table in the order of (`sort`, `key`), each with its length before it.

    Versions do not count: a read model that was rebuilt has fewer writes behind it and is the same.
    """

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=32)
        self.documents = 0

    def add(self, document: Document) -> None:
        """Take the next document."""
        body = _encode((document.sort, document.key, document.owner, document.group, document.document))
        self._digest.update(len(body).to_bytes(8, "big") + body)
        self.documents += 1

    def hexdigest(self) -> str:
        """Return the hash of all that was added."""
        return self._digest.hexdigest()


async def table_hash(store: EventStore, table: str) -> tuple[int, str]:
    """Return how many documents `table` has and the hash over them. Nobody should write to it meanwhile."""
    digest = TableHash()
    after: tuple[str, str] | None = None
    while True:
        page = await store.query(Query(table=table, after=after, limit=PAGE))
        for one in page:
            digest.add(one)
        if len(page) < PAGE:
            return digest.documents, digest.hexdigest()
        after = (page[-1].sort, page[-1].key)
