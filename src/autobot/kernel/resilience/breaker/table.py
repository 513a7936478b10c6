"""The breaker's states, events and the one table of its transitions. What is not in the table does not happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class State(Enum):
    """Where a breaker is."""

    CLOSED = "closed"
    """Lets everything through and watches."""
    OPEN = "open"
    """Refuses until its time is over."""
    HALF_OPEN = "half_open"
    """Lets probes through, one at a time."""
    ISOLATED = "isolated"
    """Refuses because a person said so."""
    DISABLED = "disabled"
    """Lets everything through and does not watch: the row has no breaker."""
    SHADOW = "shadow"
    """Watches and reports when it would have opened, and lets everything through."""


class Event(Enum):
    """What moves a breaker."""

    TRIPPED = "tripped"
    TIME_OVER = "time over"
    PROBES_PASSED = "probes passed"
    PROBE_FAILED = "probe failed"
    OPENED_BY_HAND = "opened by hand"
    CLOSED_BY_HAND = "closed by hand"
    ISOLATED_BY_HAND = "isolated by hand"
    RELEASED_BY_HAND = "released by hand"
    SET_ON = "breaker switched on"
    SET_SHADOW = "breaker set to shadow"
    SET_DISABLED = "breaker switched off"


HOME: Final = {"on": State.CLOSED, "shadow": State.SHADOW, "disabled": State.DISABLED}
"""Where a breaker of each mode stands when nothing is wrong; CLOSED in the table stands for it."""

_S, _E = State, Event

TABLE: Final[Mapping[tuple[State, Event], State]] = {
    (_S.CLOSED, _E.TRIPPED): _S.OPEN,
    (_S.SHADOW, _E.TRIPPED): _S.SHADOW,
    (_S.OPEN, _E.TIME_OVER): _S.HALF_OPEN,
    (_S.ISOLATED, _E.TIME_OVER): _S.HALF_OPEN,
    (_S.HALF_OPEN, _E.PROBES_PASSED): _S.CLOSED,
    (_S.HALF_OPEN, _E.PROBE_FAILED): _S.OPEN,
    # By hand.
    (_S.CLOSED, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.OPEN, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.HALF_OPEN, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.ISOLATED, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.DISABLED, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.SHADOW, _E.OPENED_BY_HAND): _S.OPEN,
    (_S.OPEN, _E.CLOSED_BY_HAND): _S.CLOSED,
    (_S.HALF_OPEN, _E.CLOSED_BY_HAND): _S.CLOSED,
    (_S.ISOLATED, _E.CLOSED_BY_HAND): _S.CLOSED,
    (_S.CLOSED, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.OPEN, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.HALF_OPEN, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.ISOLATED, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.DISABLED, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.SHADOW, _E.ISOLATED_BY_HAND): _S.ISOLATED,
    (_S.OPEN, _E.RELEASED_BY_HAND): _S.HALF_OPEN,
    (_S.ISOLATED, _E.RELEASED_BY_HAND): _S.HALF_OPEN,
    # The row's policy changed. An isolation outlasts it: a person ends what a person began.
    (_S.DISABLED, _E.SET_ON): _S.CLOSED,
    (_S.SHADOW, _E.SET_ON): _S.CLOSED,
    (_S.CLOSED, _E.SET_SHADOW): _S.SHADOW,
    (_S.OPEN, _E.SET_SHADOW): _S.SHADOW,
    (_S.HALF_OPEN, _E.SET_SHADOW): _S.SHADOW,
    (_S.DISABLED, _E.SET_SHADOW): _S.SHADOW,
    (_S.CLOSED, _E.SET_DISABLED): _S.DISABLED,
    (_S.OPEN, _E.SET_DISABLED): _S.DISABLED,
    (_S.HALF_OPEN, _E.SET_DISABLED): _S.DISABLED,
    (_S.SHADOW, _E.SET_DISABLED): _S.DISABLED,
}

FLOWING: Final = frozenset({State.CLOSED, State.DISABLED, State.SHADOW})
"""States that let every call through."""
