"""Proves a store against itself: the audit chain, the payloads' hashes, and that the chain's events are in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from autobot.kernel.event_store.audit_chain import GENESIS, payload_hash, verify
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import AuditRecord, Recorded

PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was proven, and the first thing that does not hold (empty when all does).

    `last_hash` is the chain's end: compare it with one noted elsewhere to see that nothing was cut off.
    """

    records: int
    last_hash: str
    events: int
    broken: str = ""

    @property
    def sound(self) -> bool:
        """Whether everything holds."""
        return not self.broken


async def verify_store(store: EventStore) -> Verified:
    """Recompute every hash of the audit chain and of every payload that was not erased, reading the whole log."""
    records, last, broken = 0, GENESIS, ""
    events = _Events(store)
    before: tuple[str, ...] = ()
    while not broken and (page := await store.audit(after=records, limit=PAGE)):
        last, records, found = verify(page, last, records)
        if found is not None:
            broken = f"The audit chain breaks at record {found.sequence}: {found.reason}."
            break
        for record in page:
            # Several records of one transaction name the same events.
            if record.event_hashes != before and not await events.go_past(record):
                broken = f"An event that audit record {record.sequence} covers is not in the log as it was."
                break
            before = record.event_hashes
    await events.to_the_end()
    return Verified(records=records, last_hash=last, events=events.count, broken=events.broken or broken)


class _Events:
    """Walks through the log once, checking each event, as far as the audit records demand."""

    def __init__(self, store: EventStore) -> None:
        self.count, self.broken = 0, ""
        self._walk = self._checked(store)

    async def _checked(self, store: EventStore) -> AsyncIterator[Recorded]:
        while page := await store.read_all(after=self.count, limit=PAGE):
            for one in page:
                if one.position != self.count + 1:
                    self.broken = self.broken or f"Event {self.count + 1} is missing."
                    return
                self.count += 1
                if not one.message.erased and payload_hash(one.message.data) != one.payload_hash:
                    self.broken = self.broken or f"The payload of event {one.position} was changed."
                yield one

    async def go_past(self, record: AuditRecord) -> bool:
        """Walk past the events of a record; False when the log has them nowhere further on."""
        for wanted in record.event_hashes:
            async for one in self._walk:
                if one.payload_hash == wanted:
                    break
            else:
                return False
        return True

    async def to_the_end(self) -> None:
        """Check what is left."""
        async for _ in self._walk:
            continue
