"""A change of a read model as a durable run: one step that may repeat, because each change is made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from autobot.contexts.history.ports import StoredChanges, Views
from autobot.contracts import read_models
from autobot.contracts.read_models import ReadModelChange
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import principal_of
from autobot.kernel.core.errors import NotFound
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "read model change"
BUDGET_S: Final = 86_400.0
"""Seconds that a change may take: a day."""


class ChangeRun(PlainRun):
    """The definition. A rebuild that was cut off goes on where its candidate stands."""

    name, budget = NAME, BUDGET_S
    resumes = True

    def __init__(self, *, bus: Dispatcher, stored: StoredChanges, views: Views) -> None:
        self._bus, self._stored, self._views = bus, stored, views

    async def execute(self, run: Run) -> None:
        """Do it."""
        change, _ = await self._stored.load(run.id)
        await self._note(run, read_models.NoteReadModelChange(id=run.id, status="running"))
        await run.step(
            change.act, "write", partial(self._do, change), bool, given=change.name, resumable=True
        )

    async def _do(self, change: ReadModelChange) -> bool:
        view = self._views.get(change.name)
        if view is None:
            raise NotFound(f"There is no stored read model {change.name}.")
        await view.change(change.act, change.id)
        return True

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record how it ended; what is recorded already decides."""
        status = cast("Any", outcome.state)
        note = read_models.NoteReadModelChange(id=run.id, status=status, error=outcome.error)
        view = await self._note(run, note)
        return Ended(outcome=Outcome(state=cast("Any", view.status), error=view.error))

    async def _note(self, run: Run, note: read_models.NoteReadModelChange) -> ReadModelChange:
        answer = await self._bus.dispatch(
            note, as_service(run.context, "history", run.owner), key=run.key_for("note", note)
        )
        return cast("ReadModelChange", answer.value)


def _begin(event: Any, _: Message) -> Begin | None:
    if not isinstance(event, read_models.ReadModelChangeRequested):
        return None
    principal = principal_of(event.principal)
    # A candidate can be discarded while it is built: that must not wait for the rebuild's end.
    key = f"{NAME}:{event.name}" + (":discard" if event.act == "discard" else "")
    return Begin(run=event.change, principal=principal, owner=principal.user_id, serial_key=key, given={})


def change_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each ReadModelChangeRequested."""
    return starter(codec, accept, NAME, _begin)
