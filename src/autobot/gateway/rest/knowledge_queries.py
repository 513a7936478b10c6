"""`/api/v1/knowledge_base/queries`: what was searched for, and what came of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from autobot.contracts.knowledge import queries as contract
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.rest.knowledge import PREFIX, Cursor, Limit
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "knowledge")

    @routes.get("/queries", response_model=contract.QueryPage, summary="One's own searches, the newest first")
    @needs("knowledge:read")
    async def list_queries(
        context: Context,
        which: contract.WhichQueries = "all",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = contract.ListQueries(which=which, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get("/queries/all", response_model=contract.QueryPage, summary="Everybody's searches")
    @needs("knowledge:queries")
    async def list_queries_of_all(
        context: Context,
        which: contract.WhichQueries = "all",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = contract.ListQueriesOfAll(which=which, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.delete(
        "/queries",
        response_model=contract.QueriesForgotten,
        summary="Take one's own searches out of the log, a thousand at once",
    )
    @needs("knowledge:read")
    async def forget_queries(call: Call) -> Response:
        answer = await bus.dispatch(contract.ForgetQueries(), call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    return routes
