"""`/api/v1/messaging`: dead letters, replays, consumer groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from autobot.contracts import messaging, replays
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import WHOLE, json_answer, moment, page_of
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import Stale

READ, WRITE = "messaging:read", "messaging:write"
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Body of a decision that needs a reason."""

    reason: messaging.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Body of a copy: the whole data of the event as it should have been."""

    data: dict[str, Any]
    reason: messaging.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Body of a replay of many. At least one field names which; `dry_run` only tells what it would replay."""

    group: messaging.Text = ""
    type: messaging.Text = ""
    fingerprint: messaging.Text = ""
    key: messaging.Text = ""
    since: datetime | None = None
    until: datetime | None = None
    per_second: Annotated[float, Gt(0), Le(1000)] = 10.0
    stop_at_percent: Annotated[int, Ge(1), Le(100)] = 50
    dry_run: bool = False

    @property
    def selection(self) -> messaging.Selection:
        """Which dead letters."""
        return messaging.Selection(
            group=self.group,
            type=self.type,
            fingerprint=self.fingerprint,
            key=self.key,
            since=self.since,
            until=self.until,
        )


def selection_of(
    group: Word = "",
    kind: Annotated[str, Query(alias="type", max_length=200)] = "",
    fingerprint: Word = "",
    key: Word = "",
    since: str | None = None,
    until: str | None = None,
) -> messaging.Selection:
    """Return what the query parameters of a list select."""
    return messaging.Selection(
        group=group,
        type=kind,
        fingerprint=fingerprint,
        key=key,
        since=moment(since, "since"),
        until=moment(until, "until"),
    )


Selected = Annotated[messaging.Selection, Depends(selection_of)]


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router("/api/v1/messaging", "messaging")
    _lists(routes, bus)
    _replays(routes, bus)
    _decisions(routes, bus)
    _consumers(routes, bus)
    return routes


def _lists(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        "/dead-letters",
        response_model=messaging.DeadLetterPage,
        summary="Dead letters, in log order",
        description="`since` and `until` bound the last failure. A page of a filtered list may be short: "
        "while there is a `next_cursor`, there may be more.",
    )
    @needs(READ)
    async def letters(
        context: Context, selection: Selected, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        query = messaging.ListDeadLetters(selection=selection, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get(
        "/dead-letters/groups",
        response_model=messaging.CausePage,
        summary="Dead letters by their cause, the most frequent first",
    )
    @needs(READ)
    async def causes(
        context: Context, selection: Selected, limit: Limit = WHOLE, cursor: Cursor = None
    ) -> Response:
        page = await bus.ask(messaging.ListCauses(selection=selection), context)
        return json_answer(page_of(page.items, limit, cursor, lambda one: f"{one.group}/{one.fingerprint}"))


def _replays(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        "/dead-letters/replay",
        response_model=replays.ReplayPreview,
        summary="Replay all that a selection names",
        description="Answers 202 with the replay, which goes on over restarts; ask at Location how far it is. "
        "With `dry_run` it answers 200 with what would be replayed, and nothing is.",
        responses={202: {"model": replays.ReplayView, "description": "Accepted; ask at Location"}},
    )
    @needs(WRITE)
    async def replay(body: Replay, call: Call) -> Response:
        if body.dry_run:
            return json_answer(await bus.ask(replays.PreviewReplay(selection=body.selection), call.called))
        command = replays.RequestReplay(
            selection=body.selection, per_second=body.per_second, stop_at_percent=body.stop_at_percent
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        location = call.address(f"/api/v1/messaging/replays/{answer.value.id}")
        return json_answer(answer.value, 202, {"location": location})

    @routes.get("/replays", response_model=replays.ReplayPage, summary="Replays, the newest first")
    @needs(READ)
    async def all_replays(context: Context, limit: Limit = 50, cursor: Cursor = None) -> Response:
        return json_answer(await bus.ask(replays.ListReplays(limit=limit, cursor=cursor), context))

    @routes.get("/replays/{id}", response_model=replays.ReplayView, summary="One replay, as far as it is")
    @needs(READ)
    async def one_replay(id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(replays.GetReplay(id=id), context))

    @routes.post("/replays/{id}/stop", response_model=replays.ReplayView, summary="End a replay")
    @needs(WRITE)
    async def stop(id: str, call: Call) -> Response:  # noqa: A002
        answer = await bus.dispatch(replays.StopReplay(id=id), call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)


def _decisions(routes: APIRouter, bus: Dispatcher) -> None:
    async def decide(call: Call, command: Any) -> Response:
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.get(
        "/dead-letters/{id}",
        response_model=messaging.DeadLetterView,
        summary="One dead letter with its event",
    )
    @needs(READ)
    async def letter(id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(messaging.GetDeadLetter(id=id), context))

    @routes.post(
        "/dead-letters/{id}/replay", response_model=messaging.LetterDecided, summary="Deliver one again"
    )
    @needs(WRITE)
    async def replay_one(id: str, call: Call) -> Response:  # noqa: A002
        return await decide(call, messaging.ReplayDeadLetter(id=id))

    @routes.post(
        "/dead-letters/{id}/edit",
        response_model=messaging.LetterDecided,
        summary="Give its group a copy with other data",
        description="The copy has an id of its own and names the original as its cause; it is checked against "
        "the contract or the registered schema of its type, and takes the original's place in the order of its key.",
    )
    @needs(WRITE)
    async def edit(id: str, body: Edit, call: Call) -> Response:  # noqa: A002
        return await decide(call, messaging.EditDeadLetter(id=id, data=body.data, reason=body.reason))

    @routes.post("/dead-letters/{id}/discard", response_model=messaging.LetterDecided, summary="Give one up")
    @needs(WRITE)
    async def discard(id: str, body: Why, call: Call) -> Response:  # noqa: A002
        return await decide(call, messaging.DiscardDeadLetter(id=id, reason=body.reason))


def _consumers(routes: APIRouter, bus: Dispatcher) -> None:
    async def settle(call: Call, command: Any) -> Response:
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        page = await bus.ask(messaging.ListConsumers(), call.called)
        found = next((one for one in page.items if one.group == command.group), None)
        if found is None:
            # It was decided; the backend that was asked afterwards has not heard yet who serves the group.
            raise Stale("The word is given; who serves the group is not known here yet.")
        return json_answer(found)

    @routes.get(
        "/consumers", response_model=messaging.ConsumerPage, summary="Consumer groups with lag and age"
    )
    @needs(READ)
    async def consumers(context: Context, limit: Limit = WHOLE, cursor: Cursor = None) -> Response:
        page = await bus.ask(messaging.ListConsumers(), context)
        return json_answer(page_of(page.items, limit, cursor, lambda one: f"{one.group} {one.process}"))

    @routes.post(
        "/consumers/{group}/pause",
        response_model=messaging.ConsumerView,
        summary="Give a group nothing more; what it works on is finished",
    )
    @needs(WRITE)
    async def pause(group: str, body: Why, call: Call) -> Response:
        return await settle(call, messaging.HoldConsumer(group=group, reason=body.reason))

    @routes.post(
        "/consumers/{group}/resume", response_model=messaging.ConsumerView, summary="Let a group go on"
    )
    @needs(WRITE)
    async def resume(group: str, body: Why, call: Call) -> Response:
        return await settle(call, messaging.ReleaseConsumer(group=group, reason=body.reason))
