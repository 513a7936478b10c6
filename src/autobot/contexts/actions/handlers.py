"""The write side: commands on actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import msgspec

from autobot.contexts.actions.domain import (
    ActionType,
    Catalogue,
    Request,
    read_parameters,
    stream_of,
)
from autobot.contexts.actions.ports import REQUESTS, Allowed, StoredRequests, Work, put_request
from autobot.contracts import actions
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import Absent, Forbidden
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import NO_STREAM, Delete, Erase
from autobot.kernel.sagas.facts import RUNS
from autobot.kernel.sagas.facts import stream_of as run_stream


class ActionHandlers:
    """One method a command."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        work: Mapping[str, Work],
        requests: StoredRequests,
        allowed: Allowed,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._catalogue, self._work, self._requests = catalogue, work, requests
        self._allowed, self._clock, self._ids = allowed, clock, ids

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose action it is, None when there is no such action."""
        stored = await self._requests.load(message.request_id)
        return stored.request.owner if stored.version else None

    async def process(
        self, command: actions.ProcessAction, context: CallContext
    ) -> Decision[actions.ActionAccepted]:
        """Check type, permission and parameters, and put the request into the log: from then on it will be done."""
        kind = self._ready(command.action_type, context.principal)
        read_parameters(kind.parameters, command.parameters)
        request = Request(
            id=self._ids.new(),
            action_type=kind.name,
            owner=context.principal.user_id,
            correlation_id=context.correlation_id,
            created_at=self._clock.now(),
        )
        principal = {**asdict(context.principal), "scopes": sorted(context.principal.scopes)}
        fact = actions.ActionRequested(
            request_id=request.id,
            action_type=kind.name,
            parameters=dict(command.parameters),
            principal=principal,
        )
        return Decision(
            answer=actions.ActionAccepted(request_id=request.id, long=kind.long),
            emits=(Emit(stream=stream_of(request.id), expected=NO_STREAM, events=(fact,)),),
            writes=(put_request(request, 0),),
            object=request.id,
        )

    def _ready(self, name: str, principal: Principal) -> ActionType:
        kind = self._catalogue.get(name)
        if not self._allowed(principal, kind.permission):
            raise Forbidden(f"{principal.username or principal.id} may not do {kind.permission}.")
        if name not in self._work:
            raise Absent(name, f"{kind.title}: the part that does this is not here.", hint=kind.absent)
        return kind

    async def record(self, command: actions.RecordAction, context: CallContext) -> Decision[actions.Recorded]:
        """Store the outcome, of two the first; parameters that are somebody's text leave the log."""
        stored = await self._requests.load(command.request_id)
        request = stored.request
        facts = request.end(command)
        if not facts:
            return Decision(answer=_held(request), object=request.id)
        ended = replace(
            request,
            status=command.status,
            result=command.result,
            error=msgspec.to_builtins(command.error) if command.error else None,
            processing_time_ms=command.processing_time_ms,
        )
        erase: tuple[Erase, ...] = ()
        if self._catalogue.get(request.action_type).private:
            blank = (actions.ActionRequested.TYPE,)
            erase = (Erase(stream=stream_of(request.id), types=blank, reason="the action ended"),)
        return Decision(
            answer=_held(ended),
            emits=(Emit(stream=stream_of(request.id), expected=0, events=facts),),
            writes=(put_request(ended, stored.version),),
            erase=erase,
            object=request.id,
        )

    async def erase(
        self, command: actions.EraseActions, context: CallContext
    ) -> Decision[actions.ActionsErased]:
        """Blank the facts of a user's actions and of the runs that did them, and drop their rows."""
        found = await self._requests.of(command.user_id, command.limit)
        erased = tuple(
            Erase(stream=stream, reason="user removed")
            for one in found
            for stream in (stream_of(one), run_stream(one))
        )
        return Decision(
            answer=actions.ActionsErased(erased=len(found), more=len(found) == command.limit),
            erase=erased,
            writes=tuple(Delete(table=table, key=one) for one in found for table in (REQUESTS, RUNS)),
            object=command.user_id,
            reason="user removed",
        )


def _held(request: Request) -> actions.Recorded:
    error = msgspec.convert(request.error, Failure) if request.error else None
    return actions.Recorded(status=request.status, error=error)
