"""What can be asked about the past: the stored read models, and those folded from the log when asked."""

from __future__ import annotations

from collections.abc import Mapping

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


def past_of(store: LinkedEventStore, codec: EventCodec) -> Past:
    """Return the past of every read model; an erasure through `store` is followed at once."""
    known = (chat_projection(codec), settings_then(codec), users_then(codec), links_then(codec))
    past = Past(store, known)
    store.on_erase.append(past.forget)
    return past


def history_context(
    store: LinkedEventStore, past: Past, views: Mapping[str, ProjectionRunner], clock: Clock, ids: IdSource
) -> Module:
    """Return the context; `views` keep the stored ones, by name."""
    return history_module.build(store=store, past=past, views=views, clock=clock, ids=ids)
