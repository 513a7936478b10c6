"""`/api/v1/system/read-models/{name}/…`: what is done to a stored read model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import read_models
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher

BASE = "/api/v1/system/read-models"
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]

SUMMARIES: dict[read_models.Act, str] = {
    "rebuild": "Build a candidate from the log, beside the tables in force",
    "parity": "Compare the candidate with the tables in force",
    "switch": "Put the candidate in force, and keep what was",
    "rollback": "Go back to what the last switch kept",
    "discard": "Remove the candidate",
    "discard_kept": "Remove what the last switch kept",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelWhy:
    """Body of a change: why; it stands in the log and the audit."""

    reason: read_models.Reason = ""


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(BASE, "system")
    for act in get_args(read_models.Act):
        _act(routes, bus, act)
    _lists(routes, bus)
    return routes


def _act(routes: APIRouter, bus: Dispatcher, act: read_models.Act) -> None:
    async def change(name: str, body: ReadModelWhy, call: Call) -> Response:
        command = read_models.ChangeReadModel(name=name, act=act, reason=body.reason)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        location = call.address(f"{BASE}/{name}/changes/{answer.value.id}")
        return json_answer(answer.value, 202, {"location": location})

    routes.post(
        f"/{{name}}/{act.replace('_', '-')}",
        name=f"{act}_read_model",
        response_model=read_models.ReadModelChange,
        status_code=202,
        summary=SUMMARIES[act],
        description="Answers 202 with the change, which a run makes; ask at Location how it stands. 409 when the "
        "read model does not allow it now.",
    )(needs("system:operate")(change))


def _lists(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/{name}/changes",
        response_model=read_models.ReadModelChanges,
        summary="Changes of a read model, the newest first",
    )
    @needs("events:read")
    async def changes(name: str, context: Context, limit: Limit = 50, cursor: Cursor = None) -> Response:
        query = read_models.ListReadModelChanges(name=name, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/{name}/changes/{id}", response_model=read_models.ReadModelChange, summary="How a change stands"
    )
    @needs("events:read")
    async def change(name: str, id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(read_models.GetReadModelChange(id=id), context))

    @routes.get(
        "/{name}/skipped",
        response_model=read_models.SkippedEvents,
        summary="Poison events that a read model left out, in log order",
    )
    @needs("events:read")
    async def skipped(name: str, context: Context, limit: Limit = 50, cursor: Cursor = None) -> Response:
        query = read_models.ListSkippedEvents(name=name, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))
