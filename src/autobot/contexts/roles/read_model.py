"""The processes of an installation as people see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from autobot.contexts.roles.domain import ROLES, Instance, Observer, roles_in, stream_of, unlike_keys
from autobot.contexts.roles.ports.contracts import ContractBook
from autobot.contexts.roles.ports.rows import Self, members
from autobot.contracts import roles
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection

PLACES: Final[Mapping[str, int]] = {role: place for place, role in enumerate(ROLES)}
"""The order in which people read roles: as calls go."""
Hops = Mapping[str, tuple[roles.RoleName, roles.RoleName]]
"""Rows between roles: who calls, who answers."""
Fixed = Callable[[str], Sequence[str]]
"""Returns the addresses that a row fixes."""
Household = Callable[[CallContext], Awaitable[tuple[tuple[roles.RoleChild, ...], int | None]]]
"""Returns what `Within` does, with what the children themselves say."""


class RoleQueries:
    """One method a query. `own` is the process that answers; without an observer it is the only one."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        own: Self,
        observer: Observer | None,
        hops: Hops,
        fixed: Fixed,
        household: Household,
    ) -> None:
        self._household = household
        self._store, self._clock, self._own, self._observer = store, clock, own, observer
        self._hops, self._fixed = hops, fixed
        self._book = ContractBook(store)
        self._started = rfc3339(clock.now())

    async def list(self, query: roles.ListRoles, context: CallContext) -> roles.RoleList:
        """Return every process, by role and id."""
        observer = self._observer
        if observer is None:
            only = await self._whole(alone(self._own, self._started), context)
            return roles.RoleList(mode="embedded", items=(only,))
        found = [one for one, _ in await members(self._store)]
        observer.look(found, self._clock.monotonic())
        seen = _Seen(found, observer, self._book, self._hops)
        by_role = sorted(found, key=lambda one: (PLACES.get(one.role, len(PLACES)), one.id))
        items = [await self._whole(await seen.view(one, self._own), context) for one in by_role]
        hops = [await seen.hop(link, self._fixed(link)) for link in self._hops]
        return roles.RoleList(mode="scaled", items=tuple(items), hops=tuple(hops))

    async def _whole(self, one: roles.RoleView, context: CallContext) -> roles.RoleView:
        """Return a process with what it knows of itself this moment, where it is the one that answers."""
        if not one.here:
            return one
        children, memory = await self._household(context)
        return replace(one, children=children, memory_bytes=memory)


def alone(own: Self, started: str) -> roles.RoleView:
    """Return the one process of the embedded mode: it holds every role and has no lease."""
    return roles.RoleView(
        id=own.id,
        roles=roles_in(own.role),
        address=own.address,
        version=own.version,
        contracts=own.contracts,
        host=own.host,
        pid=own.pid,
        started_at=started,
        state="live",
        reason="",
        drained_by="",
        epoch=1,
        lease_seconds=None,
        age_seconds=None,
        lease_left_seconds=None,
        refused_by=(),
        here=True,
    )


class _Seen:
    """All processes as one look found them, and what they are to one another."""

    def __init__(self, found: Sequence[Instance], observer: Observer, book: ContractBook, hops: Hops) -> None:
        self._found, self._observer, self._book, self._hops = found, observer, book, hops

    def _state(self, one: Instance) -> roles.RowState:
        return self._observer.state(one)[0]

    async def view(self, one: Instance, own: Self) -> roles.RoleView:
        """Return one process."""
        state, reason = self._observer.state(one)
        callers = self._callers(one)
        refused = await self._refused(one, callers)
        shown: roles.InstanceState = state
        if state == "live" and callers and sum(each.instances for each in refused) == len(callers):
            shown, reason = "incompatible", refused[0].reason
        return roles.RoleView(
            id=one.id,
            roles=roles_in(one.role),
            address=one.address,
            version=one.version,
            contracts=one.contracts,
            host=one.host,
            pid=one.pid,
            started_at=one.started_at,
            state=shown,
            reason=reason,
            drained_by=one.drained_by,
            epoch=one.epoch,
            lease_seconds=one.lease_s,
            age_seconds=round(self._observer.age(one), 3),
            lease_left_seconds=round(self._observer.lease_left(one), 3),
            refused_by=refused,
            here=(one.host, one.pid) == (own.host, own.pid),
            key_mark=one.key_mark,
            children=one.children if state != "lost" else (),
            memory_bytes=one.memory_bytes if state != "lost" else None,
        )

    def _callers(self, one: Instance) -> list[tuple[roles.RoleName, Instance]]:
        """Return the processes from which a row leads to this one, each once."""
        wanted = {caller for caller, callee in self._hops.values() if callee in roles_in(one.role)}
        found = []
        for other in self._found:
            role = next((name for name in roles_in(other.role) if name in wanted), None)
            if role is not None and other.id != one.id and self._state(other) != "lost":
                found.append((role, other))
        return found

    async def _refused(
        self, one: Instance, callers: Sequence[tuple[roles.RoleName, Instance]]
    ) -> tuple[roles.RoleRefusal, ...]:
        counted: dict[tuple[roles.RoleName, str, str, str], int] = {}
        for role, other in callers:
            reason = await self._against(other, one)
            if reason:
                key = (role, other.version, other.contracts, reason)
                counted[key] = counted.get(key, 0) + 1
        return tuple(
            roles.RoleRefusal(
                role=role, version=version, contracts=contracts, instances=number, reason=reason
            )
            for (role, version, contracts, reason), number in counted.items()
        )

    async def _against(self, caller: Instance, callee: Instance) -> str:
        unlike = unlike_keys(caller.key_mark, callee.key_mark)
        return unlike or await self._book.reason_against(
            caller.contracts, callee.contracts, roles_in(callee.role)
        )

    async def hop(self, link: str, targets: Sequence[str]) -> roles.RoleHopView:
        """Return a row with the number of pairs that meet over it."""
        caller, callee = self._hops[link]
        here = [one for one in self._found if caller in roles_in(one.role) and self._state(one) != "lost"]
        there = [one for one in self._found if callee in roles_in(one.role) and self._state(one) == "live"]
        reachable = 0
        for one in here:
            for other in there:
                reachable += not await self._against(one, other)
        return roles.RoleHopView(
            link=link,
            caller=caller,
            callee=callee,
            reachable=reachable,
            pairs=len(here) * len(there),
            targets=tuple(targets),
        )


def roles_then(codec: EventCodec) -> Projection:
    """Return the read model of processes: which there were, and how each stood by what was written of it."""
    types = tuple(one.TYPE for one in roles.EVENTS)
    return latest("roles", types, codec.unwrap, prefix=stream_of(""), change=_then)


def _then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case roles.RoleJoined():
            return {
                "role": event.role,
                "address": event.address,
                "version": event.version,
                "contracts": event.contracts,
                "epoch": event.epoch,
                "state": "live",
            }
        case roles.RoleLeft():
            return None
    if not before or event.epoch != before["epoch"]:
        return before
    match event:
        case roles.RoleDraining():
            return {**before, "state": "draining", "by": event.by, "reason": event.reason}
        case roles.RoleLost():
            return {**before, "state": "lost"}
    return before
