"""Vectors of texts that were computed before, the last used ones up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

ENTRY_BYTES: Final = 160
"""What an entry takes besides its vector, about."""


@dataclass(frozen=True, slots=True)
class Known:
    """A vector as bytes, the tokens that were read for it, and whether some were left out."""

    row: bytes
    tokens: int
    cut: bool


class KnownVectors:
    """Keeps what was computed. A text is kept by its mark alone (BLAKE2b, RFC 7693): its words are nowhere."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._found: OrderedDict[tuple[str, bytes], Known] = OrderedDict()
        self.hits = 0

    def get(self, slot: str, text: str) -> Known | None:
        """Return what is known of a text, None when nothing is."""
        key = _key(slot, text)
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
            self.hits += 1
        return found

    def put(self, slot: str, text: str, known: Known) -> None:
        """Keep a vector; the ones that were not used for longest make room."""
        size = len(known.row) + ENTRY_BYTES
        key = _key(slot, text)
        if size > self._most or key in self._found:
            return
        self._found[key] = known
        self._bytes += size
        while self._bytes > self._most:
            _, gone = self._found.popitem(last=False)
            self._bytes -= len(gone.row) + ENTRY_BYTES


def _key(slot: str, text: str) -> tuple[str, bytes]:
    return slot, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
