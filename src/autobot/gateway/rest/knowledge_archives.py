"""`/api/v1/knowledge_base/collections/{id}/export` and `/imports`: a collection as one file, going and coming."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from autobot.contracts.knowledge import archives
from autobot.contracts.knowledge.words import Id
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.multipart import FORM, parts_of
from autobot.gateway.rest.answers import json_answer
from autobot.gateway.rest.knowledge import PREFIX
from autobot.gateway.rest.knowledge_intake import FIELD_MAX, REFUSED, Originals, Stored, kept, wrong
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import IdSource

Archived = Callable[[str, CallContext], AsyncIterator[bytes]]
"""Yields the archive of a collection."""

_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The archive: a plain tar with what is said of each document, its original, and hashes.",
        "content": {archives.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
IMPORT: Final[dict[str, Any]] = {
    "description": f"A form with one `file`, an archive of at most {archives.ARCHIVE_MAX} bytes as `export` writes it, "
    "and the `collection` that its documents go to; without one they get a collection of their own, the same each time "
    "that archives of one collection are taken in. Answers 202 when the archive is kept; `GET` the import for its "
    "`state`. First the whole archive is looked through: when anything is wrong with it nothing of it is taken in. Files "
    "that the collection has already are recognised.",
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "collection": {"type": "string", "maxLength": 64},
                    },
                }
            }
        },
    },
}


def router(bus: Dispatcher, originals: Originals, ids: IdSource, archived: Archived) -> APIRouter:
    """Return the routes over the bus; `originals` takes archives in, `archived` makes them."""
    routes = new_router(PREFIX, "knowledge")
    _going(routes, bus, archived)
    _coming(routes, bus, originals, ids)
    return routes


def _going(routes: APIRouter, bus: Dispatcher, archived: Archived) -> None:
    @routes.get(
        "/collections/{id}/export",
        response_class=Response,
        responses=_BYTES,
        summary="Take a collection along as one file",
        description="Originals with titles, tags and addresses, those of versions before too, and question sets; no vectors "
        "and no text, which are made anew where it is taken in, no measurements and no permissions. That somebody took it "
        "along is in the audit.",
    )
    @needs("knowledge:read")
    async def export_collection(id: str, call: Call) -> Response:  # noqa: A002
        answer = await bus.dispatch(archives.ExportCollection(id=id), call.called)
        exported: archives.Exported = answer.value
        name = quote(f"{exported.name}.autobot.tar", safe="")
        fields = {
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "cache-control": "no-store",
        }
        pieces = archived(id, call.called)
        return StreamingResponse(pieces, 200, fields, media_type=archives.MEDIA_TYPE)


def _coming(routes: APIRouter, bus: Dispatcher, originals: Originals, ids: IdSource) -> None:
    @routes.post(
        "/imports",
        status_code=202,
        response_model=archives.ImportView,
        summary="Take in a collection that was exported",
        openapi_extra=IMPORT,
    )
    @needs("knowledge:write")
    async def import_collection(call: Call, request: Request) -> Response:
        name, stored, collection = await _received(request, originals, ids)
        command = archives.ImportArchive(blob=name, size=stored.size, collection=collection)
        try:
            answer = await bus.dispatch(command, call.called, key=call.key)
        except REFUSED:
            await originals.remove(name)
            raise
        call.settled(answer)
        location = call.address(f"{PREFIX}/imports/{answer.value.id}")
        return json_answer(answer.value, 202, {"location": location})

    @routes.get("/imports", response_model=archives.ImportPage, summary="One's imports, the newest first")
    @needs("knowledge:read")
    async def list_imports(context: Context, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
        return json_answer(await bus.ask(archives.ListImports(limit=limit), context))

    @routes.get("/imports/{id}", response_model=archives.ImportView, summary="An import and how far it is")
    @needs("knowledge:read")
    async def get_import(id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(archives.GetImport(id=id), context))

    @routes.post(
        "/imports/{id}/cancel",
        status_code=202,
        response_model=archives.ImportView,
        summary="Want an import no more",
        description="What it brought is taken back; `GET` the import until its `state` is `cancelled`. One that ended is "
        "409.",
    )
    @needs("knowledge:write")
    async def cancel_import(id: str, call: Call) -> Response:  # noqa: A002
        answer = await bus.dispatch(archives.CancelImport(id=id), call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, 202)


async def _received(request: Request, originals: Originals, ids: IdSource) -> tuple[str, Stored, Id | None]:
    """Keep the archive of a form. Raises InvalidInput when there is none; then, and on every error, nothing stays."""
    name, stored, collection = ids.new(), None, None
    try:
        async for part in parts_of(request.headers.get("content-type", ""), request.stream()):
            if part.name == "file" and part.filename is not None and stored is None:
                stored = await kept(originals, name, part.__aiter__(), "#/file", archives.ARCHIVE_MAX)
            elif part.name == "collection" and collection is None:
                collection = (await part.text(FIELD_MAX)).strip() or None
            else:
                raise wrong("is no field of this form, or is there twice", f"#/{part.name[:80]}")
        if stored is None:
            raise wrong("is missing", "#/file")
    except BaseException:
        if stored is not None:
            await originals.remove(name)
        raise
    return name, stored, collection
