"""The only door of the roles context."""

from __future__ import annotations

from typing import Final

from autobot.contexts.roles.domain import LEASE_S, RENEW_S, Instance, Observer
from autobot.contexts.roles.handlers import RoleHandlers
from autobot.contexts.roles.ports import Self, members
from autobot.contexts.roles.process import Membership, bury
from autobot.contracts import roles
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.ports import EventStore

__all__ = ["LEASE_S", "RENEW_S", "Instance", "Membership", "Observer", "Self", "build", "bury", "members"]

READ: Final = "system:read"
OPERATE: Final = "system:operate"
"""Rules of the system context: who sees and operates links does so with processes."""


def build(store: EventStore, clock: Clock, own: Self, observer: Observer | None) -> Module:
    """Wire the context. `own` is this process; `observer` knows the others, None where there are none."""
    handlers = RoleHandlers(store, clock, own, observer)
    return Module(
        name="roles",
        commands=(
            CommandSpec(
                command=roles.DrainRole, action=OPERATE, handler=handlers.drain, answer=roles.RoleList
            ),
        ),
        queries=(QuerySpec(query=roles.ListRoles, action=READ, handler=handlers.list),),
        events=roles.EVENTS,
    )
