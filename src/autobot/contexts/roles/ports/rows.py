"""What the context reads and writes, and what a process says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from autobot.contexts.roles.domain import TABLE, Instance, instance_of, stream_of
from autobot.contracts.roles import RoleChild
from autobot.kernel.commands.speech import Contracts
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import Event, EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    Append,
    Condition,
    Delete,
    Document,
    Put,
    Query,
    Transaction,
)

PAGE: Final = 500
Within = Callable[[], tuple[tuple[RoleChild, ...], int | None]]
"""Returns the processes that this one started, and the resident bytes of its own, None where the system does not tell."""


async def members(store: EventStore) -> list[tuple[Instance, Document]]:
    """Return every row of the table."""
    found: list[tuple[Instance, Document]] = []
    after: tuple[str, str] | None = None
    while True:
        page = await store.query(Query(table=TABLE, after=after, limit=PAGE))
        found += [(instance_of(one.document), one) for one in page]
        if len(page) < PAGE:
            return found
        after = (page[-1].sort, page[-1].key)


def put(row: Instance, version: int) -> Put:
    """Return the write of a row that holds on the version that was read (0: there was none)."""
    return Put(
        table=TABLE,
        key=row.id,
        document=msgspec.to_builtins(row),
        group=row.role,
        sort=f"{row.role} {row.id}",
        expected=version,
    )


class Rows:
    """Makes the transactions that change a row, with the facts that explain them. `context` stands in the facts."""

    def __init__(self, codec: EventCodec, context: CallContext) -> None:
        self._codec, self._context = codec, context

    def written(self, row: Instance, version: int, facts: Iterable[Event] = ()) -> Transaction:
        """Return the write of a row whose `revision` counts these facts already."""
        stream, wrapped = stream_of(row.id), self._wrapped(row.id, facts)
        if wrapped:
            append = Append(stream=stream, expected=row.revision - len(wrapped), events=wrapped)
            return Transaction(appends=(append,), writes=(put(row, version),))
        # Versions begin anew with a row that was taken away; what was decided meanwhile stands in the stream.
        held = Condition(stream=stream, expected=row.revision)
        return Transaction(conditions=(held,), writes=(put(row, version),))

    def removed(self, row: Instance, facts: Iterable[Event] = ()) -> Transaction:
        """Return the removal of a row about which nothing was said since `row.revision`."""
        stream, wrapped = stream_of(row.id), self._wrapped(row.id, facts)
        gone = (Delete(table=TABLE, key=row.id),)
        if wrapped:
            append = Append(stream=stream, expected=row.revision, events=wrapped)
            return Transaction(appends=(append,), writes=gone)
        return Transaction(conditions=(Condition(stream=stream, expected=row.revision),), writes=gone)

    def _wrapped(self, instance: str, facts: Iterable[Event]) -> tuple[Message, ...]:
        return tuple(self._codec.wrap(one, stream_of(instance), self._context) for one in facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """What a process says of itself. `id` is the same after a restart, and nobody else's as far as it knows.

    `contracts` is the fingerprint of what it `speaks`, `key_mark` tells its service key from others; all three are empty
    where nobody else is there to compare. `grpc` is where it takes calls over gRPC, "" for nowhere; `carries` are the
    transports by which it can take and make calls, each by the matrix's word.
    """

    id: str
    role: str
    address: str
    version: str
    contracts: str
    host: str
    pid: int
    speaks: Contracts | None = None
    key_mark: str = ""
    grpc: str = ""
    carries: tuple[str, ...] = ("http",)
