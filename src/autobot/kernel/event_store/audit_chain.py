"""The audit chain: each record's hash covers the one before it, so a change anywhere breaks all that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from autobot.kernel.event_store.transaction import AuditEntry, AuditRecord

GENESIS: Final = "0" * 64
"""What the first record's `previous` is."""

_encoder = msgspec.json.Encoder(order="sorted")


def payload_hash(data: bytes) -> str:
    """Return the hash of an event's payload, kept when the payload is erased."""
    return blake2b(data, digest_size=32).hexdigest()


def link(previous: str, entry: AuditEntry, event_hashes: tuple[str, ...]) -> str:
    """Return the hash of a record: BLAKE2b-256 over the previous hash, the entry and its events' hashes."""
    return blake2b(_encoder.encode((previous, entry, event_hashes)), digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and why."""

    sequence: int
    reason: str


def verify(records: Iterable[AuditRecord], previous: str = GENESIS, sequence: int = 0) -> tuple[str, int, Break | None]:
    """Recompute a chain from (`previous`, `sequence`) on; return the last hash and sequence, and the first break."""
    for record in records:
        if record.sequence != sequence + 1:
            return previous, sequence, Break(sequence + 1, "the record is missing")
        if record.previous != previous:
            return previous, sequence, Break(record.sequence, "it does not follow the record before it")
        if record.hash != link(previous, record.entry, record.event_hashes):
            return previous, sequence, Break(record.sequence, "its content was changed")
        previous, sequence = record.hash, record.sequence
    return previous, sequence, None
