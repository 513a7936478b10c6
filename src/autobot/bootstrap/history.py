"""What can be asked about the past: the stored read models, and those folded from the log when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from autobot.bootstrap.placing import Placement
from autobot.bootstrap.selves import process_id
from autobot.config import Config
from autobot.contexts.chat.read_model import chat_projection
from autobot.contexts.history import module as history_module
from autobot.contexts.identity.read_model import users_then
from autobot.contexts.settings.read_model import settings_then
from autobot.contexts.system.read_model import links_then
from autobot.kernel.commands.decision import Module
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.linked import LinkedEventStore
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.messaging.leases import Lease

KEEPERS: Final = "projections"
"""What the leases of keepers are about."""


def past_of(store: LinkedEventStore, codec: EventCodec) -> Past:
    """Return the past of every read model; an erasure through `store` is followed at once."""
    known = (chat_projection(codec), settings_then(codec), users_then(codec), links_then(codec))
    past = Past(store, known)
    store.on_erase.append(past.forget)
    return past


def kept_chats(
    config: Config, placement: Placement, store: LinkedEventStore, codec: EventCodec, clock: Clock
) -> Keeper:
    """Return the read model of chats: kept by the one backend that has its lease, where there are several."""
    projection = chat_projection(codec)
    lease = None
    if placement.scaled:
        name = f"projection:{projection.name}"
        lease = Lease(store, clock, name, process_id(config, placement), about=KEEPERS)
    return Keeper(ProjectionRunner(projection, store, clock), store, clock, lease)


def history_context(
    store: LinkedEventStore, past: Past, views: Mapping[str, Keeper], clock: Clock, ids: IdSource
) -> Module:
    """Return the context; `views` are the stored ones, by name."""
    return history_module.build(store=store, past=past, views=views, clock=clock, ids=ids)
