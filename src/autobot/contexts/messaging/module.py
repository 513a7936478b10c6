"""The only door of the messaging context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from autobot.contexts.messaging.handlers.decisions import ConsumerHandlers, LetterHandlers, hear
from autobot.contexts.messaging.handlers.replaying import ReplayHandlers
from autobot.contexts.messaging.ports import CheckOf, KnownTypes, Served, Shown, StoredReplays
from autobot.contexts.messaging.process import ReplayRun, replay_starter
from autobot.contexts.messaging.read_model import MessagingQueries
from autobot.contracts import messaging, replays
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging import facts
from autobot.kernel.messaging.broker import Broker
from autobot.kernel.messaging.dead_letters import DeadLetters, reindex

__all__ = ["EVENTS", "Served", "build", "hear", "reindex", "replay_run", "replay_starter"]

_ALLOW: Final = Verdict.ALLOW
READ: Final = "messaging:read"
WRITE: Final = "messaging:write"
RECORD: Final = "messaging:record"

EVENTS: Final = (*messaging.EVENTS, *replays.EVENTS, *facts.EVENTS)
RULES: Final = (
    Rule(action=READ, admin=_ALLOW, operator=_ALLOW),
    Rule(action=WRITE, admin=_ALLOW, operator=_ALLOW),
    Rule(action=RECORD),
)


def build(
    *,
    store: EventStore,
    clock: Clock,
    ids: IdSource,
    broker: Broker,
    codec: EventCodec,
    shown: Shown,
    check_of: CheckOf,
    served: Served,
) -> Module:
    """Return the context. `shown` makes the document of an event; `check_of` finds registered schemas;
    `served` knows the groups of all processes."""
    letters, stored, types = DeadLetters(store, clock), StoredReplays(store), KnownTypes(codec, check_of)
    ask = MessagingQueries(store, letters, stored, types, shown, served, clock)
    return Module(
        name="messaging",
        commands=(
            *_decisions(LetterHandlers(letters, types, broker, ids)),
            *_holds(ConsumerHandlers(store, broker, served, clock)),
            *_replays(ReplayHandlers(stored, clock, ids)),
        ),
        queries=tuple(
            QuerySpec(query=kind, action=READ, handler=handler)
            for kind, handler in (
                (messaging.ListDeadLetters, ask.page),
                (messaging.ListCauses, ask.causes),
                (messaging.GetDeadLetter, ask.letter),
                (messaging.ListConsumers, ask.consumers),
                (replays.PreviewReplay, ask.preview),
                (replays.ListReplays, ask.all_replays),
                (replays.GetReplay, ask.replay),
            )
        ),
        events=EVENTS,
        rules=RULES,
    )


def _decisions(write: LetterHandlers) -> Iterable[CommandSpec]:
    for kind, handler in (
        (messaging.ReplayDeadLetter, write.replay),
        (messaging.EditDeadLetter, write.edit),
        (messaging.DiscardDeadLetter, write.discard),
    ):
        yield CommandSpec(
            command=kind, action=WRITE, handler=handler, answer=messaging.LetterDecided, then=write.decided
        )


def _holds(write: ConsumerHandlers) -> Iterable[CommandSpec]:
    for kind, handler in ((messaging.HoldConsumer, write.hold), (messaging.ReleaseConsumer, write.release)):
        yield CommandSpec(
            command=kind, action=WRITE, handler=handler, answer=dict[str, Any], then=write.apply
        )


def _replays(write: ReplayHandlers) -> Iterable[CommandSpec]:
    for kind, action, handler in (
        (replays.RequestReplay, WRITE, write.request),
        (replays.StopReplay, WRITE, write.stop),
        (replays.NoteReplay, RECORD, write.note),
    ):
        yield CommandSpec(command=kind, action=action, handler=handler, answer=replays.ReplayView)


def replay_run(*, bus: Dispatcher, store: EventStore, clock: Clock) -> ReplayRun:
    """Return the definition for the run engine."""
    return ReplayRun(bus=bus, letters=DeadLetters(store, clock), stored=StoredReplays(store), clock=clock)
