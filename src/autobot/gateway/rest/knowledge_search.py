"""`/api/v1/knowledge_base/search`: what is found in documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from annotated_types import Ge, Le, Len
from fastapi import APIRouter
from starlette.responses import Response

from autobot.contracts.knowledge import measuring, search
from autobot.contracts.knowledge.words import COLLECTIONS_MAX, Id, Tags
from autobot.contracts.past import AsOf
from autobot.gateway.access import needs
from autobot.gateway.exchange import Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.rest.knowledge import PREFIX
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Body of a search. `at` (a time) or `position` (of the log) asks what would have been found then. `rerank` asks for the
    stage that puts the best in order anew, or for none; left out, the settings say."""

    query: Annotated[str, Len(1, search.QUERY_MAX)]
    limit: Annotated[int, Ge(1), Le(search.RESULTS_MAX)] = 10
    mode: search.SearchMode = "hybrid"
    group: search.SearchGroup = "passage"
    collection: Id | None = None
    collections: Annotated[tuple[Id, ...], Len(0, COLLECTIONS_MAX)] = ()
    tags: Tags = ()
    rerank: bool | None = None
    at: datetime | None = None
    position: Annotated[int, Ge(0), Le(2**53)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Body of a measurement: questions with the grade of each document that answers them. With `results` the answer names
    what was found for each. The rest is as in a search."""

    questions: Annotated[tuple[measuring.LabelledQuestion, ...], Len(1, measuring.QUESTIONS_MAX)]
    mode: search.SearchMode = "hybrid"
    collection: Id | None = None
    rerank: bool | None = None
    at: datetime | None = None
    position: Annotated[int, Ge(0), Le(2**53)] | None = None
    results: bool = False


def _as_of(body: Search | Measure) -> AsOf:
    if body.at is not None and body.position is not None:
        raise InvalidInput("Give at or position, not both.")
    return AsOf(position=body.position, at=body.at)


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "knowledge")

    @routes.post(
        "/search",
        response_model=search.SearchAnswer,
        summary="Search documents by words and meaning, with the scores of each stage",
    )
    @needs("knowledge:read")
    async def search_knowledge(body: Search, context: Context) -> Response:
        query = search.SearchKnowledge(
            query=body.query,
            limit=body.limit,
            mode=body.mode,
            group=body.group,
            collection=body.collection,
            collections=body.collections,
            tags=body.tags,
            rerank=body.rerank,
            as_of=_as_of(body),
        )
        return json_answer(await bus.ask(query, context))

    @routes.post(
        "/search/measure",
        response_model=measuring.SearchMeasures,
        summary="Measure search by questions whose documents are known: nDCG@10, recall@100, MRR@10",
    )
    @needs("knowledge:read")
    async def measure_search(body: Measure, context: Context) -> Response:
        query = measuring.MeasureSearch(
            questions=body.questions,
            mode=body.mode,
            collection=body.collection,
            rerank=body.rerank,
            as_of=_as_of(body),
            results=body.results,
        )
        return json_answer(await bus.ask(query, context))

    return routes
