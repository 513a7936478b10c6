"""`/api/v1/messaging/schemas`: what messages may look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import schemas
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer, page_of
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.compatibility import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchema:
    """Body of a registration. `type` may end in `.v<n>`; else `version`, or neither for the next one."""

    type: schemas.TypeName
    schema: dict[str, Any]
    version: schemas.Version | None = None
    compatibility: Mode | None = None


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/messaging/schemas", "messaging")

    @routes.get("", response_model=schemas.SchemaPage, summary="Every type of message with its versions")
    @needs("schemas:read")
    async def list_schemas(
        context: Context,
        q: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        page: schemas.SchemaPage = await bus.ask(schemas.ListSchemas(search=q), context)
        return json_answer(page_of(page.items, limit, cursor, lambda one: str(one.type)))

    @routes.post(
        "",
        status_code=201,
        response_model=schemas.SchemaVersion,
        summary="Register a version of a type",
        description="The same registration again answers the same. A schema that breaks the compatibility mode of "
        "its type is refused with 409, each difference with a pointer.",
    )
    @needs("events:admin")
    async def register(body: NewSchema, call: Call) -> Response:
        command = schemas.RegisterSchema(
            type=body.type, schema=body.schema, version=body.version, compatibility=body.compatibility
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        location = call.address(f"/api/v1/messaging/schemas/{answer.value.event_type}")
        return json_answer(answer.value, 201, {"location": location})

    @routes.get("/{type}", response_model=schemas.SchemaType, summary="One type with all its versions")
    @needs("schemas:read")
    async def get_schema(type: schemas.TypeName, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(schemas.GetSchema(type=type), context))

    return routes
