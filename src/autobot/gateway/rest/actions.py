"""`/api/v1/actions`: registered kinds of work, asked for by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final

from annotated_types import Ge, Le, Len
from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.responses import Response

from autobot.contracts import actions
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context, Exchange
from autobot.gateway.problem import failure_document, raised
from autobot.gateway.rest.answers import WHOLE, awaited, json_answer, page_of
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import FieldError, InvalidInput

SHORT_WAIT_S: Final = 20.0
"""How long the answer of a short action is waited for; then it is a 202 as for long ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """Body of a request. The idempotency key stands here or in the Idempotency-Key field."""

    action_type: actions.ActionName
    parameters: dict[str, Any] = field(default_factory=dict)
    priority: Annotated[int, Ge(1), Le(5)] | None = 1
    idempotency_key: Annotated[str, Len(16, 256)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResponse:
    """An action and its outcome. `error` is a problem document."""

    request_id: str
    status: actions.Status
    result: dict[str, Any] | None
    processing_time_ms: float
    correlation_id: str
    created_at: str
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView(actions.ActionTypeView):
    """An action type with the JSON Schema of its parameters."""

    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePage:
    """The action types that the caller may ask for."""

    items: list[TypeView]
    next_cursor: str | None


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/actions", "actions")
    _process_route(routes, bus)
    _read_routes(routes, bus)
    return routes


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an action's parameters; unknown parameters are refused."""
    schema = TypeAdapter(actions.PARAMETERS[name]).json_schema()
    return {**schema, "additionalProperties": False}


def key_of(body: ActionRequest, call: Exchange) -> str | None:
    """Return the idempotency key of body or header. Raises InvalidInput when both are given and differ."""
    if body.idempotency_key is not None and call.key not in (None, body.idempotency_key):
        error = FieldError(detail="is another than the Idempotency-Key field", pointer="#/idempotency_key")
        raise InvalidInput("Body and header carry different idempotency keys.", errors=(error,))
    return body.idempotency_key or call.key


def answer_of(view: actions.ActionView) -> ActionResponse:
    """Return an action as the wire has it."""
    return ActionResponse(
        request_id=view.request_id,
        status=view.status,
        result=view.result,
        processing_time_ms=view.processing_time_ms,
        correlation_id=view.correlation_id,
        created_at=view.created_at,
        error=failure_document(view.error) if view.error else None,
    )


def _process_route(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        "/process",
        response_model=ActionResponse,
        summary="Process an action",
        description="Answers 200 with the result, or 202 with the address of the status where it takes long "
        "(always for types marked `long`, unless `Prefer: wait=N`). An action that failed is answered with the "
        "problem that it met. With an idempotency key the same request is done once and answered alike for 24 hours.",
        responses={202: {"model": ActionResponse, "description": "Accepted; ask at Location"}},
    )
    @needs("actions:process")
    async def process(body: ActionRequest, call: Call) -> Response:
        command = actions.ProcessAction(
            action_type=body.action_type, parameters=body.parameters, priority=body.priority
        )
        answer = await bus.dispatch(command, call.called, key=key_of(body, call))
        call.settled(answer)
        accepted: actions.ActionAccepted = answer.value
        seconds = call.wait if call.wait is not None else 0.0 if accepted.long else SHORT_WAIT_S

        async def wait(left: float) -> actions.ActionView:
            found: actions.ActionView = await bus.ask(
                actions.AwaitAction(request_id=accepted.request_id, seconds=left), call.called
            )
            return found

        view = await awaited(wait, lambda one: one.status != "accepted", min(seconds, 300.0))
        if view.status == "accepted":
            location = call.address(f"/api/v1/actions/{view.request_id}")
            return json_answer(answer_of(view), 202, {"location": location})
        if view.error is not None:
            raise raised(view.error)
        return json_answer(answer_of(view))


def _read_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/types", response_model=TypePage, summary="Action types that one may ask for")
    @needs("actions:read")
    async def types(
        context: Context,
        limit: Annotated[int, Query(ge=1, le=200)] = WHOLE,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        page: actions.ActionTypePage = await bus.ask(actions.ListActionTypes(), context)
        items = [
            TypeView(
                name=one.name,
                title=one.title,
                description=one.description,
                permission=one.permission,
                effect=one.effect,
                long=one.long,
                state=one.state,
                hint=one.hint,
                parameters=schema_of(one.name),
            )
            for one in page.items
        ]
        return json_answer(page_of(items, limit, cursor, lambda one: str(one.name)))

    @routes.get("/{request_id}", response_model=ActionResponse, summary="One action and its outcome")
    @needs("actions:read")
    async def one(request_id: str, context: Context) -> Response:
        return json_answer(answer_of(await bus.ask(actions.GetAction(request_id=request_id), context)))
