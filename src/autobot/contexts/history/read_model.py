"""The read side: read models now and as they were, how the log lies in time, and what was done to read models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from autobot.contexts.history.ports import StoredChanges, Views, stream_of
from autobot.contracts import history, read_models
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import InvalidInput, NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.fold import position_of
from autobot.kernel.event_store.past import Past, difference, latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projecting import SKIPPED
from autobot.kernel.event_store.projection import Projection, Standing
from autobot.kernel.event_store.transaction import Document, Query

SHORTEST: Final = timedelta(milliseconds=1)
_encode: Final = msgspec.json.encode


class HistoryQueries:
    """One method a query."""

    def __init__(self, store: EventStore, past: Past, views: Views, clock: Clock) -> None:
        self._store, self._past, self._views, self._clock = store, past, views, clock

    async def models(self, query: history.ListReadModels, context: CallContext) -> history.ReadModels:
        """Return every read model with its place."""
        items = tuple([await self._model(one) for one in self._past.projections.values()])
        return history.ReadModels(items=items, head=await self._store.head())

    async def _model(self, one: Projection) -> history.ReadModel:
        view = self._views.get(one.name)
        if view is None:
            return history.ReadModel(
                name=one.name,
                version=one.version,
                tables=one.tables,
                state="folded",
                position=await self._store.head(),
                lag=0,
                skipped=0,
                reason="",
            )
        stands = await view.statistics()
        return history.ReadModel(
            name=one.name,
            version=one.version,
            tables=one.tables,
            state=stands.state,
            position=stands.position,
            lag=stands.lag,
            lag_seconds=await self._age(stands.position + 1) if stands.lag else 0.0,
            skipped=stands.skipped,
            reason=stands.reason,
            on_poison=await view.on_poison(),
            kept_by=view.kept_by,
            beside=_beside(stands.beside),
        )

    async def _age(self, position: int) -> float:
        """Return how many seconds ago an event was; clocks of others may be ahead."""
        at = await self._event_time(position)
        return 0.0 if at is None else max(0.0, (self._clock.now() - at).total_seconds())

    # ------------------------------------------------------------------------------------------ the past

    async def _moment(self, asked: history.Moment) -> tuple[int, str | None]:
        """Return the position of a moment, and when its event was."""
        head = await self._store.head()
        found = await position_of(self._store, at=asked.at, position=asked.position)
        position = head if found is None else min(found, head)
        return position, await self._time(position)

    async def _time(self, position: int) -> str | None:
        found = await self._event_time(position)
        return None if found is None else rfc3339(found)

    async def _event_time(self, position: int) -> datetime | None:
        if position < 1:
            return None
        found = await self._store.read_all(after=position - 1, limit=1)
        return found[0].message.time if found else None

    async def _rows(self, name: str, table: str, position: int) -> tuple[str, Mapping[str, Document]]:
        tables = await self._past.tables(name, position)
        chosen = table or self._past.projections[name].tables[0]
        return chosen, tables.rows(chosen)

    async def at(self, query: history.ReadModelAt, context: CallContext) -> history.PastPage:
        """Return a page of a table as it was, in the order of keys."""
        position, at = await self._moment(query.moment)
        table, rows = await self._rows(query.name, query.table, position)
        wanted = query.search.strip().casefold()
        keys = sorted(key for key, row in rows.items() if not wanted or _says(row, wanted))
        page, cursor = _page(keys, query.limit, query.cursor)
        return history.PastPage(
            name=query.name,
            table=table,
            position=position,
            at=at,
            total=len(keys),
            items=tuple(
                history.PastDocument(key=key, owner=rows[key].owner, document=dict(rows[key].document))
                for key in page
            ),
            next_cursor=cursor,
        )

    async def compare(self, query: history.CompareReadModel, context: CallContext) -> history.DifferencePage:
        """Return what differs between two moments."""
        position, at = await self._moment(query.before)
        to_position, to_at = await self._moment(query.after)
        if to_position < position:
            raise InvalidInput("The second moment lies before the first.")
        table, before = await self._rows(query.name, query.table, position)
        _, after = await self._rows(query.name, table, to_position)
        found = {key: (old, new) for key, old, new in difference(before, after)}
        added = sum(old is None for old, _ in found.values())
        removed = sum(new is None for _, new in found.values())
        page, cursor = _page(list(found), query.limit, query.cursor)
        return history.DifferencePage(
            name=query.name,
            table=table,
            position=position,
            at=at,
            to_position=to_position,
            to_at=to_at,
            added=added,
            removed=removed,
            changed=len(found) - added - removed,
            same=len(before) - removed - (len(found) - added - removed),
            items=tuple(_differs(key, *found[key]) for key in page),
            next_cursor=cursor,
        )

    # ------------------------------------------------------------------------------------------- the log

    async def density(self, query: history.GetDensity, context: CallContext) -> history.Density:
        """Return how the log lies in time: one search of the store for each part's end, no event is read."""
        head = await self._store.head()
        first, last = await self._event_time(1), await self._event_time(head)
        if first is None or last is None:
            return history.Density(since=None, until=None, head=0, before=0, positions=())
        since, until = query.since or first, query.until or last
        if until < since:
            raise InvalidInput("`until` lies before `since`.")
        step = max(until - since, SHORTEST) / query.buckets
        ends = [since + step * (part + 1) for part in range(query.buckets)]
        positions = [min(head, await self._store.position_at(end)) for end in ends]
        if query.until is None:
            # An event's own time is read before its commit: the last ones belong to the last part.
            positions[-1] = head
        before = await self._store.position_at(since - SHORTEST)
        return history.Density(
            since=rfc3339(since),
            until=rfc3339(ends[-1]),
            head=head,
            before=before,
            positions=tuple(positions),
        )


