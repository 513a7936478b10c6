"""The registry of types of messages, the way in and out for events, and what consumers could not handle."""

from __future__ import annotations

from fastapi import APIRouter

from autobot.adapters.jsonschema.validator import JsonSchemaValidator
from autobot.bootstrap.outside import Outside
from autobot.bootstrap.published import OWN_SCHEMAS
from autobot.bootstrap.version import VERSION
from autobot.contexts.messaging import module as messaging_module
from autobot.contexts.messaging.module import Served
from autobot.contexts.schemas import module
from autobot.gateway.asyncapi import asyncapi_route
from autobot.gateway.parts import RawRoute
from autobot.gateway.rest import events, schemas
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.documents import event_document
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging.broker import Broker


def schemas_context(store: EventStore, codec: EventCodec, clock: Clock) -> Module:
    """Return the context."""
    validator = JsonSchemaValidator()
    return module.build(store=store, codec=codec, clock=clock, validator=validator, own=OWN_SCHEMAS)


def messaging_context(
    store: EventStore, codec: EventCodec, outside: Outside, broker: Broker, served: Served
) -> Module:
    """Return the context of dead letters and consumers, which checks edited events by what is registered here."""
    return messaging_module.build(
        store=store,
        clock=outside.clock,
        ids=outside.ids,
        broker=broker,
        codec=codec,
        shown=event_document,
        check_of=module.registered_types(store, codec, JsonSchemaValidator()).check_of,
        served=served,
    )


def asyncapi() -> RawRoute:
    """Return the route of the AsyncAPI document."""
    return asyncapi_route(VERSION, OWN_SCHEMAS.by_type)


def schemas_routers(bus: Dispatcher) -> tuple[APIRouter, ...]:
    """Return its routes."""
    return events.router(bus), schemas.router(bus)
