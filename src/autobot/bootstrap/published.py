"""The published language as a whole: every type of event that this version writes, and those that it still reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from autobot.bootstrap.registered import EVENTS as REGISTERED_EVENTS
from autobot.contexts.schemas.module import OwnSchemas
from autobot.contracts import (
    actions,
    chat,
    identity,
    messaging,
    read_models,
    replays,
    roles,
    schemas,
    settings,
    system,
)
from autobot.contracts.knowledge import archives, collections, documents, measurements, question_sets
from autobot.gateway.message_schemas import STORED, message_schemas
from autobot.kernel.event_store.upcast import Upcaster, Upcasters
from autobot.kernel.messaging.facts import EVENTS as BROKER_EVENTS
from autobot.kernel.sagas.earlier import STEPS as RUN_STEPS
from autobot.kernel.sagas.facts import EVENTS as RUN_EVENTS

EVENTS: Final[tuple[type[Any], ...]] = (
    *actions.EVENTS,
    *chat.EVENTS,
    *collections.EVENTS,
    *documents.EVENTS,
    *measurements.EVENTS,
    *question_sets.EVENTS,
    *archives.EVENTS,
    *identity.EVENTS,
    *messaging.EVENTS,
    *read_models.EVENTS,
    *replays.EVENTS,
    *BROKER_EVENTS,
    *roles.EVENTS,
    *schemas.EVENTS,
    *settings.EVENTS,
    *system.EVENTS,
    *RUN_EVENTS,
    *REGISTERED_EVENTS,
)
"""One class a type; the codec reads and writes exactly these."""

STEPS: Final[tuple[Upcaster, ...]] = RUN_STEPS
"""From each retired type to the one that took its place. A type leaves EVENTS only with a step from it."""

UPCASTERS: Final = Upcasters(STEPS)


@cache
def own_schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schemas of today's events by type. Made when first asked for, which keeps start-up short."""
    return message_schemas(EVENTS)


OWN_SCHEMAS: Final = OwnSchemas(mode=STORED, by_type=own_schemas)
