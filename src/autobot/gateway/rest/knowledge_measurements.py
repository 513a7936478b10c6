"""`…/question_sets/{set_id}/measurements`: how well search finds what answers the questions of a set, over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from autobot.contracts.knowledge import measurements as contract
from autobot.contracts.knowledge.search import SearchMode
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.rest.knowledge import PREFIX, Cursor, Limit
from autobot.gateway.rest.knowledge_sets import ONE
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher

ALL: Final = f"{ONE}/measurements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Body of a measurement. `rerank` left out: as the settings say."""

    mode: SearchMode = "hybrid"
    rerank: bool | None = None


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "knowledge")

    @routes.post(
        ALL,
        status_code=202,
        response_model=contract.MeasurementSummary,
        summary="Measure search by a question set, in the background",
    )
    @needs("knowledge:write")
    async def measure_by_question_set(id: str, set_id: str, body: Wanted, call: Call) -> Response:  # noqa: A002
        command = contract.MeasureByQuestionSet(collection=id, set=set_id, mode=body.mode, rerank=body.rerank)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        path = f"{PREFIX}/collections/{id}/question_sets/{set_id}/measurements/{answer.value.id}"
        return json_answer(answer.value, 202, {"location": call.address(path)})

    @routes.get(ALL, response_model=contract.MeasurementPage, summary="Measurements, the newest first")
    @needs("knowledge:read")
    async def list_measurements(
        id: str,  # noqa: A002
        set_id: str,
        context: Context,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = contract.ListMeasurements(collection=id, set=set_id, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get(
        f"{ALL}/{{measurement_id}}",
        response_model=contract.MeasurementView,
        summary="A measurement, how far it is, and the result of each question",
    )
    @needs("knowledge:read")
    async def get_measurement(id: str, set_id: str, measurement_id: str, context: Context) -> Response:  # noqa: A002
        query = contract.GetMeasurement(collection=id, set=set_id, id=measurement_id)
        return json_answer(await bus.ask(query, context))

    _stop(routes, bus)
    return routes


def _stop(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        f"{ALL}/{{measurement_id}}/cancel",
        response_model=contract.MeasurementSummary,
        summary="End a measurement that goes on",
    )
    @needs("knowledge:write")
    async def stop_measurement(id: str, set_id: str, measurement_id: str, call: Call) -> Response:  # noqa: A002
        command = contract.StopMeasurement(collection=id, set=set_id, id=measurement_id)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)
