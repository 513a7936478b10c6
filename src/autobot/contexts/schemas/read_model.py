"""The read side: types with their versions, and single events."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from autobot.contexts.schemas.domain import split, stream_of, versioned
from autobot.contexts.schemas.ports import OwnSchemas, Received, SchemaValidator, StoredSchemas, example_of
from autobot.contracts import schemas
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.documents import event_document
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection
from autobot.kernel.event_store.transaction import Document


class SchemaQueries:
    """One method a query."""

    def __init__(
        self, stored: StoredSchemas, received: Received, own: OwnSchemas, validator: SchemaValidator
    ) -> None:
        self._stored, self._received = stored, received
        self._own, self._validator = own, validator

    async def types(self, query: schemas.ListSchemas, context: CallContext) -> schemas.SchemaPage:
        """Return every type, by name."""
        found = [self._summary(name, versions) for name, versions in self._contracts().items()]
        rows = await self._stored.rows()
        for name, group in groupby(rows, key=lambda row: str(row.document["type"])):
            found.append(_registered_summary(name, list(group)))
        wanted = query.search.lower()
        items = sorted((one for one in found if wanted in one.type.lower()), key=lambda one: one.type)
        return schemas.SchemaPage(items=tuple(items))

    async def type(self, query: schemas.GetSchema, context: CallContext) -> schemas.SchemaType:
        """Return one type with its versions, newest first. Raises NotFound."""
        name, _ = split(query.type)
        own = self._contracts().get(name)
        if own is not None:
            versions = [self._version(name, number, own[number]) for number in sorted(own, reverse=True)]
            return schemas.SchemaType(
                type=name, origin="contract", compatibility=self._own.mode, versions=tuple(versions)
            )
        rows = await self._stored.rows(name)
        if not rows:
            raise NotFound(f"The type {name} has no schema.")
        return schemas.SchemaType(
            type=name,
            origin="registered",
            compatibility=rows[-1].document["compatibility"],
            versions=tuple(
                self._version(
                    name,
                    row.document["version"],
                    row.document["schema"],
                    by=row.document["by"],
                    at=row.document["at"],
                )
                for row in reversed(rows)
            ),
        )

    async def event(self, query: schemas.GetEvent, context: CallContext) -> Mapping[str, Any]:
        """Return one event of the log. Raises NotFound."""
        if query.event.isdecimal() and not query.source:
            return event_document(await self._received.at(int(query.event)))
        return event_document(await self._received.find(context.principal.tenant, query.event, query.source))

    def _contracts(self) -> dict[str, dict[int, dict[str, Any]]]:
        found: dict[str, dict[int, dict[str, Any]]] = {}
        for event_type, schema in self._own.by_type().items():
            name, version = split(event_type)
            found.setdefault(name, {})[version or 1] = schema
        return found

    def _summary(self, name: str, versions: Mapping[int, dict[str, Any]]) -> schemas.SchemaSummary:
        return schemas.SchemaSummary(
            type=name,
            origin="contract",
            compatibility=self._own.mode,
            versions=tuple(sorted(versions)),
            description=str(versions[max(versions)].get("description", "")),
        )

    def _version(
        self, name: str, number: int, schema: dict[str, Any], *, by: str | None = None, at: str | None = None
    ) -> schemas.SchemaVersion:
        return schemas.SchemaVersion(
            version=number,
            event_type=versioned(name, number),
            schema=schema,
            example=example_of(schema, self._validator),
            registered_by=by,
            registered_at=at,
        )


def _registered_summary(name: str, rows: list[Document]) -> schemas.SchemaSummary:
    newest = rows[-1].document
    return schemas.SchemaSummary(
        type=name,
        origin="registered",
        compatibility=newest["compatibility"],
        versions=tuple(int(row.document["version"]) for row in rows),
        description=str(newest["schema"].get("description", "")),
        registered_by=newest["by"],
        registered_at=newest["at"],
    )


def schemas_then(codec: EventCodec) -> Projection:
    """Return the read model of registered types: the schema of each version, and who gave the newest one."""
    types = (schemas.SchemaRegistered.TYPE,)
    return latest("schemas", types, codec.unwrap, prefix=stream_of(""), change=_then)


def _then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    if not isinstance(event, schemas.SchemaRegistered):
        return before
    versions = {**before.get("versions", {}), str(event.version): event.schema}
    return {"compatibility": event.compatibility, "versions": versions, "by": event.by}
