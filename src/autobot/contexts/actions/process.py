"""The run of an action: its work is one step that a crash repeats under the same key; the outcome is a command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from autobot.contexts.actions.domain import Catalogue, read_parameters, stream_of
from autobot.contexts.actions.ports import Call, Work
from autobot.contracts import actions, chat, history, read_models, system
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import principal_of
from autobot.kernel.core.errors import Absent, Conflict, Interrupted
from autobot.kernel.core.failure import failure_of
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.facts import RunState
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "action"
BUDGET_S: Final = 3600.0
"""Seconds that an action may take."""
LOOK_EVERY_S: Final = 0.1
REBUILDING: Final[tuple[read_models.Act, ...]] = ("rebuild", "parity", "switch", "discard_kept")
STATES: Final[dict[actions.Status, RunState]] = {
    "completed": "completed",
    "failed": "failed",
    "stopped": "stopped",
}
"""How a run ended whose action stands so."""


class ActionRun(PlainRun):
    """The definition that the run engine executes. Work is given by name of the action type."""

    name, budget = NAME, BUDGET_S

    def __init__(
        self,
        *,
        bus: Dispatcher,
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        work: Mapping[str, Work],
        catalogue: Catalogue,
    ) -> None:
        self._bus, self._store, self._codec, self._clock = bus, store, codec, clock
        self._work, self._catalogue = work, catalogue
        self._elapsed_ms: dict[str, float] = {}

    async def execute(self, run: Run) -> None:
        """Do the work once."""
        began = self._clock.monotonic()
        try:
            run.result = await run.step(
                "work", "action", lambda: self._done(run), dict[str, Any], resumable=True
            )
        finally:
            self._elapsed_ms[run.id] = round((self._clock.monotonic() - began) * 1000, 3)

    async def _done(self, run: Run) -> dict[str, Any]:
        requested = await self._requested(run.id)
        work = self._work.get(requested.action_type)
        if work is None:
            kind = self._catalogue.get(requested.action_type)
            raise Absent(kind.name, f"{kind.title}: the part that does this is not here.", hint=kind.absent)
        parameters = read_parameters(
            self._catalogue.get(requested.action_type).parameters, requested.parameters
        )
        return await work(
            Call(parameters=parameters, context=run.context, key=run.key("work"), bus=self._bus)
        )

    async def _requested(self, request_id: str) -> actions.ActionRequested:
        first = await self._store.read_stream(stream_of(request_id), limit=1)
        requested = self._codec.unwrap(first[0]) if first else None
        if not isinstance(requested, actions.ActionRequested):
            raise Interrupted("What this action was asked to do is not in the log any more.")
        return requested

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record the outcome; one that is recorded already decides how the run ended."""
        status: actions.Status = "failed"
        if outcome.state in ("completed", "stopped"):
            status = "completed" if outcome.state == "completed" else "stopped"
        error = outcome.error
        if status == "stopped":
            error = failure_of(Interrupted("This action was stopped."), run.context.correlation_id)
        record = actions.RecordAction(
            request_id=run.id,
            status=status,
            result=run.result if status == "completed" else None,
            error=error,
            processing_time_ms=self._elapsed_ms.get(run.id, 0.0),
        )
        answer = await self._bus.dispatch(
            record, as_service(run.context, "actions", run.owner), key=run.key_for("end", record)
        )
        self._elapsed_ms.pop(run.id, None)
        recorded: actions.Recorded = answer.value
        if recorded.status == status:
            return Ended(outcome=outcome)
        return Ended(outcome=Outcome(state=STATES[recorded.status], error=recorded.error))


def _begin(event: Any, _: Message) -> Begin | None:
    if not isinstance(event, actions.ActionRequested):
        return None
    principal = principal_of(event.principal)
    key, given = f"action:{event.request_id}", {"action_type": event.action_type}
    return Begin(
        run=event.request_id, principal=principal, owner=principal.user_id, serial_key=key, given=given
    )


def run_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer of the log that starts a run for each ActionRequested."""
    return starter(codec, accept, NAME, _begin)


# --------------------------------------------------------------------- work that needs no more than the bus


async def send_chat_message(call: Call) -> dict[str, Any]:
    """Post into the chat, or into a new one."""
    asked: actions.SendChatMessage = call.parameters
    session_id = asked.session_id
    if session_id is None:
        create = chat.CreateSession(model=asked.model)
        session_id = (await call.bus.dispatch(create, call.context, key=f"{call.key}:session")).value.id
    post = chat.PostMessage(session_id=session_id, content=asked.content)
    accepted: chat.Accepted = (await call.bus.dispatch(post, call.context, key=f"{call.key}:post")).value
    return {
        "session_id": session_id,
        "message_id": accepted.message_id,
        "reply_id": accepted.reply_id,
        "run_id": accepted.run_id,
    }


async def run_diagnostics(call: Call) -> dict[str, Any]:
    """Ask health and what runs here."""
    health = await call.bus.ask(system.GetHealth(), call.context)
    info = await call.bus.ask(system.GetInfo(), call.context)
    return {"health": msgspec.to_builtins(health), "info": msgspec.to_builtins(info)}


async def rebuild_read_model(call: Call) -> dict[str, Any]:
    """Ask for the changes that a person would: rebuild, compare, switch, and remove what was in force before.

    Each has a key of its own, so that an action that was cut off goes on where it was.
    """
    asked: actions.RebuildReadModel = call.parameters
    found: history.Parity | None = None
    for act in REBUILDING:
        change = read_models.ChangeReadModel(name=asked.name, act=act, reason="action rebuild_read_model")
        accepted = await call.bus.dispatch(change, call.context, key=f"{call.key}:{act}")
        await _made(call, accepted.value)
        if act == "parity":
            found = await _compared(call, asked.name)
    return {"tables": [msgspec.to_builtins(one) for one in found.tables] if found else []}


async def _made(call: Call, change: read_models.ReadModelChange) -> None:
    """Return when a change is made. Raises Conflict when it ended otherwise."""
    look = read_models.GetReadModelChange(id=change.id)
    while change.ended_at is None:
        await asyncio.sleep(LOOK_EVERY_S)
        change = await call.bus.ask(look, as_service(call.context, "actions", call.context.principal.user_id))
    if change.status != "completed":
        why = change.error.detail if change.error else change.status
        raise Conflict(f"The {change.act} of the read model {change.name} was not made: {why}")


async def _compared(call: Call, name: str) -> history.Parity | None:
    listed: history.ReadModels = await call.bus.ask(
        history.ListReadModels(), as_service(call.context, "actions", call.context.principal.user_id)
    )
    one = next(one for one in listed.items if one.name == name)
    return one.beside.parity if one.beside else None


BUS_WORK: Final[Mapping[str, Work]] = {
    "send_chat_message": send_chat_message,
    "run_diagnostics": run_diagnostics,
    "rebuild_read_model": rebuild_read_model,
}
