"""`/api/v1/sagas`: work across contexts, its steps, and what a person can decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Len
from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import sagas
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(min_length=1, max_length=500)]
Group = Annotated[Literal["open", "stuck", "ended"] | None, Query()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Body of a decision: why."""

    reason: sagas.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedAgain:
    """Body of a retry."""

    reason: Annotated[str, Len(0, 500)] = ""


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/sagas", "sagas")
    _read_routes(routes, bus)
    _decision_routes(routes, bus)
    return routes


def _read_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("", response_model=sagas.SagaPage, summary="List sagas, the newest first")
    @needs("sagas:read")
    async def list_sagas(
        context: Context, group: Group = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        query = sagas.ListSagas(group=group, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get("/{saga_id}", response_model=sagas.SagaDetail, summary="A saga with its steps")
    @needs("sagas:read")
    async def get_saga(saga_id: str, context: Context) -> Response:
        return json_answer(await bus.ask(sagas.GetSaga(saga_id=saga_id), context))


def _decision_routes(routes: APIRouter, bus: Dispatcher) -> None:
    async def decide(command: Any, call: Call, status: int = 200) -> Response:
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, status)

    @routes.post(
        "/{saga_id}/stop",
        response_model=sagas.SagaDetail,
        status_code=202,
        summary="Turn a saga back before its point of no return; what it did is undone",
    )
    @needs("sagas:operate")
    async def stop_saga(saga_id: str, body: Decided, call: Call) -> Response:
        return await decide(sagas.StopSaga(saga_id=saga_id, reason=body.reason), call, 202)

    @routes.post(
        "/{saga_id}/retry",
        response_model=sagas.SagaDetail,
        status_code=202,
        summary="Have a saga that waits for a person try again",
    )
    @needs("sagas:operate")
    async def retry_saga(saga_id: str, body: TriedAgain, call: Call) -> Response:
        return await decide(sagas.RetrySaga(saga_id=saga_id, reason=body.reason), call, 202)

    @routes.post(
        "/{saga_id}/settle",
        response_model=sagas.SagaDetail,
        summary="Take a saga that waits for a person as it is",
    )
    @needs("sagas:operate")
    async def settle_saga(saga_id: str, body: Decided, call: Call) -> Response:
        return await decide(sagas.SettleSaga(saga_id=saga_id, reason=body.reason), call)
