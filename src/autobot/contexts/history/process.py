"""A change of a read model as a durable run: one step that may repeat, because each change is made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

from autobot.contexts.history.ports import StoredChanges, Views
from autobot.contracts import read_models
from autobot.contracts.read_models import ReadModelChange
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext, Principal, principal_of, stored_trace
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "read model change"
BUDGET_S: Final = 86_400.0


class ChangeRun(PlainRun):
    """The definition. A rebuild that was cut off goes on where its candidate stands."""

    resumes = True

    def __init__(self, *, bus: Dispatcher, stored: StoredChanges, views: Views) -> None:
        self._bus, self._stored, self._views = bus, stored, views

    @property
    def name(self) -> str:
        """The definition's stable name."""
        return NAME

    @property
    def budget(self) -> float:
        """Seconds that a change may take: a day."""
        return BUDGET_S

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
        answer = await self._bus.dispatch(note, _as_service(run), key=run.key_for("note", note))
        return cast("ReadModelChange", answer.value)


def _as_service(run: Run) -> CallContext:
    principal = Principal(
        id="service:history",
        kind="service",
        role="service",
        user_id=run.owner,
        tenant=run.context.principal.tenant,
        username="history",
    )
    return replace(run.context, principal=principal)


def starter(
    codec: EventCodec, accept: Callable[..., Awaitable[None]]
) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each ReadModelChangeRequested; hearing one twice starts one."""

    async def start(recorded: Recorded) -> None:
        requested = codec.unwrap(recorded)
        if not isinstance(requested, read_models.ReadModelChangeRequested):
            return
        message = recorded.message
        principal = principal_of(requested.principal)
        context = CallContext(
            correlation_id=message.correlation_id,
            causation_id=message.id,
            principal=principal,
            trace=stored_trace(message.traceparent),
        )
        # A candidate can be discarded while it is built: that must not wait for the rebuild's end.
        key = f"{NAME}:{requested.name}" + (":discard" if requested.act == "discard" else "")
        await accept(NAME, requested.change, {}, context, owner=principal.user_id, serial_key=key)

    return start
