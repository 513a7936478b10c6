"""The write side: changes of read models, asked for and noted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autobot.contexts.history.domain import require
from autobot.contexts.history.ports import StoredChanges, Views, put_change, stream_of
from autobot.contracts import read_models
from autobot.contracts.read_models import ReadModelChange
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, principal_data
from autobot.kernel.core.errors import NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY


class ChangeHandlers:
    """One method a command."""

    def __init__(self, stored: StoredChanges, views: Views, clock: Clock, ids: IdSource) -> None:
        self._stored, self._views, self._clock, self._ids = stored, views, clock, ids

    async def request(
        self, command: read_models.ChangeReadModel, context: CallContext
    ) -> Decision[ReadModelChange]:
        """Accept a change: from then on a run carries it, over restarts."""
        view = self._views.get(command.name)
        if view is None:
            known = ", ".join(sorted(self._views))
            raise NotFound(f"There is no stored read model {command.name}; there are: {known}.")
        require(command.act, await view.statistics())
        change = ReadModelChange(
            id=self._ids.new(),
            name=command.name,
            act=command.act,
            status="accepted",
            reason=command.reason,
            asked_by=context.principal.username or context.principal.id,
            asked_at=rfc3339(self._clock.now()),
        )
        fact = read_models.ReadModelChangeRequested(
            change=change.id,
            name=change.name,
            act=change.act,
            reason=change.reason,
            principal=principal_data(context.principal),
        )
        return _decision(change, 0, (fact,))

    async def note(
        self, command: read_models.NoteReadModelChange, context: CallContext
    ) -> Decision[ReadModelChange]:
        """Note how a change stands; one that has ended stays as it is."""
        change, version = await self._stored.load(command.id)
        if change.ended_at is not None or command.status == change.status:
            return Decision(answer=change, object=f"read-model:{change.name}")
        noted = replace(change, status=command.status, error=command.error)
        if command.status == "running":
            return _decision(noted, version, ())
        fact = read_models.ReadModelChangeEnded(
            change=change.id, name=change.name, act=change.act, status=command.status
        )
        return _decision(replace(noted, ended_at=rfc3339(self._clock.now())), version, (fact,))


def _decision(change: ReadModelChange, version: int, facts: tuple[Any, ...]) -> Decision[ReadModelChange]:
    emit = Emit(stream=stream_of(change.name), expected=ANY, events=facts)
    return Decision(
        answer=change,
        emits=(emit,) if facts else (),
        writes=(put_change(change, version),),
        object=f"read-model:{change.name}",
        reason=change.reason,
    )
