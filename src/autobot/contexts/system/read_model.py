"""The read side: rows, their history, the log, health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from autobot.contexts.system.ports import Facts, HealthBoard, LinkControl
from autobot.contracts import system
from autobot.contracts.chat import Page
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import InvalidInput, NotFound
from autobot.kernel.event_store.audit_chain import GENESIS, verify
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.documents import event_document, is_json
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection
from autobot.kernel.event_store.transaction import Filter

AUDIT_PAGE: Final = 5_000


class SystemQueries:
    """One method a query."""

    def __init__(
        self, store: EventStore, codec: EventCodec, control: LinkControl, health: HealthBoard, facts: Facts
    ) -> None:
        self._store, self._codec, self._control = store, codec, control
        self._health, self._facts = health, facts

    async def links(self, query: system.ListLinks, context: CallContext) -> Page[Mapping[str, Any]]:
        """Return every row."""
        return Page(items=tuple(self._control.describe()))

    async def link(self, query: system.GetLink, context: CallContext) -> Mapping[str, Any]:
        """Return one row."""
        for row in self._control.describe():
            if row["id"] == query.link:
                return row
        raise NotFound(f"The matrix has no row {query.link}.")

    async def history(self, query: system.LinkHistory, context: CallContext) -> Page[Mapping[str, Any]]:
        """Return a row's changes, newest first."""
        await self.link(system.GetLink(link=query.link), context)
        items = []
        for one in await self._store.read_stream(f"link-{query.link}"):
            event = self._codec.unwrap(one)
            if isinstance(event, system.LinkPolicyChanged | system.BreakerForced):
                items.append(
                    {
                        "position": one.position,
                        "at": rfc3339(one.message.time),
                        "by": event.by,
                        "reason": event.reason,
                        "change": event.fields
                        if isinstance(event, system.LinkPolicyChanged)
                        else {"breaker": event.action, "target": event.target, "seconds": event.seconds},
                    }
                )
        return Page(items=tuple(reversed(items)))

    async def events(self, query: system.ListEvents, context: CallContext) -> Page[Mapping[str, Any]]:
        """Return a page of the log; oldest first when `after` is given, else newest first."""
        place = decode_cursor(query.cursor, 1)
        if place is not None and not place[0].isdecimal():
            raise InvalidInput("This cursor was not made by this list.")
        forwards = query.after is not None
        start = int(place[0]) if place else (query.after or 0)
        found = await self._store.read_all(
            after=start,
            limit=query.limit + 1,
            where=Filter(
                types=(query.type,) if query.type else (),
                stream=query.stream,
                correlation_id=query.correlation_id,
                since=query.since,
                until=query.until,
            ),
            backwards=not forwards,
        )
        page = found[: query.limit]
        more = len(found) > query.limit
        return Page(
            items=tuple(event_document(one) for one in page),
            next_cursor=encode_cursor(str(page[-1].position)) if more else None,
        )

    async def event(self, query: system.ReadEvent, context: CallContext) -> system.EventRead:
        """Return one event as this version reads it. Raises NotFound."""
        found = await self._store.read_all(after=query.position - 1, limit=1)
        if not found or found[0].position != query.position:
            raise NotFound(f"The log has no position {query.position}.")
        message = found[0].message
        name, data = self._codec.today(message)
        return system.EventRead(
            position=query.position,
            stored_type=message.type,
            type=name,
            upcast=name != message.type,
            erased=message.erased,
            data=None if message.erased or not is_json(message.content_type) else _object(data),
        )

    async def health(self, query: system.GetHealth, context: CallContext) -> system.Health:
        """Return what the last probes said."""
        checks = tuple(self._health.checks())
        failing = [one for one in checks if one.state == "failing"]
        status: Any = "ok"
        if failing:
            status = "failing" if any(one.required for one in failing) else "degraded"
        return system.Health(status=status, checks=checks)

    async def info(self, query: system.GetInfo, context: CallContext) -> Mapping[str, Any]:
        """Return what runs here."""
        return self._facts.info()

    async def status(self, query: system.GetStatus, context: CallContext) -> Mapping[str, Any]:
        """Return counts."""
        return await self._facts.status()

    async def verify_audit(self, query: system.VerifyAudit, context: CallContext) -> system.AuditReport:
        """Recompute the chain from its beginning."""
        last, sequence, broken = GENESIS, 0, None
        while broken is None:
            records = await self._store.audit(after=sequence, limit=AUDIT_PAGE)
            if not records:
                break
            last, sequence, broken = verify(records, last, sequence)
        return system.AuditReport(
            sound=broken is None,
            records=sequence,
            last_hash=last,
            broken_at=broken.sequence if broken else None,
            reason=broken.reason if broken else "",
        )

    async def diagnostics(self, query: system.GetDiagnostics, context: CallContext) -> bytes:
        """Return the support bundle."""
        return await self._facts.diagnostics()


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None


def links_then(codec: EventCodec) -> Projection:
    """Return the read model: the run-time fields of rows, over what the files say."""
    types = (system.LinkPolicyChanged.TYPE,)
    return latest("links", types, codec.unwrap, prefix="link-", change=_policy_then)


def _policy_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    if not isinstance(event, system.LinkPolicyChanged):
        return before
    if event.fields is None:
        return None
    return {"fields": event.fields, "by": event.by, "reason": event.reason}
