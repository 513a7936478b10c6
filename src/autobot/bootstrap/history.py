"""What can be asked about the past: the stored read models, those folded from the log when asked, and what has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from autobot.bootstrap.placing import Placement
from autobot.bootstrap.selves import process_id
from autobot.config import Config
from autobot.contexts.actions.read_model import actions_then
from autobot.contexts.chat.read_model import chat_projection
from autobot.contexts.history import module as history_module
from autobot.contexts.history.read_model import changes_then
from autobot.contexts.identity import module as identity_module
from autobot.contexts.identity.read_model import keys_then, users_then
from autobot.contexts.knowledge.read_model.collections import collections_then, documents_then
from autobot.contexts.knowledge.read_model.question_sets import question_sets_then
from autobot.contexts.messaging.read_model import consumers_then, letters_then, replays_then
from autobot.contexts.roles.read_model import roles_then
from autobot.contexts.sagas.read_model import runs_then, sagas_then
from autobot.contexts.schemas.read_model import schemas_then
from autobot.contexts.settings.read_model import settings_then
from autobot.contexts.system.read_model import links_then
from autobot.kernel.commands.decision import Module
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.linked import LinkedEventStore
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.projection import Policy, Projection
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.messaging.leases import Lease

KEEPERS: Final = "projections"
"""What the leases of keepers are about."""

UNPLANNED: Final = (identity_module.REMOVAL,)
"""The sagas that there were before a saga recorded its plan."""

PAST: Final[Mapping[str, str]] = {
    "actions.requests": "actions",
    "chat.sessions": "chat",
    "chat.messages": "chat",
    "consumer_holds": "consumers",
    "dead_letters": "dead_letters",
    "history.changes": "read_model_changes",
    "identity.keys": "keys",
    "knowledge.collections": "collections",
    "knowledge.documents": "documents",
    "knowledge.measurements": "question_sets",
    "knowledge.question_sets": "question_sets",
    "identity.names": "users",
    "identity.users": "users",
    "messaging.replays": "replays",
    "roles": "roles",
    "runs": "runs",
    "sagas": "sagas",
    "schemas.versions": "schemas",
    "settings.values": "settings",
}
"""By table of documents the read model that tells its past."""

NO_PAST: Final[Mapping[str, str]] = {
    "dead_letter_ages": "places of dead letters by age; they follow from the dead letters",
    "identity.guard": "counts that guard other rows; they follow from the users",
    "identity.links": "one-time links: that one was used is no fact",
    "identity.passwords": "secrets, and only the last one is kept",
    "identity.sessions": "which sessions a new password ended is no fact",
    "identity.usage": "when a credential was used last; each use is no fact",
    "knowledge.brought": "what imports brought that go on now; their documents have a past",
    "knowledge.files": "which document has which file; it follows from the documents",
    "knowledge.folders": "how watched folders are now; their documents have a past",
    "knowledge.imports": "how imports of archives are; what they brought has its past with the documents",
    "knowledge.indexing": "how far documents are that are worked on now; what came of it is in the past of the documents",
    "knowledge.measuring": "how far measurements are that go on now; what came of them is in the past of their set",
    "knowledge.originals": "which document has which bytes; it follows from the documents",
    "knowledge.queries": "what was searched for; that somebody searched is no fact, and it goes when it is old",
    "knowledge.queue": "what waits to be indexed now; it follows from the documents",
    "knowledge.retired": "deleted documents that searches of the past still find; the index has that past",
    "knowledge.watched": "how files of watched folders were seen last; their documents have a past",
    "leases": "who does something now; the fences in the log are what is left of it",
    "models.usage": "counts of each day, which are a history themselves; that one was added to is no fact",
    "parked_messages": "what waits for its turn now; a row lives until its message is handled",
    "projection_skips": "where a read model stands; it follows from its projection and the log",
    "projection_wishes": "what a process asks another to do to a read model now; the change itself has a past",
    "projections": "which tables are in force; what was done to them is a past of its own",
    "role_contracts": "what a mark stands for; it never changes",
    "run_leases": "who carries a run now",
    "schemas.received": "where a received event stands in the log, which is its past",
    "settings.secrets": "secrets, sealed; that one was set is in the past of the settings",
    "system.erasures": "a count of what was erased",
    "system.figures": "what a process measured last; metrics keep their own past",
    "system.health": "a probe of the store",
}
"""By table why it has no past that could be asked. A table stands in one of the two; a test holds that."""


def projections(codec: EventCodec) -> tuple[Projection, ...]:
    """Return every read model that can be asked about the past."""
    return (
        chat_projection(codec),
        settings_then(codec),
        users_then(codec),
        keys_then(codec),
        links_then(codec),
        sagas_then(codec, UNPLANNED),
        runs_then(codec, UNPLANNED),
        actions_then(codec),
        consumers_then(codec),
        letters_then(codec),
        replays_then(codec),
        schemas_then(codec),
        roles_then(codec),
        changes_then(codec),
        collections_then(codec),
        documents_then(codec),
        question_sets_then(codec),
    )


def past_of(store: LinkedEventStore, codec: EventCodec, on_poison: Policy) -> Past:
    """Return the past of every read model; an erasure through `store` is followed at once."""
    past = Past(store, projections(codec), on_poison)
    store.on_erase.append(past.forget)
    return past


def kept_chats(
    config: Config,
    placement: Placement,
    store: LinkedEventStore,
    codec: EventCodec,
    clock: Clock,
    on_poison: Policy,
) -> Keeper:
    """Return the read model of chats: kept by the one backend that has its lease, where there are several."""
    projection = chat_projection(codec)
    lease = None
    if placement.scaled:
        name = f"projection:{projection.name}"
        lease = Lease(store, clock, name, process_id(config, placement), about=KEEPERS)
    return Keeper(ProjectionRunner(projection, store, clock, on_poison), store, clock, lease)


def history_context(
    store: LinkedEventStore, past: Past, views: Mapping[str, Keeper], clock: Clock, ids: IdSource
) -> Module:
    """Return the context; `views` are the stored ones, by name."""
    return history_module.build(store=store, past=past, views=views, clock=clock, ids=ids)
