"""`/api/v1/system`: links, log, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from autobot.contracts import system
from autobot.gateway.access import needs, public, signed_in
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import WHOLE, json_answer, moment, page_of
from autobot.gateway.routing import router as edge_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.links.row import FIELDS as ROW_FIELDS

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
BROWSER_ROWS = ("frontend-gateway", "frontend-backend")
FIELDS = tuple(sorted(ROW_FIELDS - {"doc", "origin", "accepted"}))
"""What may change at run time: what a row does, not what is said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """Body of a revert: a log position, or `shipped` for what the files say."""

    reason: system.Reason
    position: Annotated[int, Query(ge=0)] | Literal["shipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChange:
    """Body of a manual breaker action."""

    action: system.BreakerAction
    reason: system.Reason
    target: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyPage:
    """A page of a list."""

    items: list[dict[str, Any]]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """The process answers."""

    status: Literal["live"]


Ready = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Whether the process takes work, and what it says of itself."""


def router(bus: Dispatcher, ready: Ready) -> APIRouter:
    """Return the routes over the bus."""
    routes = edge_router("/api/v1/system", "system")
    _health_routes(routes, bus, ready)
    _link_routes(routes, bus)
    _link_commands(routes, bus)
    _log_routes(routes, bus)
    return routes


def _health_routes(routes: APIRouter, bus: Dispatcher, ready: Ready) -> None:
    @routes.get("/health/live", response_model=Liveness, summary="The process answers")
    @public
    async def live() -> Response:
        return json_answer({"status": "live"})

    @routes.get("/health/ready", summary="The process takes work (200) or not (503)")
    @public
    async def is_ready() -> Response:
        takes, body = ready()
        return json_answer(body, 200 if takes else 503, {"cache-control": "no-store"})

    @routes.get("/health", response_model=system.Health, summary="Each dependency as its last probe found it")
    @needs("system:read")
    async def health(context: Context) -> Response:
        return json_answer(await bus.ask(system.GetHealth(), context))

    @routes.get("/info", summary="What runs here")
    @needs("system:read")
    async def info(context: Context) -> Response:
        return json_answer(await bus.ask(system.GetInfo(), context))

    @routes.get("/status", summary="Counts that tell how it goes")
    @needs("system:read")
    async def status(context: Context) -> Response:
        return json_answer(await bus.ask(system.GetStatus(), context))

    @routes.get(
        "/diagnostics",
        summary="The support bundle, without secrets",
        response_class=Response,
        responses={
            200: {
                "description": "The archive.",
                "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    @needs("system:diagnose")
    async def diagnostics(context: Context) -> Response:
        archive = await bus.ask(system.GetDiagnostics(), context)
        headers = {"content-disposition": 'attachment; filename="autobot-diagnostics.zip"'}
        return Response(archive, media_type="application/zip", headers=headers)


def _link_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/links", response_model=AnyPage, summary="Every row of the matrix, live")
    @needs("system:read")
    async def links(context: Context, limit: Limit = WHOLE, cursor: Cursor = None) -> Response:
        page = await bus.ask(system.ListLinks(), context)
        return json_answer(page_of(page.items, limit, cursor, lambda row: str(row["id"])))

    @routes.get("/client-policy", response_model=AnyPage, summary="The browser's own rows")
    @signed_in
    async def client_policy(context: Context) -> Response:
        page = await bus.ask(system.ListLinks(), context)
        rows = [row for row in page.items if row["id"] in BROWSER_ROWS]
        return json_answer({"items": rows, "next_cursor": None})

    @routes.get("/links/{link}", summary="One row")
    @needs("system:read")
    async def link(link: str, context: Context) -> Response:
        return json_answer(await bus.ask(system.GetLink(link=link), context))

    @routes.get("/links/{link}/history", response_model=AnyPage, summary="Who changed a row, and why")
    @needs("system:read")
    async def history(link: str, context: Context, limit: Limit = 50, cursor: Cursor = None) -> Response:
        page = await bus.ask(system.LinkHistory(link=link), context)
        return json_answer(page_of(page.items, limit, cursor, lambda row: str(row["position"])))


def _link_commands(routes: APIRouter, bus: Dispatcher) -> None:
    async def settle(call: Call, command: Any, link: str) -> Response:
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return json_answer(await bus.ask(system.GetLink(link=link), call.called))

    @routes.patch("/links/{link}", summary="Change a row's policy at run time")
    @needs("system:operate")
    async def change(link: str, body: dict[str, Any], call: Call) -> Response:
        fields = dict(body)
        reason = fields.pop("reason", None)
        unknown = sorted(set(fields) - set(FIELDS))
        if unknown:
            raise InvalidInput(
                f"{unknown[0]} is not a field that can change; these can: {', '.join(FIELDS)}."
            )
        return await settle(call, system.ChangeLink(link=link, fields=fields, reason=reason or ""), link)

    @routes.post("/links/{link}/revert", summary="Go back to an earlier policy, or to the shipped one")
    @needs("system:operate")
    async def revert(link: str, body: Revert, call: Call) -> Response:
        position = None if isinstance(body.position, str) else body.position
        return await settle(call, system.RevertLink(link=link, position=position, reason=body.reason), link)

    @routes.post("/links/{link}/breaker", summary="Open, close, isolate or release a breaker by hand")
    @needs("system:operate")
    async def breaker(link: str, body: BreakerChange, call: Call) -> Response:
        command = system.ForceBreaker(
            link=link, action=body.action, reason=body.reason, target=body.target, seconds=body.seconds
        )
        return await settle(call, command, link)


def _log_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/events", response_model=AnyPage, summary="The log, filtered")
    @needs("events:read")
    async def events(
        context: Context,
        kind: Annotated[str, Query(alias="type", max_length=200)] = "",
        stream: Annotated[str, Query(max_length=200)] = "",
        correlation_id: Annotated[str, Query(max_length=128)] = "",
        since: str | None = None,
        until: str | None = None,
        after: Annotated[int | None, Query(ge=0)] = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        query = system.ListEvents(
            type=kind,
            stream=stream,
            correlation_id=correlation_id,
            since=moment(since, "since"),
            until=moment(until, "until"),
            after=after,
            limit=limit,
            cursor=cursor,
        )
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/events/{position}/today",
        response_model=system.EventRead,
        summary="An event of the log as this version reads it: older types brought up to date",
    )
    @needs("events:read")
    async def event_today(context: Context, position: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
        return json_answer(await bus.ask(system.ReadEvent(position=position), context))
