"""Refusals before the handler: counted per principal, address and minute, written at most once a second.

A flood of forbidden calls must leave a trace and must not become a flood of disk writes.
"""

from __future__ import annotations

from datetime import datetime

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import AuditEntry, Transaction

_KINDS_MAX = 10_000
"""Distinct refusals held between two flushes; beyond it the least informative part (address) is dropped."""


class Refusals:
    """Collects refusals; `flush` writes them as audit entries with a count."""

    def __init__(self, store: EventStore, clock: Clock, ids: IdSource) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self._counts: dict[tuple[str, str, str, str, str, datetime], tuple[int, str]] = {}

    def note(self, context: CallContext, action: str, code: str) -> None:
        """Count one refusal. Never blocks."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        client = context.client if len(self._counts) < _KINDS_MAX else ""
        key = (context.principal.id, context.principal.tenant, client, action, code, minute)
        count, correlation_id = self._counts.get(key, (0, context.correlation_id))
        self._counts[key] = (count + 1, correlation_id)

    async def flush(self) -> int:
        """Write what was collected; returns how many entries. Keeps them when the store refuses."""
        taken, self._counts = self._counts, {}
        if not taken:
            return 0
        entries = tuple(
            AuditEntry(
                id=self._ids.new(),
                time=minute,
                principal=principal,
                tenant=tenant,
                action=action,
                object="",
                outcome=code,
                payload_hash="",
                correlation_id=correlation_id,
                client=client,
                count=count,
            )
            for (principal, tenant, client, action, code, minute), (count, correlation_id) in taken.items()
        )
        try:
            await self._store.commit(Transaction(audit=entries))
        except BaseException:
            for key, (count, correlation_id) in taken.items():
                later, _ = self._counts.get(key, (0, ""))
                self._counts[key] = (later + count, correlation_id)
            raise
        return len(entries)
