"""How much a call matters, from who makes it; never from a body."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from autobot.kernel.core.context import Principal


class Criticality(IntEnum):
    """Shed from the lowest up."""

    SHEDDABLE = 0
    SHEDDABLE_PLUS = 1
    CRITICAL = 2
    CRITICAL_PLUS = 3


SHARES: Final = (0.5, 0.75, 1.0, 1.0)
"""The share of the limit that each criticality may fill, by its number."""

_BY_ROLE: Final = {
    "admin": Criticality.CRITICAL_PLUS,
    "operator": Criticality.CRITICAL,
    "user": Criticality.CRITICAL,
    "service": Criticality.SHEDDABLE_PLUS,
    "viewer": Criticality.SHEDDABLE,
}


def criticality_of(principal: Principal) -> Criticality:
    """Return the criticality of `principal`'s calls: by role, one step lower for programs with a key."""
    level = _BY_ROLE[principal.role]
    if principal.kind == "key" and level > Criticality.SHEDDABLE:
        return Criticality(level - 1)
    return level
