"""`/api/v1/chat`: sessions, messages, runs."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import chat, runs
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import WHOLE, awaited, json_answer, moment, no_content, page_of
from autobot.gateway.rest.chat_bodies import (
    AcceptedMessage,
    EditedMessage,
    HitPage,
    MessagePage,
    ModelPage,
    NewMessage,
    NewSession,
    Regenerate,
    SelectedMessage,
    SessionPage,
)
from autobot.gateway.routing import router as edge_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import InvalidInput

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
EXPORT_PAGE = 200
MinPosition = Annotated[
    int,
    Query(
        ge=0,
        le=2**53,
        description="A log position, as `X-Log-Position` of a write gives it: the answer shows what was written there. "
        "It waits two seconds for that; then it is 503 `stale`.",
    ),
]
SEARCHED = 200
"""Best hits that a search looks at; the pages of its answer are cut from them."""


def as_of(at: str | None, position: int | None) -> chat.AsOf:
    """Read `?at=` and `?position=`; both together make no moment."""
    if at is not None and position is not None:
        raise InvalidInput("Give at or position, not both.")
    return chat.AsOf(position=position, at=moment(at, "at"))


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = edge_router("/api/v1/chat", "chat")
    _list_route(routes, bus)
    _session_routes(routes, bus)
    _finding_routes(routes, bus)
    _message_routes(routes, bus)
    _again_routes(routes, bus)
    _branch_routes(routes, bus)
    _run_routes(routes, bus)
    return routes


def _list_route(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/sessions", response_model=SessionPage, summary="List chats, last changed first")
    @needs("chat:read")
    async def list_sessions(
        context: Context,
        limit: Limit = 50,
        cursor: Cursor = None,
        q: Annotated[str, Query(max_length=200)] = "",
        at: str | None = None,
        position: Annotated[int | None, Query(ge=0)] = None,
        min_position: MinPosition = 0,
    ) -> Response:
        query = chat.ListSessions(
            limit=limit, cursor=cursor, search=q, as_of=as_of(at, position), min_position=min_position
        )
        return json_answer(await bus.ask(query, context))


def _session_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post("/sessions", response_model=chat.SessionView, status_code=201, summary="Begin a chat")
    @needs("chat:write")
    async def create_session(body: NewSession, call: Call) -> Response:
        command = chat.CreateSession(
            title=body.title, model=body.model, documents=body.documents or chat.AS_ASKED
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        view = await bus.ask(chat.GetSession(session_id=answer.value.id), call.called)
        location = call.address(f"/api/v1/chat/sessions/{view.id}")
        return json_answer(view, 201, {"location": location})

    @routes.get(
        "/sessions/{session_id}", response_model=chat.SessionView, summary="One chat, now or as it was"
    )
    @needs("chat:read")
    async def get_session(
        session_id: str,
        context: Context,
        at: str | None = None,
        position: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        query = chat.GetSession(session_id=session_id, as_of=as_of(at, position))
        return json_answer(await bus.ask(query, context))

    @routes.patch(
        "/sessions/{session_id}", response_model=chat.SessionView, summary="Rename, or choose a model"
    )
    @needs("chat:write")
    async def change_session(session_id: str, body: NewSession, call: Call) -> Response:
        command = chat.ChangeSession(
            session_id=session_id, title=body.title, model=body.model, documents=body.documents
        )
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return json_answer(await bus.ask(chat.GetSession(session_id=session_id), call.called))

    @routes.delete("/sessions/{session_id}", status_code=204, summary="Delete a chat and erase its text")
    @needs("chat:write")
    async def delete_session(session_id: str, call: Call) -> Response:
        command = chat.DeleteSession(session_id=session_id)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return no_content()


def _finding_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/search", response_model=HitPage, summary="Search in one's messages")
    @needs("chat:read")
    async def search(
        context: Context,
        q: Annotated[str, Query(min_length=1, max_length=200)],
        limit: Limit = 50,
        cursor: Cursor = None,
        min_position: MinPosition = 0,
    ) -> Response:
        query = chat.SearchMessages(text=q, limit=SEARCHED, min_position=min_position)
        page = await bus.ask(query, context)
        found = page_of(page.items, limit, cursor, lambda hit: str(hit.message_id))
        return json_answer({**found, "behind": page.behind})

    @routes.get(
        "/sessions/{session_id}/export",
        summary="Export a chat as JSON or Markdown",
        response_class=Response,
        responses={
            200: {
                "description": "The file.",
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "text/markdown": {"schema": {"type": "string"}},
                },
            }
        },
    )
    @needs("chat:read")
    async def export(
        session_id: str,
        context: Context,
        form: Annotated[str, Query(alias="format", pattern="^(json|markdown)$")] = "json",
    ) -> Response:
        session = await bus.ask(chat.GetSession(session_id=session_id), context)
        messages = await _everything(bus, session_id, context, all_branches=form == "json")
        return exported(session, messages, form)


async def _everything(bus: Dispatcher, session_id: str, context: Any, *, all_branches: bool) -> list[Any]:
    items: list[Any] = []
    cursor: str | None = None
    while True:
        query = chat.ListMessages(
            session_id=session_id, limit=EXPORT_PAGE, cursor=cursor, all_branches=all_branches
        )
        page = await bus.ask(query, context)
        items.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return items


def exported(session: chat.SessionView, messages: list[chat.MessageView], form: str) -> Response:
    """Return the file. Titles are people's text: the name of the file holds none of it."""
    name = f'attachment; filename="chat-{session.id}.{"json" if form == "json" else "md"}"'
    if form == "json":
        body = msgspec.json.encode({"format": "autobot.chat.v1", "session": session, "messages": messages})
        return Response(body, media_type="application/json", headers={"content-disposition": name})
    lines = [f"# {session.title or 'Chat'}", ""]
    for one in messages:
        lines += [f"## {_who(one)} · {one.created_at}", "", one.content, ""]
    return Response(
        "\n".join(lines), media_type="text/markdown; charset=utf-8", headers={"content-disposition": name}
    )


