"""Commands on the processes of an installation."""

from __future__ import annotations

from autobot.contexts.roles.domain import TABLE, Observer, instance_of, stream_of
from autobot.contexts.roles.ports.rows import put
from autobot.contracts import roles
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.ports import EventStore


class RoleHandlers:
    """One method a command. Without an observer this process is the only one."""

    def __init__(self, store: EventStore, observer: Observer | None) -> None:
        self._store, self._observer = store, observer

    async def drain(self, command: roles.DrainRole, context: CallContext) -> Decision[roles.RoleDrained]:
        """Give a process no new calls."""
        observer = self._observer
        if observer is None:
            raise Conflict(
                "One process holds every role here; there is no other to take its calls.",
                hint="autobot up --scaled",
            )
        row = await self._store.get(TABLE, command.instance)
        if row is None:
            raise NotFound(f"There is no process {command.instance}.")
        found = instance_of(row.document)
        state, why = observer.state(found)
        if state != "live":
            raise Conflict(f"{command.instance} gets no new calls already ({state}): {why}")
        by = context.principal.username or context.principal.id
        facts, drained = found.drained(by, command.reason)
        return Decision(
            answer=roles.RoleDrained(id=found.id, epoch=found.epoch),
            emits=(Emit(stream=stream_of(found.id), expected=found.revision, events=facts),),
            writes=(put(drained, row.version),),
            object=f"role:{found.id}",
            reason=command.reason,
        )
