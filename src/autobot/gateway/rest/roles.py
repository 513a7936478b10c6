"""`/api/v1/system/roles`: the processes of the installation, and giving one no new calls."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from autobot.contracts import roles
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Body of a drain: why."""

    reason: roles.Reason


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/system/roles", "system")

    @routes.get("", response_model=roles.RoleList, summary="Every process of the installation, by role")
    @needs("system:read")
    async def list_roles(context: Context) -> Response:
        return json_answer(await bus.ask(roles.ListRoles(), context))

    @routes.post(
        "/{id}/drain",
        response_model=roles.RoleList,
        summary="Give a process no new calls; what it has, it ends",
    )
    @needs("system:operate")
    async def drain_role(id: str, body: Drained, call: Call) -> Response:  # noqa: A002
        command = roles.DrainRole(instance=id, reason=body.reason)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return json_answer(await bus.ask(roles.ListRoles(), call.called))

    return routes