class ChangeQueries:
    """What was done to read models, and which events they left out."""

    def __init__(self, store: EventStore, stored: StoredChanges, past: Past) -> None:
        self._store, self._stored, self._past = store, stored, past

    def _require(self, name: str) -> None:
        if name not in self._past.projections:
            known = ", ".join(sorted(self._past.projections))
            raise NotFound(f"There is no read model {name}; there are: {known}.")

    async def page(
        self, query: read_models.ListReadModelChanges, context: CallContext
    ) -> read_models.ReadModelChanges:
        """Return a page of changes, the newest first."""
        self._require(query.name)
        place = decode_cursor(query.cursor, 2)
        found = await self._stored.page(query.name, (place[0], place[1]) if place else None, query.limit + 1)
        items = tuple(found[: query.limit])
        more = len(found) > query.limit
        return read_models.ReadModelChanges(
            items=items, next_cursor=encode_cursor(items[-1].asked_at, items[-1].id) if more else None
        )

    async def change(
        self, query: read_models.GetReadModelChange, context: CallContext
    ) -> read_models.ReadModelChange:
        """Return one change."""
        found, _ = await self._stored.load(query.id)
        return found

    async def skipped(
        self, query: read_models.ListSkippedEvents, context: CallContext
    ) -> read_models.SkippedEvents:
        """Return a page of the skip-list."""
        self._require(query.name)
        place = decode_cursor(query.cursor, 1)
        found = await self._store.query(
            Query(
                table=SKIPPED,
                group=query.name,
                after=(place[0], place[0]) if place else None,
                limit=query.limit + 1,
            )
        )
        page = found[: query.limit]
        return read_models.SkippedEvents(
            items=tuple(
                read_models.SkippedEvent(
                    position=one.document["position"],
                    event_id=one.document["event_id"],
                    type=one.document["type"],
                    version=one.document["version"],
                    reason=one.document["reason"],
                )
                for one in page
            ),
            next_cursor=encode_cursor(page[-1].key) if len(found) > query.limit else None,
        )


def _beside(stands: Standing) -> history.Beside:
    parity = stands.parity
    return history.Beside(
        generation=stands.generation,
        candidate=stands.candidate,
        candidate_position=stands.candidate_position,
        ready=stands.ready,
        previous=stands.previous,
        refused=stands.refused,
        parity=None
        if parity is None
        else history.Parity(
            generation=parity.generation,
            position=parity.position,
            equal=parity.equal,
            tables=tuple(
                history.TableParity(
                    table=one.table,
                    equal=one.equal,
                    documents=one.documents_before,
                    hash=one.hash_before,
                    candidate_documents=one.documents,
                    candidate_hash=one.hash,
                )
                for one in parity.tables
            ),
        ),
    )


def _says(row: Document, wanted: str) -> bool:
    return wanted in row.key.casefold() or wanted in _encode(row.document).decode().casefold()


def _page(keys: list[str], limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """Return the page after a cursor, and the next one; a document that is gone meanwhile moves nothing."""
    place = decode_cursor(cursor, 1)
    rest = [key for key in keys if key > place[0]] if place else keys
    page = rest[:limit]
    return page, encode_cursor(page[-1]) if len(rest) > limit else None


def _differs(key: str, before: Document | None, after: Document | None) -> history.Difference:
    change: Any = "added" if before is None else "removed" if after is None else "changed"
    return history.Difference(
        key=key,
        change=change,
        before=None if before is None else dict(before.document),
        after=None if after is None else dict(after.document),
    )


def changes_then(codec: EventCodec) -> Projection:
    """Return the read model of what was done to read models: the last change of each."""
    types = tuple(one.TYPE for one in read_models.EVENTS)
    return latest("read_model_changes", types, codec.unwrap, prefix=stream_of(""), change=_then)


def _then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case read_models.ReadModelChangeRequested():
            by = event.principal.get("username") or event.principal["id"]
            return {"act": event.act, "status": "accepted", "reason": event.reason, "asked_by": by}
        case read_models.ReadModelChangeEnded():
            return {**before, "act": event.act, "status": event.status}
    return before
