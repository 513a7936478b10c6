"""Read models as they were: the log, folded up to a position through a projection into a copy in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from autobot.kernel.core.errors import AutoBotError, DataCorrupt, NotFound
from autobot.kernel.event_store.erasures import erasures
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Policy, Projection, Write, stops
from autobot.kernel.event_store.transaction import Delete, Document, Filter, Put, Query, Recorded

PAGE: Final = 500
"""Events of one read; other work of the process goes on between two reads."""
KEEP_EVERY: Final = 10_000
"""Events of a read model after which a fold keeps a copy on its way, so that no later one begins at nothing."""
COPIES: Final = 24
DOCUMENTS: Final = 200_000
"""Documents that all kept copies hold together; the copies used longest ago go first."""


class PastTables:
    """A read model's tables at `position`, in memory. `apply` of the projection reads them as its own."""

    def __init__(self, tables: Mapping[str, dict[str, Document]], position: int) -> None:
        self._tables, self.position = dict(tables), position

    def copy(self) -> PastTables:
        """Return tables of their own; documents are values and shared."""
        return PastTables({name: dict(rows) for name, rows in self._tables.items()}, self.position)

    @property
    def documents(self) -> int:
        """How many there are in all tables."""
        return sum(map(len, self._tables.values()))

    def rows(self, table: str) -> Mapping[str, Document]:
        """Return a table by key. Raises NotFound when the read model has no such table."""
        found = self._tables.get(table)
        if found is None:
            raise NotFound(f"There is no table {table}; there are: {', '.join(sorted(self._tables))}.")
        return found

    async def get(self, table: str, key: str) -> Document | None:
        """Return one document."""
        return self.rows(table).get(key)

    async def query(self, query: Query) -> Sequence[Document]:
        """Return a page of documents, as the store would. `text` is not kept here: ValueError."""
        if query.text is not None:
            raise ValueError("the past keeps no full text")
        found = [
            one
            for one in self.rows(query.table).values()
            if (query.owner is None or one.owner == query.owner)
            and (query.group is None or one.group == query.group)
        ]
        down = query.order == "descending"
        found.sort(key=_place, reverse=down)
        if query.after is not None:
            after = query.after
            found = [one for one in found if (_place(one) < after if down else _place(one) > after)]
        return found[: query.limit]

    def write(self, writes: Iterable[Write]) -> None:
        """Take what one event causes, as it would be read back: with JSON's types."""
        for one in writes:
            rows = self._tables[one.table]
            if isinstance(one, Put):
                body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(one.document))
                before = rows.get(one.key)
                rows[one.key] = Document(
                    key=one.key,
                    document=body,
                    owner=one.owner,
                    group=one.group,
                    sort=one.sort,
                    version=1 if before is None else before.version + 1,
                )
            else:
                rows.pop(one.key, None)


def _place(one: Document) -> tuple[str, str]:
    return one.sort, one.key


