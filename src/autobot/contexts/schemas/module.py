"""The door of the schemas context."""

from __future__ import annotations

from typing import Final

from autobot.contexts.schemas.handlers import IntakeHandlers, RegistryHandlers
from autobot.contexts.schemas.ports import (
    OwnSchemas,
    Received,
    RegisteredTypes,
    SchemaValidator,
    StoredSchemas,
)
from autobot.contexts.schemas.read_model import SchemaQueries
from autobot.contracts import schemas
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

__all__ = ["RULES", "OwnSchemas", "SchemaValidator", "build", "registered_types"]

READ: Final = "schemas:read"
_ALLOW: Final = Verdict.ALLOW

RULES: Final = (
    Rule(action=READ, admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action="events:admin", admin=_ALLOW),
    Rule(action="events:publish", admin=_ALLOW, operator=_ALLOW),
)


def registered_types(store: EventStore, codec: EventCodec, validator: SchemaValidator) -> RegisteredTypes:
    """Return what judges data by registered schemas."""
    return RegisteredTypes(StoredSchemas(store, codec), validator)


def build(
    *, store: EventStore, codec: EventCodec, clock: Clock, validator: SchemaValidator, own: OwnSchemas
) -> Module:
    """Wire the context."""
    stored, received = StoredSchemas(store, codec), Received(store)
    registry = RegistryHandlers(stored, validator, clock)
    intake = IntakeHandlers(stored, received, validator, clock)
    read = SchemaQueries(stored, received, own, validator)
    return Module(
        name="schemas",
        commands=(
            CommandSpec(
                command=schemas.RegisterSchema,
                action="events:admin",
                handler=registry.register,
                answer=schemas.SchemaVersion,
            ),
            CommandSpec(
                command=schemas.PublishEvents,
                action="events:publish",
                handler=intake.publish,
                answer=schemas.Published,
            ),
        ),
        queries=(
            QuerySpec(query=schemas.ListSchemas, action=READ, handler=read.types),
            QuerySpec(query=schemas.GetSchema, action=READ, handler=read.type),
            QuerySpec(query=schemas.GetEvent, action="events:read", handler=read.event),
        ),
        events=schemas.EVENTS,
        rules=RULES,
    )
