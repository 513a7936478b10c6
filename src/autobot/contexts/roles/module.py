"""The only door of the roles context."""

from __future__ import annotations

from typing import Final

from autobot.contexts.roles.domain import (
    LEASE_S,
    RENEW_S,
    Instance,
    Observer,
    role_gauges,
    roles_in,
    unlike_keys,
)
from autobot.contexts.roles.handlers import RoleHandlers
from autobot.contexts.roles.ports.contracts import ContractBook, keep_contracts
from autobot.contexts.roles.ports.rows import Self, Within, members
from autobot.contexts.roles.process import Membership, bury
from autobot.contexts.roles.read_model import Fixed, Hops, Household, RoleQueries
from autobot.contracts import roles
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.ports import EventStore

__all__ = [
    "LEASE_S",
    "RENEW_S",
    "ContractBook",
    "Household",
    "Instance",
    "Membership",
    "Observer",
    "Self",
    "Within",
    "build",
    "bury",
    "keep_contracts",
    "members",
    "role_gauges",
    "roles_in",
    "unlike_keys",
]

READ: Final = "system:read"
OPERATE: Final = "system:operate"
"""Rules of the system context: who sees and operates links does so with processes."""


def build(
    store: EventStore,
    clock: Clock,
    own: Self,
    observer: Observer | None,
    *,
    hops: Hops,
    fixed: Fixed,
    household: Household,
) -> Module:
    """Wire the context. `own` is this process; `observer` knows the others, None where there are none.

    `hops` are the rows between roles, `fixed` returns the addresses that such a row fixes, `household` what this
    process started.
    """
    write, read = (
        RoleHandlers(store, observer),
        RoleQueries(store, clock, own, observer, hops, fixed, household),
    )
    return Module(
        name="roles",
        commands=(
            CommandSpec(
                command=roles.DrainRole, action=OPERATE, handler=write.drain, answer=roles.RoleDrained
            ),
        ),
        queries=(QuerySpec(query=roles.ListRoles, action=READ, handler=read.list),),
        events=roles.EVENTS,
    )
