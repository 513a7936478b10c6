"""The work behind registered actions in this process."""

from __future__ import annotations

from collections.abc import Mapping

from autobot.contexts.actions.module import BUS_WORK, Work


def action_work() -> Mapping[str, Work]:
    """Return what can be done here, by action type. A type without work answers how it is done instead."""
    return dict(BUS_WORK)
