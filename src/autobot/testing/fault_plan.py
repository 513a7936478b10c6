"""What is done to a running product on purpose, and when: a list that follows from its seed alone.

Moments are counted in progress, never in time of day: so many operations acknowledged since the last fault was over,
then so much processor time spent by the process that is hit. A slow machine meets the same faults as a fast one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "kill",
    "kill while starting",
    "pause",
    "disk full",
    "database crash",
    "database restart",
    "database pause",
    "network cut",
    "network black hole",
    "network slow",
    "network limit",
    "redis flush",
    "redis crash",
    "redis restart",
    "redis pause",
    "redis slow",
    "redis cut",
]

OF_PROCESSES: Final[Mapping[Kind, int]] = {"kill": 8, "kill while starting": 2, "pause": 4}
OF_FILES: Final[Mapping[Kind, int]] = {"disk full": 3}
OF_DATABASES: Final[Mapping[Kind, int]] = {
    "database crash": 2,
    "database restart": 2,
    "database pause": 2,
    "network cut": 3,
    "network black hole": 2,
    "network slow": 2,
    "network limit": 2,
}
OF_REDIS: Final[Mapping[Kind, int]] = {
    "redis flush": 3,
    "redis crash": 2,
    "redis restart": 2,
    "redis pause": 2,
    "redis slow": 2,
    "redis cut": 2,
}
"""Kinds with their weights, by what a product must have to meet them."""

AFTER_MAX: Final = 40
CPU_MAX_S: Final = 0.06
STARTING_CPU_MAX_S: Final = 1.1
HOLD_S: Final = (0.05, 0.8)
BYTES: Final = (1, 60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: what is done.
        role: name of the process that is hit; of a database or a network, whose link it is.
        after: operations that are acknowledged after the fault before this one is over, until this one begins.
        cpu_s: seconds of processor time that the process spends from then on before it is hit.
        hold_s: seconds for which a pause, a hole, a slow or a full disk lasts.
        size: bytes that still pass a limit, or fit on the disk.
    """

    kind: Kind
    role: str
    after: int
    cpu_s: float
    hold_s: float
    size: int


def fault_plan(
    seed: int, count: int, *, kinds: Mapping[Kind, int], roles: Sequence[str] = ("autobot",)
) -> list[Fault]:
    """Return `count` faults. A longer plan of the same seed begins with the shorter one.

    `kinds` gives each kind its weight. Raises ValueError when there is none.
    """
    if not kinds or not roles:
        raise ValueError("a plan needs a kind of fault and a role that it hits")
    chance = random.Random(f"fault plan {seed}")
    names, weights = list(kinds), list(kinds.values())
    faults = []
    for _ in range(count):
        (kind,) = chance.choices(names, weights)
        starting = kind == "kill while starting"
        faults.append(
            Fault(
                kind=kind,
                role=chance.choice(list(roles)),
                after=chance.randint(1, AFTER_MAX),
                cpu_s=chance.uniform(0.0, STARTING_CPU_MAX_S if starting else CPU_MAX_S),
                hold_s=chance.uniform(*HOLD_S),
                size=chance.randint(*BYTES),
            )
        )
    return faults
