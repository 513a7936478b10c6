"""The read side: actions and how they ended, now and at a moment of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from autobot.contexts.actions.domain import Catalogue, stream_of
from autobot.contexts.actions.ports import Allowed, StoredRequests, Work, view_of
from autobot.contracts import actions
from autobot.kernel.commands.decision import Decision
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.stepping import waited
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection


class ActionQueries:
    """One method a query."""

    def __init__(
        self, catalogue: Catalogue, work: Mapping[str, Work], requests: StoredRequests, allowed: Allowed
    ) -> None:
        self._catalogue, self._work, self._requests, self._allowed = catalogue, work, requests, allowed
        self._ends: dict[str, asyncio.Event] = {}
        self._watchers: dict[str, int] = {}

    async def recorded(self, decision: Decision[Any]) -> None:
        """Wake who waits for this action; called after the commit."""
        event = self._ends.get(decision.object)
        if event is not None:
            event.set()

    async def get(self, query: actions.GetAction, context: CallContext) -> actions.ActionView:
        """Return an action."""
        request = (await self._requests.load(query.request_id)).request
        request.require()
        return view_of(request)

    async def wait(self, query: actions.AwaitAction, context: CallContext) -> actions.ActionView:
        """Return an action when it has ended, or as it is when the time is up."""
        request_id = query.request_id
        ended = self._ends.setdefault(request_id, asyncio.Event())
        self._watchers[request_id] = self._watchers.get(request_id, 0) + 1
        try:
            view = await self.get(actions.GetAction(request_id=request_id), context)
            if view.status != "accepted":
                return view
            await waited(ended.wait(), query.seconds, context.deadline)
            return await self.get(actions.GetAction(request_id=request_id), context)
        finally:
            self._watchers[request_id] -= 1
            if not self._watchers[request_id]:
                del self._watchers[request_id], self._ends[request_id]

    async def types(self, query: actions.ListActionTypes, context: CallContext) -> actions.ActionTypePage:
        """Return the types that the principal may ask for."""
        return actions.ActionTypePage(
            items=tuple(
                one.view(one.name in self._work)
                for one in self._catalogue.all()
                if self._allowed(context.principal, one.permission)
            )
        )


def actions_then(codec: EventCodec) -> Projection:
    """Return the read model of actions: what was asked for and how it ended, without parameters and results, which
    may be somebody's text."""
    types = tuple(one.TYPE for one in actions.EVENTS)
    return latest("actions", types, codec.unwrap, prefix=stream_of(""), change=_then)


def _then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case actions.ActionRequested():
            owner = event.principal["user_id"]
            return {"action_type": event.action_type, "status": "accepted", "owner": owner}
        case actions.ActionEnded():
            error = None if event.error is None else msgspec.to_builtins(event.error)
            ended = {"status": event.status, "error": error, "processing_time_ms": event.processing_time_ms}
            return {**before, "action_type": event.action_type, **ended}
    return before
