"""The registry of types of messages, and the way in and out for events: context and routes."""

from __future__ import annotations

from fastapi import APIRouter

from autobot.adapters.jsonschema.validator import JsonSchemaValidator
from autobot.bootstrap.knowing import VERSION
from autobot.bootstrap.published import OWN_SCHEMAS
from autobot.contexts.schemas import module
from autobot.gateway.asyncapi import asyncapi_route
from autobot.gateway.parts import RawRoute
from autobot.gateway.rest import events, schemas
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore


def schemas_context(store: EventStore, codec: EventCodec, clock: Clock) -> Module:
    """Return the context."""
    validator = JsonSchemaValidator()
    return module.build(store=store, codec=codec, clock=clock, validator=validator, own=OWN_SCHEMAS)


def asyncapi() -> RawRoute:
    """Return the route of the AsyncAPI document."""
    return asyncapi_route(VERSION, OWN_SCHEMAS.by_type)


def schemas_routers(bus: Dispatcher) -> tuple[APIRouter, ...]:
    """Return its routes."""
    return events.router(bus), schemas.router(bus)
