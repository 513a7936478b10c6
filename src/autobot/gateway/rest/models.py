"""`/api/v1/models`: what models are used for, and what computes here."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import inference, model_page, usage
from autobot.gateway.access import needs
from autobot.gateway.exchange import Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock

DAYS: Final = 30
"""Days that are summed when nobody says which."""


def router(bus: Dispatcher, clock: Clock) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/models", "models")

    @routes.get(
        "/accelerators",
        response_model=inference.AcceleratorList,
        summary="Workers for inference: devices, models, load",
        description="Each worker that the row `ai-npu` leads to, asked now. One of ours that nobody needed yet is *idle* and "
        "is not started by this.",
    )
    @needs("models:accelerators")
    async def list_accelerators(context: Context) -> Response:
        return json_answer(await bus.ask(inference.ListAccelerators(), context))

    @routes.get(
        "/overview",
        response_model=model_page.ModelOverview,
        summary="Providers with servers, models, load, pace and today's cost",
    )
    @needs("models:usage")
    async def get_model_overview(context: Context) -> Response:
        return json_answer(await bus.ask(model_page.GetModelOverview(), context))

    @routes.get(
        "/usage",
        response_model=usage.ModelUsage,
        summary="Tokens and cost of days, by user, key, model or day",
        description="Days are in UTC, `from` and `to` included; left out, the last 30. Who may not see what others used "
        "gets their own.",
    )
    @needs("models:usage")
    async def get_model_usage(
        context: Context,
        by: usage.UsageBy = "model",
        since: Annotated[str | None, Query(alias="from", pattern=f"^{usage.DAY}$")] = None,
        until: Annotated[str | None, Query(alias="to", pattern=f"^{usage.DAY}$")] = None,
        user: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    ) -> Response:
        today = clock.now().astimezone(UTC).date()
        query = usage.GetModelUsage(
            by=by,
            since=since or (today - timedelta(days=DAYS - 1)).isoformat(),
            until=until or today.isoformat(),
            user=user,
        )
        return json_answer(await bus.ask(query, context))

    return routes
