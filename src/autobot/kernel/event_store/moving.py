"""A whole store as rows, so that one kind of store can be filled from another and proven equal to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from autobot.kernel.event_store.rows import Row

TABLES: Final[Mapping[str, tuple[tuple[str, ...], int]]] = {
    "events": (
        (
            "position",
            "stream",
            "revision",
            "committed",
            "id",
            "type",
            "correlation",
            "time",
            "hash",
            "meta",
            "data",
        ),
        1,
    ),
    "audit": (("sequence", "hash", "body"), 1),
    "answers": (("scope", "key", "fingerprint", "status", "body", "expires"), 2),
    "checkpoints": (("consumer", "position"), 1),
    "inbox": (("consumer", "source", "id", "handled"), 3),
    "documents": (("tbl", "key", "owner", "grp", "sort", "version", "body", "text"), 2),
    "snapshots": (("stream", "schema", "revision", "data"), 2),
    "aliases": (("name", "target"), 1),
}
"""Everything that a store keeps: by table the columns, and how many of the first ones are its key and order.

Times are microseconds since 1970, `text` is the document's indexed text or None, hashes and bodies are bytes; texts are
ordered by code point.
"""

_encode = msgspec.msgpack.Encoder().encode


class Source(Protocol):
    """A store that can be read whole while nobody writes to it."""

    def batches(self, table: str) -> Iterator[Sequence[Row]]:
        """Yield all rows of one of TABLES in the order of its key, some hundreds at a time."""
        ...


class RowsHash:
    """BLAKE2b-256 over rows in order, each as MessagePack with its length before it."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=32)
        self.rows = 0

    def add(self, row: Sequence[object]) -> None:
        """Take the next row."""
        body = _encode(tuple(row))
        self._digest.update(len(body).to_bytes(8, "big") + body)
        self.rows += 1

    def hexdigest(self) -> str:
        """Return the hash of all that was added."""
        return self._digest.hexdigest()
