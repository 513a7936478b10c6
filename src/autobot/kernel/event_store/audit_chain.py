"""The audit chain: each record's hash covers the one before it, so a change anywhere breaks all that follows.

hash(n) = BLAKE2b-256(hash(n-1) as 32 bytes ‖ body(n)), hash(0) = 32 zero bytes, and body is the MessagePack
array of the entry's fields in the order of `body`, then the payload hashes (32 bytes each) of the events that
its transaction appended. Erasing a payload leaves its hash, so an erased log still verifies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

import msgspec

from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.event_store.transaction import AuditEntry, AuditRecord

GENESIS: Final = "0" * 64
"""What the first record's `previous` is."""

_Body = tuple[str, datetime, str, str, str, str, str, str, str, str, str, int, tuple[bytes, ...]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


def payload_hash(data: bytes) -> str:
    """Return the hash of an event's payload, kept when the payload is erased."""
    return blake2b(data, digest_size=32).hexdigest()


def body(entry: AuditEntry, event_hashes: tuple[bytes, ...]) -> bytes:
    """Return the bytes that the chain covers; the same for equal records, whichever version wrote them."""
    return _encode(
        (
            entry.id,
            entry.time.astimezone(UTC),
            entry.principal,
            entry.tenant,
            entry.action,
            entry.object,
            entry.outcome,
            entry.payload_hash,
            entry.correlation_id,
            entry.client,
            entry.reason,
            entry.count,
            event_hashes,
        )
    )


def parse(stored: bytes) -> tuple[AuditEntry, tuple[str, ...]]:
    """Return the entry and the event hashes of a body. Raises DataCorrupt when it is none."""
    try:
        fields = _decode(stored)
    except msgspec.MsgspecError as error:
        raise DataCorrupt(f"An audit record does not decode: {error}.") from error
    entry = AuditEntry(
        id=fields[0],
        time=fields[1],
        principal=fields[2],
        tenant=fields[3],
        action=fields[4],
        object=fields[5],
        outcome=fields[6],
        payload_hash=fields[7],
        correlation_id=fields[8],
        client=fields[9],
        reason=fields[10],
        count=fields[11],
    )
    return entry, tuple([one.hex() for one in fields[12]])


def digest(previous: bytes, stored: bytes) -> bytes:
    """Return the 32-byte hash of a record from the hash before it and its body."""
    return blake2b(previous + stored, digest_size=32).digest()


def link(previous: str, entry: AuditEntry, event_hashes: tuple[str, ...]) -> str:
    """Return the hash of a record as hex."""
    hashes = tuple([bytes.fromhex(one) for one in event_hashes])
    return digest(bytes.fromhex(previous), body(entry, hashes)).hex()


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and why."""

    sequence: int
    reason: str


def verify(
    records: Iterable[AuditRecord], previous: str = GENESIS, sequence: int = 0
) -> tuple[str, int, Break | None]:
    """Recompute a chain from (`previous`, `sequence`) on; return the last hash and sequence, and the first break.

    A chain that was cut at its end still verifies: compare the last sequence and hash with ones noted
    elsewhere (a backup's manifest has them).
    """
    for record in records:
        if record.sequence != sequence + 1:
            return previous, sequence, Break(sequence + 1, "the record is missing")
        if record.previous != previous:
            return previous, sequence, Break(record.sequence, "it does not follow the record before it")
        if record.hash != link(previous, record.entry, record.event_hashes):
            return previous, sequence, Break(record.sequence, "its content was changed")
        previous, sequence = record.hash, record.sequence
    return previous, sequence, None
