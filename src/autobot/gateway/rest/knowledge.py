"""`/api/v1/knowledge_base/documents` and `/collections`: what people keep, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from autobot.contracts.knowledge import collections, documents
from autobot.contracts.knowledge.words import ENDED, Everybody, Id, Name, People, Person, State, Tags, Title
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import awaited, json_answer, no_content
from autobot.gateway.rest.knowledge_intake import ADD, Intake, Originals
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.ids import IdSource

PREFIX: Final = "/api/v1/knowledge_base"
PIECE: Final = 256 * 1024
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes as they came, to be saved: never shown in place.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCollection:
    """Body of a change: what is not given stays."""

    name: Name | None = None
    readers: People | None = None
    writers: People | None = None
    everybody: Everybody | None = None
    owner: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDocument:
    """Body of a change: what is not given stays."""

    title: Title | None = None
    tags: Tags | None = None
    collection: Id | None = None


def router(bus: Dispatcher, originals: Originals, ids: IdSource) -> APIRouter:
    """Return the routes over the bus; `originals` takes and gives the bytes of files."""
    routes = new_router(PREFIX, "knowledge")
    _in(routes, Intake(bus, originals, ids))
    _documents(routes, bus)
    _content(routes, bus, originals)
    _labels(routes, bus)
    _changes(routes, bus)
    _collections(routes, bus)
    _collection_changes(routes, bus)
    return routes


def _in(routes: APIRouter, intake: Intake) -> None:
    @routes.post(
        "/documents",
        status_code=202,
        response_model=documents.Accepted,
        summary="Add a document: a file, a text, or what lies at an address",
        openapi_extra=ADD,
    )
    @needs("knowledge:write")
    async def add_document(call: Call, request: Request) -> Response:
        answer = await intake.take(request, call)
        location = call.address(f"{PREFIX}/documents/{answer.id}")
        return json_answer(answer, 202, {"location": location})


def _documents(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/documents", response_model=documents.DocumentPage, summary="Documents, the newest first")
    @needs("knowledge:read")
    async def list_documents(
        context: Context,
        collection: Annotated[str | None, Query(max_length=64)] = None,
        state: State | None = None,
        tag: Annotated[str | None, Query(max_length=60)] = None,
        q: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = documents.ListDocuments(
            collection=collection, state=state, tag=tag, text=q, limit=limit, cursor=cursor
        )
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/documents/{id}",
        response_model=documents.DocumentView,
        summary="A document and how far it is",
        description="With `Prefer: wait=N` it is answered when nothing is done with it any more, or after N seconds.",
    )
    @needs("knowledge:read")
    async def get_document(id: str, call: Call) -> Response:  # noqa: A002
        if not call.wait:
            return json_answer(await bus.ask(documents.GetDocument(id=id), call.called))

        async def wait(left: float) -> documents.DocumentView:
            query = documents.AwaitDocument(id=id, seconds=left)
            view: documents.DocumentView = await bus.ask(query, call.called)
            return view

        return json_answer(await awaited(wait, lambda one: one.status in ENDED, min(call.wait, 300.0)))

    @routes.delete(
        "/documents/{id}",
        status_code=204,
        summary="Delete a document",
        description="With `If-Match` it is done only while the document is as its ETag says.",
        response_class=Response,
    )
    @needs("knowledge:write")
    async def delete_document(id: str, call: Call, keep_past: bool = False) -> Response:  # noqa: A002
        command = documents.DeleteDocument(id=id, keep_past=keep_past)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return no_content()


def _content(routes: APIRouter, bus: Dispatcher, originals: Originals) -> None:
    @routes.get(
        "/documents/{id}/original",
        response_class=Response,
        responses=_BYTES,
        summary="The file that a document was made of",
    )
    @needs("knowledge:read")
    async def document_original(id: str, context: Context) -> Response:  # noqa: A002
        found: documents.OriginalView = await bus.ask(documents.GetOriginal(id=id), context)

        async def body() -> AsyncIterator[bytes]:
            offset = 0
            while piece := await originals.read(found.blob, offset, PIECE):
                offset += len(piece)
                yield piece

        name = quote(found.filename or "document", safe="")
        fields = {
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "content-length": str(found.size),
        }
        return StreamingResponse(body(), 200, fields, media_type="application/octet-stream")


def _labels(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.patch(
        "/documents/{id}",
        response_model=documents.DocumentView,
        summary="Change a document's title, tags or collection",
        description="It is no new version: what was read of it stays, and it is found under the new ones a moment later. "
        "Searches as of before go by the tags and show the title that it had. With `If-Match` it is done only while the "
        "document is as its ETag says.",
    )
    @needs("knowledge:write")
    async def change_document(id: str, body: ChangedDocument, call: Call) -> Response:  # noqa: A002
        command = documents.ChangeDocument(
            id=id, title=body.title, tags=body.tags, collection=body.collection
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)


def _changes(routes: APIRouter, bus: Dispatcher) -> None:
    async def done(command: Any, call: Call) -> Response:
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, 202)

    @routes.post(
        "/documents/{id}/reindex",
        summary="Read a document anew, as a version of its own",
        status_code=202,
        response_model=documents.DocumentView,
    )
    @needs("knowledge:write")
    async def reindex_document(id: str, call: Call) -> Response:  # noqa: A002
        return await done(documents.ReindexDocument(id=id), call)

    @routes.post(
        "/documents/{id}/retry",
        summary="Try again what failed or was cancelled",
        status_code=202,
        response_model=documents.DocumentView,
    )
    @needs("knowledge:write")
    async def retry_document(id: str, call: Call) -> Response:  # noqa: A002
        return await done(documents.RetryDocument(id=id), call)

    @routes.post(
        "/documents/{id}/cancel",
        summary="Leave the newest version unindexed",
        status_code=202,
        response_model=documents.DocumentView,
    )
    @needs("knowledge:write")
    async def cancel_document(id: str, call: Call) -> Response:  # noqa: A002
        return await done(documents.CancelDocument(id=id), call)


def _collections(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/collections",
        response_model=collections.CollectionPage,
        summary="The collections that one may read, by name",
    )
    @needs("knowledge:read")
    async def list_collections(context: Context, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return json_answer(await bus.ask(collections.ListCollections(limit=limit, cursor=cursor), context))

    @routes.get("/folders", response_model=collections.FolderPage, summary="Watched folders, and how each is")
    @needs("knowledge:folders")
    async def list_folders(context: Context) -> Response:
        return json_answer(await bus.ask(collections.ListFolders(), context))

    @routes.get(
        "/collections/{id}", response_model=collections.CollectionView, summary="A collection and who may"
    )
    @needs("knowledge:read")
    async def get_collection(id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(collections.GetCollection(id=id), context))


def _collection_changes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        "/collections",
        status_code=201,
        response_model=collections.CollectionView,
        summary="Make a collection",
    )
    @needs("knowledge:write")
    async def create_collection(body: collections.CreateCollection, call: Call) -> Response:
        answer = await bus.dispatch(body, call.called, key=call.key)
        call.settled(answer)
        location = call.address(f"{PREFIX}/collections/{answer.value.id}")
        return json_answer(answer.value, 201, {"location": location})

    @routes.patch(
        "/collections/{id}",
        response_model=collections.CollectionView,
        summary="Change a collection's name and who may",
    )
    @needs("knowledge:write")
    async def change_collection(id: str, body: ChangedCollection, call: Call) -> Response:  # noqa: A002
        command = collections.ChangeCollection(
            id=id,
            name=body.name,
            readers=body.readers,
            writers=body.writers,
            everybody=body.everybody,
            owner=body.owner,
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.delete(
        "/collections/{id}", status_code=204, summary="Delete an empty collection", response_class=Response
    )
    @needs("knowledge:write")
    async def delete_collection(id: str, call: Call) -> Response:  # noqa: A002
        answer = await bus.dispatch(collections.DeleteCollection(id=id), call.called, key=call.key)
        call.settled(answer)
        return no_content()
