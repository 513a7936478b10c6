"""Which roles a process holds, and so which contexts and rows it serves (design §4).

Embedded, one process holds all three. Scaled, each process holds one: the gateway translates, the backend decides and
keeps, ai runs agents and reaches models. The code is the same; a placement only says what is local.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from autobot.contracts.roles import RoleName
from autobot.kernel.links.registry import LinkRegistry

Role = Literal["gateway", "backend", "ai"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

WORKER_ROW: Final = "ai-npu"
"""The hop to workers for inference: they hold no context, and are processes of their own also where all else is one."""

AI_CONTEXTS: Final = frozenset({"agents"})
"""Contexts that run in ai; all others run in backend."""

HOPS: Final[dict[str, tuple[Role, RoleName]]] = {
    "gateway-backend": ("gateway", "backend"),
    "gateway-reports": ("gateway", "backend"),
    "gateway-ai": ("gateway", "ai"),
    "backend-models": ("backend", "ai"),
    "ai-backend": ("ai", "backend"),
    WORKER_ROW: ("ai", "npu"),
}
"""Rows that are hops between processes when their two roles are apart: who calls, who answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The roles of this process."""

    roles: frozenset[Role]

    @property
    def scaled(self) -> bool:
        """Whether other processes hold the rest."""
        return self.roles != EMBEDDED.roles

    def holds(self, role: Role) -> bool:
        """Say whether a role runs here."""
        return role in self.roles

    def serves(self, context: str) -> bool:
        """Say whether the commands and queries of a context are handled here."""
        return ("ai" if context in AI_CONTEXTS else "backend") in self.roles

    def outgoing(self, row: str) -> bool:
        """Say whether a row leads from here to a role of another process."""
        caller, callee = HOPS[row]
        return self.scaled and caller in self.roles and callee not in self.roles

    def incoming(self, row: str) -> bool:
        """Say whether a row's calls come in here from another process."""
        caller, callee = HOPS[row]
        return callee in self.roles and caller not in self.roles

    def group(self, name: str) -> str:
        """Return the name of a consumer group that each role has for itself; backend keeps the embedded one's."""
        return name if "backend" in self.roles else f"{name}-{self.name}"

    @property
    def name(self) -> str:
        """The role of a process that holds one; `all` for all of them."""
        return next(iter(self.roles)) if len(self.roles) == 1 else "all"


EMBEDDED: Final = Placement(roles=frozenset(ROLES))


def alone(role: Role) -> Placement:
    """Return the placement of a process that holds one role."""
    return Placement(roles=frozenset({role}))


def fixed_targets(registry: LinkRegistry) -> Callable[[str], Sequence[str]]:
    """Return what tells the addresses that a row itself fixes."""

    def fixed(link: str) -> Sequence[str]:
        row = registry.matrix.rows.get(link)
        return () if row is None else row.targets

    return fixed
