"""`/api/v1/system/read-models` and `/api/v1/system/density`: the past of read models, and of the log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import history
from autobot.gateway.access import needs
from autobot.gateway.exchange import Context
from autobot.gateway.rest.answers import json_answer, moment
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import InvalidInput

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
Position = Annotated[int | None, Query(ge=0, le=2**53)]
Table = Annotated[str, Query(max_length=80)]


def _moment(position: int | None, at: str | None, prefix: str = "") -> history.Moment:
    """Read two parameters of which at most one is given."""
    if position is not None and at is not None:
        raise InvalidInput(f"Give {prefix}at or {prefix}position, not both.")
    return history.Moment(position=position, at=moment(at, f"{prefix}at"))


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/system", "system")
    _models(routes, bus)
    _difference(routes, bus)
    _density(routes, bus)
    return routes


def _models(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/read-models",
        response_model=history.ReadModels,
        summary="Read models: version, position, lag and state",
    )
    @needs("events:read")
    async def read_models(context: Context) -> Response:
        return json_answer(await bus.ask(history.ListReadModels(), context))

    @routes.get(
        "/read-models/{name}", response_model=history.PastPage, summary="A read model, now or as it was"
    )
    @needs("events:read")
    async def read_model(
        name: str,
        context: Context,
        at: str | None = None,
        position: Position = None,
        table: Table = "",
        q: Annotated[str, Query(max_length=200)] = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = history.ReadModelAt(
            name=name, moment=_moment(position, at), table=table, search=q, limit=limit, cursor=cursor
        )
        return json_answer(await bus.ask(query, context))


def _difference(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/read-models/{name}/difference",
        response_model=history.DifferencePage,
        summary="What differs in a read model between two moments",
    )
    @needs("events:read")
    async def difference(
        name: str,
        context: Context,
        at: str | None = None,
        position: Position = None,
        to_at: str | None = None,
        to_position: Position = None,
        table: Table = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = history.CompareReadModel(
            name=name,
            before=_moment(position, at),
            after=_moment(to_position, to_at, "to_"),
            table=table,
            limit=limit,
            cursor=cursor,
        )
        return json_answer(await bus.ask(query, context))


def _density(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/density",
        response_model=history.Density,
        summary="How the events of the log lie in time",
    )
    @needs("events:read")
    async def density(
        context: Context,
        since: str | None = None,
        until: str | None = None,
        buckets: Annotated[int, Query(ge=1, le=240)] = 120,
    ) -> Response:
        query = history.GetDensity(
            since=moment(since, "since"), until=moment(until, "until"), buckets=buckets
        )
        return json_answer(await bus.ask(query, context))
