"""The published language as a whole: every type of event that this version writes, and those that it still reads."""

from __future__ import annotations

from typing import Any, Final

from autobot.bootstrap.registered import EVENTS as REGISTERED_EVENTS
from autobot.contracts import actions, chat, identity, messaging, replays, settings, system
from autobot.kernel.event_store.upcast import Upcaster, Upcasters
from autobot.kernel.messaging.facts import EVENTS as BROKER_EVENTS
from autobot.kernel.sagas.facts import EVENTS as RUN_EVENTS

EVENTS: Final[tuple[type[Any], ...]] = (
    *actions.EVENTS,
    *chat.EVENTS,
    *identity.EVENTS,
    *messaging.EVENTS,
    *replays.EVENTS,
    *BROKER_EVENTS,
    *settings.EVENTS,
    *system.EVENTS,
    *RUN_EVENTS,
    *REGISTERED_EVENTS,
)
"""One class a type; the codec reads and writes exactly these."""

STEPS: Final[tuple[Upcaster, ...]] = ()
"""From each retired type to the one that took its place. A type leaves EVENTS only with a step from it."""

UPCASTERS: Final = Upcasters(STEPS)
