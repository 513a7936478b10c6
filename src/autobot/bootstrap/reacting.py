"""What facts set off in this process: runs that are begun, runs that are told something."""

from __future__ import annotations

from typing import Any

from autobot.bootstrap.documents import Knowledge
from autobot.bootstrap.following import DELIVER, GROUP, Reaction, reactions_of, start_reply
from autobot.bootstrap.placing import Placement
from autobot.bootstrap.wiring import direct
from autobot.contexts.actions import module as actions_module
from autobot.contexts.agents.process import NAME
from autobot.contexts.history import module as history_module
from autobot.contexts.identity import module as identity_module
from autobot.contexts.knowledge import module as knowledge_module
from autobot.contexts.messaging import module as messaging_module
from autobot.contexts.sagas import module as sagas_module
from autobot.contracts import actions, chat, identity, read_models, replays
from autobot.contracts.knowledge import archives, documents, measurements
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.messaging.broker import Subscription
from autobot.kernel.sagas.engine import RunEngine


def connect_reactions(
    registry: LinkRegistry,
    placement: Placement,
    codec: EventCodec,
    store: EventStore,
    engine: RunEngine,
    knowledge: Knowledge,
) -> Subscription:
    """Return the group of the facts that set something off here.

    In ai these are the requests for replies; in backend all others. In one process facts are handed over by the
    event bus's row; scaled, that row is what the relay publishes by, and here is where it ends.
    """
    reactions: dict[str, Reaction] = dict(sagas_module.reactions(codec, engine))
    if placement.holds("ai"):
        reactions[chat.ReplyRequested.TYPE] = start_reply(codec, engine.accept, NAME, _owner(codec, store))
    if placement.holds("backend"):
        clean = knowledge_module.cleaner(codec, knowledge.index, knowledge.blobs)
        reactions |= {
            actions.ActionRequested.TYPE: actions_module.run_starter(codec, engine.accept),
            identity.UserRemovalRequested.TYPE: identity_module.removal_starter(codec, engine.accept),
            replays.ReplayRequested.TYPE: messaging_module.replay_starter(codec, engine.accept),
            measurements.MeasurementRequested.TYPE: knowledge_module.measurement_starter(
                codec, engine.accept
            ),
            read_models.ReadModelChangeRequested.TYPE: history_module.change_starter(codec, engine.accept),
            archives.ImportRequested.TYPE: knowledge_module.import_starter(codec, engine.accept),
            documents.DocumentChanged.TYPE: knowledge_module.labeller(codec, store, knowledge.index),
            documents.DocumentDeleted.TYPE: clean,
            archives.ImportEnded.TYPE: clean,
            archives.ImportCancelled.TYPE: clean,
        }

    types = tuple(reactions)

    async def deliver(payload: Any, context: CallContext) -> None:
        await reactions[payload.message.type](payload)

    group = placement.group(GROUP)
    if placement.scaled:
        return reactions_of(deliver, types, group)
    handed = DirectTransport({DELIVER.name: deliver})
    registry.wire("services-event_bus", direct(handed, "the log of this process"))
    link = registry.link("services-event_bus")

    async def by_link(payload: Any, context: CallContext) -> None:
        await link.call(DELIVER, payload, context)

    return reactions_of(by_link, types, group)


def _owner(codec: EventCodec, store: EventStore) -> Any:
    async def owner_of(session_id: str) -> str:
        found = await store.read_stream(f"chat-{session_id}", limit=1)
        event = codec.unwrap(found[0]) if found else None
        return event.owner if isinstance(event, chat.SessionCreated) else ""

    return owner_of