def _who(one: chat.MessageView) -> str:
    """Return who said a message, as the file heads it."""
    if one.role == "user":
        return "You"
    if one.brought:
        return "System (brought along)" if one.role == "system" else "Assistant (brought along)"
    return one.model or "AutoBot"


def _message_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/sessions/{session_id}/messages", response_model=MessagePage, summary="The shown branch of a chat"
    )
    @needs("chat:read")
    async def list_messages(
        session_id: str,
        context: Context,
        limit: Limit = 50,
        cursor: Cursor = None,
        at: str | None = None,
        position: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        query = chat.ListMessages(
            session_id=session_id, limit=limit, cursor=cursor, as_of=as_of(at, position)
        )
        return json_answer(await bus.ask(query, context))

    @routes.post(
        "/sessions/{session_id}/messages",
        response_model=AcceptedMessage,
        status_code=202,
        summary="Say something",
        description="Answers 202 with the run that will reply; under `Prefer: wait=N` 200 with the finished "
        "reply, or that 202 when N seconds pass.",
        responses={200: {"model": chat.MessageView, "description": "The finished reply (`Prefer: wait`)"}},
    )
    @needs("chat:write")
    async def post_message(session_id: str, body: NewMessage, call: Call) -> Response:
        command = chat.PostMessage(session_id=session_id, content=body.content, parent_id=body.parent_id)
        return await _accepted(bus, call, session_id, command)


def _again_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        "/sessions/{session_id}/messages/{message_id}/regenerate",
        response_model=AcceptedMessage,
        status_code=202,
        summary="Answer again, as a new branch",
    )
    @needs("chat:write")
    async def regenerate(
        session_id: str, message_id: str, call: Call, body: Regenerate | None = None
    ) -> Response:
        model = body.model if body else None
        command = chat.RegenerateReply(session_id=session_id, message_id=message_id, model=model)
        return await _accepted(bus, call, session_id, command)

    @routes.post(
        "/sessions/{session_id}/messages/{message_id}/edit",
        response_model=AcceptedMessage,
        status_code=202,
        summary="Say it differently, as a new branch",
    )
    @needs("chat:write")
    async def edit(session_id: str, message_id: str, body: EditedMessage, call: Call) -> Response:
        command = chat.EditMessage(session_id=session_id, message_id=message_id, content=body.content)
        return await _accepted(bus, call, session_id, command)


async def _accepted(bus: Dispatcher, call: Call, session_id: str, command: Any) -> Response:
    answer = await bus.dispatch(command, call.called, key=call.key)
    call.settled(answer)
    accepted: chat.Accepted = answer.value
    if call.wait:

        async def wait(seconds: float) -> runs.RunView:
            found: runs.RunView = await bus.ask(
                runs.AwaitRun(run_id=accepted.run_id, seconds=seconds), call.called
            )
            return found

        run = await awaited(wait, lambda one: one.ended_at is not None, min(call.wait, 60.0))
        if run.ended_at is not None:
            query = chat.GetMessage(session_id=session_id, message_id=accepted.reply_id)
            return json_answer(
                await bus.ask(query, call.called), 200, {"preference-applied": f"wait={call.wait:g}"}
            )
    events_url = call.address(f"/api/v1/chat/runs/{accepted.run_id}/events")
    body = AcceptedMessage(
        message_id=accepted.message_id,
        run_id=accepted.run_id,
        reply_id=accepted.reply_id,
        events_url=events_url,
    )
    return json_answer(body, 202, {"location": call.address(f"/api/v1/chat/runs/{accepted.run_id}")})


def _branch_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/sessions/{session_id}/messages/{message_id}", response_model=chat.MessageView, summary="One message"
    )
    @needs("chat:read")
    async def get_message(session_id: str, message_id: str, context: Context) -> Response:
        return json_answer(
            await bus.ask(chat.GetMessage(session_id=session_id, message_id=message_id), context)
        )

    @routes.post(
        "/sessions/{session_id}/branch", response_model=chat.SessionView, summary="Show another branch"
    )
    @needs("chat:write")
    async def select_branch(session_id: str, body: SelectedMessage, call: Call) -> Response:
        command = chat.SelectBranch(session_id=session_id, message_id=body.message_id)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return json_answer(await bus.ask(chat.GetSession(session_id=session_id), call.called))


def _run_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/models", response_model=ModelPage, summary="Models that a chat can choose")
    @needs("models:read")
    async def models(context: Context, limit: Limit = WHOLE, cursor: Cursor = None) -> Response:
        found = await bus.ask(runs.ListModels(), context)
        return json_answer(page_of(found, limit, cursor, lambda one: str(one.id)))

    @routes.get("/runs/{run_id}", response_model=runs.RunView, summary="One run")
    @needs("runs:read")
    async def get_run(run_id: str, context: Context) -> Response:
        return json_answer(await bus.ask(runs.GetRun(run_id=run_id), context))

    @routes.post(
        "/runs/{run_id}/stop",
        response_model=runs.RunStopping,
        status_code=202,
        summary="Stop a run; its text stays",
    )
    @needs("runs:stop")
    async def stop(run_id: str, call: Call) -> Response:
        answer = await bus.dispatch(runs.StopRun(run_id=run_id), call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, 202)
