"""What the composition root hands to a role's hop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.problem import problem_of
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.hop_door import HopDoor, HopRow
from autobot.kernel.links.hop_wire import ANSWER_MAX, FRAME_MAX, PAYLOAD_MAX
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.telemetry.listener import Listener

SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLimits:
    """Limits of a role's hop; each is checked when built.

    Attributes:
        payload_bytes, answer_bytes, frame_bytes: the most of a call's payload, of its answer, of a stream's chunk;
            1 KiB to 1 GiB.
        deadline_s: how long a call or stream may take whatever its caller says, 1 to 86,400 s.
        body_gap_s, body_total_s: as at the edge.
        disconnect_after_s: a call that runs longer is watched for its caller going away, 0.01 to 60 s.
    """

    payload_bytes: int = PAYLOAD_MAX
    answer_bytes: int = ANSWER_MAX
    frame_bytes: int = FRAME_MAX
    deadline_s: float = 900.0
    body_gap_s: float = 15.0
    body_total_s: float = 60.0
    disconnect_after_s: float = 0.1

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        ranges = (
            ("payload_bytes", 1_024, 1 << 30),
            ("answer_bytes", 1_024, 1 << 30),
            ("frame_bytes", 1_024, 1 << 30),
            ("deadline_s", 1, 86_400),
            ("disconnect_after_s", 0.01, 60),
        )
        for name, low, high in ranges:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name} is {value}; it must be between {low} and {high}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class HopParts:
    """Everything that a role's hop is made of.

    Attributes:
        role: this process's role: the audience that tokens must name.
        rows: what each other role may ask, by that role's name, as `HopDoor` has it.
        arrived: counts a call on its row as it comes, and raises LinkMissing when the row was taken away
            (`LinkRegistry.arrived`).
        listener: hears of each call on its row, and counts refusals.
    """

    role: str
    version: str
    rows: Mapping[str, Sequence[HopRow]]
    tokens: ServiceTokens
    lifecycle: Lifecycle
    clock: Clock
    chance: Chance
    ids: IdSource
    listener: Listener | None = None
    arrived: Callable[[str], None] | None = None
    limits: HopLimits = field(default_factory=HopLimits)

    def door(self) -> HopDoor:
        """Return what judges calls to this role, on whatever wire they come."""
        return HopDoor(
            role=self.role,
            rows=self.rows,
            tokens=self.tokens,
            phase=lambda: self.lifecycle.phase,
            clock=self.clock,
            chance=self.chance,
            ids=self.ids,
            deadline_s=self.limits.deadline_s,
            blameless=lambda error: problem_of(error).status < SERVER_ERROR,
            listener=self.listener,
            arrived=self.arrived,
        )