class Past:
    """Answers what read models were at a position of the log.

    The first question folds all events that the projection wants, up to the position: its cost grows with
    them. Copies are kept on the way (`KEEP_EVERY`) and at each answer, at most `COPIES` with `DOCUMENTS`
    documents, and the next question begins at the nearest copy below it: while a slider moves, a step costs
    the events between. A question that is cancelled leaves its copies, so asking again goes on from there.

    What was erased from the log is not in its past either: `forget` drops every copy and is called by
    whoever erases here; a fold that was under way then keeps none. What other processes erase is seen by the
    store's count of erasures before any copy is used.
    """

    def __init__(
        self, store: EventStore, projections: Iterable[Projection], on_poison: Policy = stops
    ) -> None:
        self._store, self._on_poison = store, on_poison
        self.projections = {one.name: one for one in projections}
        self._copies: OrderedDict[tuple[str, int], PastTables] = OrderedDict()
        self._folding = asyncio.Lock()
        self._erasures = self._counted = 0
        self.folded = 0

    def forget(self) -> None:
        """Drop all copies: something was erased."""
        self._copies.clear()
        self._erasures += 1

    @property
    def kept(self) -> int:
        """How many copies there are."""
        return len(self._copies)

    async def tables(self, name: str, position: int) -> PastTables:
        """Return the tables as they were when the event at `position` was the last.

        Not to be changed by the caller. Raises NotFound for an unknown read model, DataCorrupt for an event
        that its projection cannot take and does not skip.
        """
        projection = self.projections.get(name)
        if projection is None:
            known = ", ".join(sorted(self.projections))
            raise NotFound(f"There is no read model {name}; there are: {known}.")
        async with self._folding:
            counted = await erasures(self._store)
            if counted != self._counted:
                self._counted = counted
                self.forget()
            return await self._fold(projection, min(position, await self._store.head()))

    async def _fold(self, projection: Projection, until: int) -> PastTables:
        erasures, tables, taken = self._erasures, self._nearest(projection, until), 0
        where = Filter(types=projection.types)
        while tables.position < until:
            page = await self._store.read_all(after=tables.position, limit=PAGE, where=where)
            for recorded in page:
                if recorded.position > until:
                    break
                await self._apply(projection, recorded, tables)
                tables.position = recorded.position
                taken += 1
                self.folded += 1
                if taken % KEEP_EVERY == 0 and self._erasures == erasures:
                    self._keep(projection.name, tables.copy())
            if len(page) < PAGE or page[-1].position > until:
                tables.position = until
        if self._erasures == erasures:
            self._keep(projection.name, tables)
        return tables

    async def _apply(self, projection: Projection, recorded: Recorded, tables: PastTables) -> None:
        try:
            tables.write(await projection.apply(recorded, tables))
        except Exception as error:
            if await self._on_poison() == "skip":
                return
            reason = error.detail if isinstance(error, AutoBotError) else f"{type(error).__name__}: {error}"
            raise DataCorrupt(f"Event {recorded.position} stops {projection.name}: {reason}") from error

    def _nearest(self, projection: Projection, until: int) -> PastTables:
        """Return tables to go on with: an own copy of the nearest ones, or empty ones."""
        below = [at for name, at in self._copies if name == projection.name and at <= until]
        if not below:
            return PastTables({table: {} for table in projection.tables}, 0)
        found = self._copies[projection.name, max(below)]
        self._copies.move_to_end((projection.name, max(below)))
        return found if found.position == until else found.copy()

    def _keep(self, name: str, tables: PastTables) -> None:
        self._copies[name, tables.position] = tables
        self._copies.move_to_end((name, tables.position))
        while len(self._copies) > COPIES or sum(one.documents for one in self._copies.values()) > DOCUMENTS:
            self._copies.popitem(last=False)


Change = tuple[str, Document | None, Document | None]
"""Key, before, after; None where there is no document."""


def difference(before: Mapping[str, Document], after: Mapping[str, Document]) -> Sequence[Change]:
    """Return the documents that were added, removed or changed, in the order of their keys."""
    found: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None or old.document != new.document or old.owner != new.owner:
            found.append((key, old, new))
    return found


def latest(
    name: str,
    types: tuple[str, ...],
    unwrap: Callable[[Recorded], Any],
    *,
    prefix: str,
    change: Callable[[dict[str, Any], Any], dict[str, Any] | None],
) -> Projection:
    """Return a read model of one document a stream, keyed by the stream without `prefix`.

    `change` returns the document after an event from the one before it (empty for none), or None to remove
    it; for an event that changes nothing it returns what it got.
    """

    async def apply(recorded: Recorded, reader: Any) -> Sequence[Write]:
        key = recorded.stream.removeprefix(prefix)
        stored = await reader.get(name, key)
        before = dict(stored.document) if stored else {}
        after = change(before, unwrap(recorded))
        if after is None:
            return (Delete(table=name, key=key),)
        if after == before:
            # An unknown or erased fact is no news.
            return ()
        return (Put(table=name, key=key, document=after, sort=key),)

    return Projection(name=name, types=types, tables=(name,), apply=apply)
