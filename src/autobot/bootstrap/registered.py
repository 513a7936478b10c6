"""Contexts that came by `autobot new context`. Product and edge take in what stands here.

Between the marks each line belongs to one context; to take a context out, delete its lines. A context that
needs more than the ground is built in `product.py` instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

if TYPE_CHECKING:
    from fastapi import APIRouter

# isort: split
# new context: imports
# new context: end of imports


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every context may stand on."""

    store: EventStore
    codec: EventCodec
    clock: Clock
    ids: IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One context: the facts that it writes, how its module is built, its routes over the bus."""

    events: tuple[type[Any], ...]
    module: Callable[[Ground], Module]
    router: Callable[[Dispatcher], APIRouter]


REGISTERED: Final[tuple[Registered, ...]] = (
    # new context: entries
    # new context: end of entries
)

EVENTS: Final = tuple(event for one in REGISTERED for event in one.events)


def modules_on(ground: Ground) -> tuple[Module, ...]:
    """Return the modules of all of them."""
    return tuple(one.module(ground) for one in REGISTERED)
