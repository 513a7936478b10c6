"""Commands and queries about the processes of an installation."""

from __future__ import annotations

from typing import Literal

import msgspec

from autobot.contexts.roles.domain import TABLE, Observer, instance_of, stream_of
from autobot.contexts.roles.ports import Self, members
from autobot.contracts import roles
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Put


class RoleHandlers:
    """One method a command or query. `own` is the process that answers; without an observer it is the only one."""

    def __init__(self, store: EventStore, clock: Clock, own: Self, observer: Observer | None) -> None:
        self._store, self._clock, self._own, self._observer = store, clock, own, observer
        self._started = rfc3339(clock.now())

    @property
    def _mode(self) -> Literal["embedded", "scaled"]:
        return "embedded" if self._observer is None else "scaled"

    async def list(self, query: roles.ListRoles, context: CallContext) -> roles.RoleList:
        """Return every process, by role and id."""
        observer, own = self._observer, self._own
        if observer is None:
            return roles.RoleList(mode=self._mode, items=(self._alone(),))
        now = self._clock.monotonic()
        found = sorted((one for one, _ in await members(self._store)), key=lambda one: (one.role, one.id))
        items = []
        for one in found:
            state, reason = observer.state(one, now, own.contracts)
            items.append(
                roles.RoleView(
                    id=one.id,
                    role=one.role,
                    address=one.address,
                    version=one.version,
                    contracts=one.contracts,
                    host=one.host,
                    pid=one.pid,
                    started_at=one.started_at,
                    state=state,
                    reason=reason,
                    age_seconds=round(observer.age(one, now), 3),
                    here=one.id == own.id,
                )
            )
        return roles.RoleList(mode=self._mode, items=tuple(items))

    def _alone(self) -> roles.RoleView:
        own = self._own
        return roles.RoleView(
            id=own.id,
            role=own.role,
            address=own.address,
            version=own.version,
            contracts=own.contracts,
            host=own.host,
            pid=own.pid,
            started_at=self._started,
            state="live",
            reason="",
            age_seconds=0.0,
            here=True,
        )

    async def drain(self, command: roles.DrainRole, context: CallContext) -> Decision[roles.RoleList]:
        """Give a process no new calls."""
        if self._observer is None:
            raise Conflict(
                "One process holds every role here; there is no other to take its calls.",
                hint="autobot up --scaled",
            )
        row = await self._store.get(TABLE, command.instance)
        if row is None:
            raise NotFound(f"There is no process {command.instance}.")
        found = instance_of(row.document)
        if found.draining:
            raise Conflict(f"{command.instance} gets no new calls already: {found.reason}")
        by = context.principal.username or context.principal.id
        drained = msgspec.structs.replace(found, draining=True, reason=f"{command.reason} ({by})")
        fact = roles.RoleDraining(instance=found.id, epoch=found.epoch, by=by, reason=command.reason)
        put = Put(
            table=TABLE,
            key=row.key,
            document=msgspec.to_builtins(drained),
            group=found.role,
            expected=row.version,
        )
        return Decision(
            answer=await self.list(roles.ListRoles(), context),
            emits=(Emit(stream=stream_of(found.id), expected=ANY, events=(fact,)),),
            writes=(put,),
            object=f"role:{found.id}",
            reason=command.reason,
        )
