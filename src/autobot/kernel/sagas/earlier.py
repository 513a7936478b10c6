"""Facts of runs as earlier versions stored them, brought to today's shape. Pure."""

from __future__ import annotations

from typing import Any, Final

from autobot.kernel.event_store.upcast import Upcaster
from autobot.kernel.sagas import facts

INTERRUPTED: Final = "autobot.runs.run_interrupted.v1"
"""It had the cause as a text, `reason`."""


def _interrupted(data: dict[str, Any]) -> dict[str, Any]:
    """Make a failure of the text. What it was told under, and the next step, were not recorded: no id, no hint."""
    reason = data.pop("reason")
    return {**data, "error": {"code": "interrupted", "detail": reason, "correlation_id": ""}}


STEPS: Final = (Upcaster(source=INTERRUPTED, target=facts.RunInterrupted.TYPE, change=_interrupted),)

ALL_TYPES: Final = (*(kind.TYPE for kind in facts.EVENTS), *(one.source for one in STEPS))
"""Every type by which a fact of a run may be stored."""
END_TYPES: Final = frozenset(kind.TYPE for kind in facts.ENDS) | {INTERRUPTED}
"""Every type by which the end of a run may be stored."""
