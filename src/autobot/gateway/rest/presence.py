"""`/api/v1/system/presence`: the windows that are open now, in every process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.gateway.access import signed_in
from autobot.gateway.exchange import Context
from autobot.gateway.realtime.presence import PresenceBoard
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.core.context import CallContext
from autobot.kernel.messaging.presence import Connected


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceList:
    """Open live connections, oldest first. `complete` is false when other processes could not be asked."""

    items: tuple[Connected, ...]
    complete: bool


def router(board: PresenceBoard, authorize: Callable[[str, CallContext], None]) -> APIRouter:
    """Return the route over a board. `authorize` raises unless somebody may do an action."""
    routes = new_router("/api/v1/system/presence", "system")

    @routes.get("", response_model=PresenceList, summary="The live connections that are open now")
    @signed_in
    async def list_presence(
        context: Context,
        channel: Annotated[str | None, Query(max_length=200)] = None,
        everyone: bool = False,
    ) -> Response:
        if everyone:
            authorize("identity:users", context)
        seen = await board.who(context.principal.tenant)
        items = tuple(
            one
            for one in seen.sessions
            if (everyone or one.principal == context.principal.user_id)
            and (channel is None or channel in one.watches)
        )
        return json_answer(PresenceList(items=items, complete=seen.complete))

    return routes
