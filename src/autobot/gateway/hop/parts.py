"""What the composition root hands to a role's hop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.hop_wire import ANSWER_MAX, FRAME_MAX, PAYLOAD_MAX
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.links.wire import Wires
from autobot.kernel.telemetry.listener import Listener

Handler = Callable[[Any, CallContext], Coroutine[Any, Any, Any]]
StreamHandler = Callable[[Any, CallContext], AsyncIterator[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRow:
    """What one role may ask here: the row of the matrix, its wires, and the handlers behind it.

    `calls` and `streams` are those that a direct transport of the row would have. Raises ConfigurationError
    for a handler without a wire.
    """

    row: str
    wires: Wires
    calls: Mapping[str, Handler] = field(default_factory=dict)
    streams: Mapping[str, StreamHandler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that each handler can be reached."""
        for name in (*self.calls, *self.streams):
            if name not in self.wires:
                raise ConfigurationError(f"{self.row} has no wire for {name}.")
        if both := self.calls.keys() & self.streams.keys():
            raise ConfigurationError(f"{self.row} has {', '.join(sorted(both))} as call and as stream.")


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
        rows: what each other role may ask, by that role's name: the token's issuer chooses.
        arrived: counts a call on its row as it comes, and raises LinkMissing when the row was taken away
            (`LinkRegistry.arrived`).
        listener: hears of each call on its row, and counts refusals.
    """

    role: str
    version: str
    rows: Mapping[str, HopRow]
    tokens: ServiceTokens
    lifecycle: Lifecycle
    clock: Clock
    chance: Chance
    ids: IdSource
    listener: Listener | None = None
    arrived: Callable[[str], None] | None = None
    limits: HopLimits = field(default_factory=HopLimits)
