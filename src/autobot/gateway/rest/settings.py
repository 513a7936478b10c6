"""`/api/v1/settings`: what the operator may choose, where each value comes from, what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge
from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import settings
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import WHOLE, json_answer, moment, page_of
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import FieldError, InvalidInput

Limit = Annotated[int, Query(ge=1, le=200)]
Reason = Annotated[str, Query(max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewValue:
    """Body of a change; `value` is of the setting's type."""

    value: Any
    reason: settings.Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRevert:
    """Body of a revert: what was stored at this log position."""

    position: Annotated[int, Ge(0)]
    reason: settings.Reason = ""


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/settings", "settings")
    _read_routes(routes, bus)
    _write_routes(routes, bus)
    return routes


def _read_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("", response_model=settings.SettingPage, summary="Every setting, or those that match")
    @needs("settings:read")
    async def list_settings(
        context: Context,
        q: Annotated[str, Query(max_length=200)] = "",
        limit: Limit = WHOLE,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        page: settings.SettingPage = await bus.ask(settings.ListSettings(search=q), context)
        return json_answer(page_of(page.items, limit, cursor, lambda one: str(one.key)))

    @routes.get("/{key}", response_model=settings.SettingView, summary="One setting, now or as it was stored")
    @needs("settings:read")
    async def get_setting(
        key: str,
        context: Context,
        at: str | None = None,
        position: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        query = settings.GetSetting(key=key, position=position, at=moment(at, "at"))
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/{key}/history", response_model=settings.HistoryPage, summary="Who stored what, newest first"
    )
    @needs("settings:read")
    async def history(
        key: str,
        context: Context,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        query = settings.ListSettingHistory(key=key, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))


def _write_routes(routes: APIRouter, bus: Dispatcher) -> None:
    async def settle(call: Call, command: Any) -> Response:
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.put("/{key}", response_model=settings.SettingView, summary="Store a value")
    @needs("settings:write")
    async def change(key: str, body: NewValue, call: Call) -> Response:
        asked: settings.SettingView = await bus.ask(settings.GetSetting(key=key), call.called)
        if not asked.secret:
            return await settle(call, settings.ChangeSetting(key=key, value=body.value, reason=body.reason))
        if not isinstance(body.value, str):
            wrong = FieldError(detail="must be a text", pointer="#/value")
            raise InvalidInput("A secret is a text.", errors=(wrong,))
        return await settle(call, settings.ChangeSecret(key=key, value=body.value, reason=body.reason))

    @routes.delete("/{key}", response_model=settings.SettingView, summary="Back to file or default")
    @needs("settings:write")
    async def reset(key: str, call: Call, reason: Reason = "") -> Response:
        return await settle(call, settings.ResetSetting(key=key, reason=reason))

    @routes.post("/{key}/revert", response_model=settings.SettingView, summary="Store an earlier value again")
    @needs("settings:write")
    async def revert(key: str, body: SettingRevert, call: Call) -> Response:
        return await settle(call, settings.RevertSetting(key=key, position=body.position, reason=body.reason))
