"""What the context needs: a validator, and its own stored state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from autobot.contexts.schemas.domain import ERRORS_MAX, RegisteredType, id_of, split, stream_of
from autobot.contracts import schemas
from autobot.kernel.core.compatibility import Mode
from autobot.kernel.core.errors import Conflict, FieldError, InvalidInput, NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Put, Query, Recorded
from autobot.kernel.messaging.schemas.document import Incomparable
from autobot.kernel.messaging.schemas.example import example

VERSIONS: Final = "schemas.versions"
RECEIVED: Final = "schemas.received"
PAGE: Final = 500


class SchemaValidator(Protocol):
    """Judges JSON by JSON Schema 2020-12, formats asserted.

    Contract: nothing is fetched: a reference that leaves the schema is a fault of the schema. Patterns take time
    linear in the text. Pointers are JSON Pointers without `#`; details speak of the fault, at most 300
    characters. Safe for schemas and data from outside.
    """

    def faults(self, schema: Any) -> Sequence[FieldError]:
        """Return why this is no usable schema, pointing into it; empty for a good one."""
        ...

    def errors(self, schema: Any, data: bytes) -> Sequence[FieldError]:
        """Return why JSON is not what a good schema says, pointing into it; bytes that are no JSON are one fault."""
        ...


def example_of(schema: dict[str, Any], validator: SchemaValidator) -> Any:
    """Return a message that a schema allows, with all members if possible; None when none was found."""
    for full in (True, False):
        try:
            found = example(schema, full=full)
        except Incomparable:
            return None
        if not validator.errors(schema, msgspec.json.encode(found)):
            return found
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSchemas:
    """The schemas that come with this version: by versioned type, and the mode that they keep."""

    mode: Mode
    by_type: Callable[[], Mapping[str, dict[str, Any]]]


class StoredSchemas:
    """Typed reads of the registry."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store, self._codec = store, codec

    async def load(self, name: str) -> RegisteredType:
        """Return a type as its stream says."""
        found = RegisteredType(name=name)
        while page := await self._store.read_stream(stream_of(name), after=found.revision):
            for one in page:
                found = found.apply(self._codec.unwrap(one))
        return found

    async def schema_of(self, event_type: str) -> Any:
        """Return the schema of a type's messages: of its version, or the newest for a name without one; else None."""
        name, version = split(event_type)
        if version is not None:
            row = await self.version(name, version)
            return None if row is None else row.document["schema"]
        newest = await self._store.query(Query(table=VERSIONS, group=name, limit=1, order="descending"))
        return newest[0].document["schema"] if newest else None

    async def version(self, name: str, version: int) -> Document | None:
        """Return the row of a version."""
        return await self._store.get(VERSIONS, key_of(name, version))

    async def rows(self, name: str | None = None) -> list[Document]:
        """Return the versions of all types (of one), in order."""
        found: list[Document] = []
        after: tuple[str, str] | None = None
        while True:
            page = await self._store.query(Query(table=VERSIONS, group=name, after=after, limit=PAGE))
            found += page
            if len(page) < PAGE:
                return found
            after = (page[-1].sort, page[-1].key)


class RegisteredTypes:
    """Judges data by the schemas that were registered, for contexts that change an event of such a type."""

    def __init__(self, stored: StoredSchemas, validator: SchemaValidator) -> None:
        self._stored, self._validator = stored, validator

    async def check_of(self, event_type: str) -> Callable[[bytes], None] | None:
        """Return what raises InvalidInput for data that the schema of a type does not allow; None without a schema."""
        schema = await self._stored.schema_of(event_type)
        if schema is None:
            return None

        def check(data: bytes) -> None:
            found = self._validator.errors(schema, data)
            if found:
                errors = tuple(
                    FieldError(detail=one.detail, pointer=f"#/data{one.pointer}")
                    for one in found[:ERRORS_MAX]
                )
                raise InvalidInput(
                    f"The data is not what the registered schema of {event_type} says.", errors=errors
                )

        return check


class Received:
    """Typed reads of what came from outside."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def content(self, event_id: str) -> str | None:
        """Return the fingerprint of an event that came before, None when it is new."""
        row = await self._store.get(RECEIVED, event_id)
        return None if row is None else str(row.document["content"])

    async def find(self, tenant: str, sent_id: str, source: str) -> Recorded:
        """Return an event by its sender's id. Raises NotFound, and Conflict when several senders used that id."""
        if source:
            row = await self._store.get(RECEIVED, id_of(tenant, source, sent_id))
            rows = [] if row is None else [row]
        else:
            found = await self._store.query(Query(table=RECEIVED, group=f"{tenant}/{sent_id}", limit=2))
            rows = list(found)
        if len(rows) > 1:
            raise Conflict(f"Several senders have an event {sent_id}.", hint="Say which with `?source=`.")
        events = await self._store.read_stream(received_stream(rows[0].key), limit=1) if rows else ()
        if not events:
            raise NotFound(f"There is no event {sent_id}.")
        return events[0]

    async def at(self, position: int) -> Recorded:
        """Return the event at a position. Raises NotFound."""
        found = await self._store.read_all(after=position - 1, limit=1) if position > 0 else ()
        if not found:
            raise NotFound(f"The log has no position {position}.")
        return found[0]


def received_stream(event_id: str) -> str:
    """Return the stream of an event from outside: its own, so that none waits for another."""
    return f"outside-{event_id}"


def key_of(name: str, version: int) -> str:
    """Return the key of a version's row; keys of one type are in the order of versions."""
    return f"{name}/{version:07d}"


def put_version(fact: schemas.SchemaRegistered, at: str) -> Put:
    """Write a version's row."""
    key = key_of(fact.type, fact.version)
    document = {
        "type": fact.type,
        "version": fact.version,
        "compatibility": fact.compatibility,
        "schema": fact.schema,
        "by": fact.by,
        "at": at,
    }
    return Put(table=VERSIONS, key=key, document=document, group=fact.type, sort=key)


def put_received(event_id: str, tenant: str, event: schemas.OutsideEvent, content: str) -> Put:
    """Note that an event came; refused by the store when another call was faster."""
    return Put(
        table=RECEIVED,
        key=event_id,
        document={"source": event.source, "content": content},
        group=f"{tenant}/{event.id}",
        expected=0,
    )
