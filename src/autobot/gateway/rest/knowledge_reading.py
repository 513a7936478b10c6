"""`/api/v1/knowledge_base/documents/{id}/text`, `/place` and `/occurrences`: what documents say."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts.knowledge import reading
from autobot.gateway.access import needs
from autobot.gateway.exchange import Context
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.rest.knowledge import PREFIX
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher

Version = Annotated[int | None, Query(ge=1)]
CodePoint = Annotated[int, Query(ge=0)]


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "knowledge")
    _text(routes, bus)
    _places(routes, bus)
    return routes


def _text(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/documents/{id}/text",
        response_model=reading.DocumentText,
        summary="What was read from a document",
    )
    @needs("knowledge:read")
    async def document_text(
        id: str,  # noqa: A002
        context: Context,
        version: Version = None,
        start: CodePoint = 0,
        length: Annotated[int, Query(ge=1, le=1_000_000)] = 200_000,
    ) -> Response:
        query = reading.GetDocumentText(id=id, version=version, start=start, length=length)
        return json_answer(await bus.ask(query, context))


def _places(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/documents/{id}/place",
        response_model=reading.TextStretch,
        summary="Where a page or a passage lies in what was read from a document",
    )
    @needs("knowledge:read")
    async def document_place(
        id: str,  # noqa: A002
        context: Context,
        version: Version = None,
        page: Annotated[int | None, Query(ge=1)] = None,
        passage: Annotated[int | None, Query(ge=0, le=999_999_999)] = None,
    ) -> Response:
        query = reading.GetPlace(id=id, version=version, page=page, passage=passage)
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/documents/{id}/occurrences",
        response_model=reading.Occurrences,
        summary="Where words stand in what was read from a document",
        description="Capitals and white space between the words do not matter. The answer begins at the first place at or "
        "behind `start`, at the first of all when there is none, or at the place with the number `skip`.",
    )
    @needs("knowledge:read")
    async def document_occurrences(
        id: str,  # noqa: A002
        context: Context,
        q: Annotated[str, Query(min_length=1, max_length=200)],
        version: Version = None,
        start: CodePoint = 0,
        skip: Annotated[int | None, Query(ge=0, le=reading.SOUGHT_MAX)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 200,
    ) -> Response:
        query = reading.FindInDocument(id=id, text=q, version=version, start=start, skip=skip, limit=limit)
        return json_answer(await bus.ask(query, context))
