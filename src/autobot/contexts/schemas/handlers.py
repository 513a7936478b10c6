"""The write side: schemas are registered, events from outside are taken in."""

from __future__ import annotations

from typing import Final

from autobot.contexts.schemas.domain import (
    ERRORS_MAX,
    content_of,
    refuse_own,
    require_plain,
    split,
    stored_id,
    stream_of,
    versioned,
)
from autobot.contexts.schemas.ports import (
    Received,
    SchemaValidator,
    StoredSchemas,
    example_of,
    put_received,
    put_version,
    received_stream,
)
from autobot.contracts import schemas
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AlreadyExists, FieldError, InvalidInput
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.documents import is_json
from autobot.kernel.event_store.transaction import NO_STREAM, Put
from autobot.kernel.links.trace_context import parse_traceparent

KNOWN: Final = ("correlationid", "causationid", "partitionkey", "traceparent")
"""Attributes that the envelope has fields for."""


class RegistryHandlers:
    """Registers schemas."""

    def __init__(self, stored: StoredSchemas, validator: SchemaValidator, clock: Clock) -> None:
        self._stored, self._validator, self._clock = stored, validator, clock

    async def register(
        self, command: schemas.RegisterSchema, context: CallContext
    ) -> Decision[schemas.SchemaVersion]:
        """Check the schema by itself, then against the versions before it."""
        name, _ = split(command.type)
        refuse_own(f"{name}.")
        require_plain(command.schema)
        faults = self._validator.faults(command.schema)
        if faults:
            errors = tuple(
                FieldError(detail=one.detail, pointer=f"#/schema{one.pointer}") for one in faults[:ERRORS_MAX]
            )
            raise InvalidInput("This is no usable JSON Schema.", errors=errors)
        state = await self._stored.load(name)
        by = context.principal.username or context.principal.id
        fact = state.register(command, by)
        if isinstance(fact, int):
            row = await self._stored.version(name, fact)
            said = row.document if row is not None else {"by": None, "at": None}
            view = _view(self._validator, name, fact, command, said["by"], said["at"])
            return Decision(answer=view, object=f"schema:{versioned(name, fact)}")
        at = rfc3339(self._clock.now())
        return Decision(
            answer=_view(self._validator, name, fact.version, command, by, at),
            emits=(Emit(stream=stream_of(name), expected=state.revision, events=(fact,)),),
            writes=(put_version(fact, at),),
            object=f"schema:{versioned(name, fact.version)}",
        )


def _view(
    validator: SchemaValidator,
    name: str,
    version: int,
    command: schemas.RegisterSchema,
    by: str | None,
    at: str | None,
) -> schemas.SchemaVersion:
    return schemas.SchemaVersion(
        version=version,
        event_type=versioned(name, version),
        schema=command.schema,
        example=example_of(command.schema, validator),
        registered_by=by,
        registered_at=at,
    )


class IntakeHandlers:
    """Takes events from outside."""

    def __init__(
        self, stored: StoredSchemas, received: Received, validator: SchemaValidator, clock: Clock
    ) -> None:
        self._stored, self._received = stored, received
        self._validator, self._clock = validator, clock

    async def publish(
        self, command: schemas.PublishEvents, context: CallContext
    ) -> Decision[schemas.Published]:
        """Store the new ones as they came; refuse all when one of them may not be stored."""
        for event in command.events:
            refuse_own(event.type)
        emits: list[Emit] = []
        writes: list[Put] = []
        errors: list[FieldError] = []
        seen: dict[str, str] = {}
        tenant = context.principal.tenant
        for index, event in enumerate(command.events):
            event_id, content = stored_id(tenant, event), content_of(event)
            before = seen.get(event_id) or await self._received.content(event_id)
            if before is not None and before != content:
                raise AlreadyExists(f"The event {event.id} of {event.source} came before with other content.")
            if before is not None:
                continue
            seen[event_id] = content
            errors += await self._broken_rules(event, f"#/events/{index}/data")
            message = self._message(event, event_id, context)
            emits.append(Emit(stream=received_stream(event_id), expected=NO_STREAM, events=(message,)))
            writes.append(put_received(event_id, tenant, event, content))
        if errors:
            noun = "rule" if len(errors) == 1 else "rules"
            raise InvalidInput(
                f"The data breaks {len(errors)} {noun} of its registered schema; nothing was stored.",
                errors=tuple(errors[:ERRORS_MAX]),
            )
        answer = schemas.Published(ids=tuple(one.id for one in command.events), stored=len(emits))
        types = sorted({one.type for one in command.events})
        return Decision(
            answer=answer, emits=tuple(emits), writes=tuple(writes), object=", ".join(types)[:200]
        )

    async def _broken_rules(self, event: schemas.OutsideEvent, at: str) -> list[FieldError]:
        schema = await self._stored.schema_of(event.type)
        if schema is None:
            return []
        if not is_json(event.content_type):
            return [
                FieldError(detail=f"must be JSON, not {event.content_type}, as its schema says", pointer=at)
            ]
        found = self._validator.errors(schema, event.data or b"null")
        return [FieldError(detail=one.detail, pointer=at + one.pointer) for one in found]

    def _message(self, event: schemas.OutsideEvent, event_id: str, context: CallContext) -> Message:
        given = dict(event.attributes)
        known = {name: str(given.pop(name)) for name in KNOWN if name in given}
        trace = known.get("traceparent", "")
        if parse_traceparent(trace.encode("ascii", "replace")) is None:
            trace = context.trace.traceparent
        return Message(
            id=event_id,
            source=event.source,
            type=event.type,
            time=event.time or self._clock.now(),
            subject=event.subject or received_stream(event_id),
            data=event.data,
            correlation_id=known.get("correlationid") or context.correlation_id,
            causation_id=known.get("causationid"),
            partition_key=known.get("partitionkey") or event_id,
            traceparent=trace,
            principal=context.principal.id,
            tenant=context.principal.tenant,
            content_type=event.content_type,
            attributes=tuple(sorted({**given, "id": event.id}.items())),
        )
