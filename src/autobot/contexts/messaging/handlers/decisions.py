"""The write side: decisions on dead letters and on consumer groups."""

from __future__ import annotations

from typing import Any

import msgspec

from autobot.contexts.messaging.ports import KnownTypes, Served, consumer_stream
from autobot.contracts import messaging
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.documents import is_json
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Transaction
from autobot.kernel.messaging import holds
from autobot.kernel.messaging.broker import Broker
from autobot.kernel.messaging.dead_letters import DeadLetters
from autobot.kernel.messaging.facts import EventCopied, stream_of


def by(context: CallContext) -> str:
    """Return who acts, as people know them."""
    return context.principal.username or context.principal.id


class LetterHandlers:
    """One method a command. Each decision is a fact on the letter's stream, so of two at once one is refused."""

    def __init__(self, letters: DeadLetters, types: KnownTypes, broker: Broker, ids: IdSource) -> None:
        self._letters, self._types, self._broker, self._ids = letters, types, broker, ids

    async def replay(
        self, command: messaging.ReplayDeadLetter, context: CallContext
    ) -> Decision[messaging.LetterDecided]:
        """Deliver one again."""
        revision = await self._letters.revision(command.id)
        letter = await self._letters.get(command.id)
        fact = messaging.DeadLetterReplayed(
            letter=letter.id,
            group=letter.group,
            event_id=letter.event_id,
            by=by(context),
            replay=command.replay,
        )
        return _decided(
            messaging.LetterDecided(
                id=letter.id, group=letter.group, decision="replayed", event_id=letter.event_id
            ),
            await self._letters.replay(letter.id),
            revision,
            (fact,),
            f"replay {command.replay}" if command.replay else "",
        )

    async def edit(
        self, command: messaging.EditDeadLetter, context: CallContext
    ) -> Decision[messaging.LetterDecided]:
        """Put a checked copy in its place."""
        revision = await self._letters.revision(command.id)
        letter = await self._letters.get(command.id)
        await self._types.check(letter.type, msgspec.json.encode(command.data))
        event = (await self._letters.event(letter)).message
        if event.erased:
            raise Conflict("The event of this dead letter was erased: there is nothing to make a copy of.")
        if not is_json(event.content_type):
            raise Conflict(f"The event of this dead letter is {event.content_type}; only JSON can be edited.")
        copy_id = self._ids.new()
        copied = EventCopied(letter=letter.id, event_id=copy_id, data=command.data)
        fact = messaging.DeadLetterEdited(
            letter=letter.id,
            group=letter.group,
            event_id=letter.event_id,
            copy_id=copy_id,
            reason=command.reason,
            by=by(context),
        )
        return _decided(
            messaging.LetterDecided(id=letter.id, group=letter.group, decision="edited", event_id=copy_id),
            await self._letters.edit(letter.id, event_id=copy_id, copy=revision + 1),
            revision,
            (copied, fact),
            command.reason,
        )

    async def discard(
        self, command: messaging.DiscardDeadLetter, context: CallContext
    ) -> Decision[messaging.LetterDecided]:
        """Give one up."""
        revision = await self._letters.revision(command.id)
        letter = await self._letters.get(command.id)
        fact = messaging.DeadLetterDiscarded(
            letter=letter.id,
            group=letter.group,
            event_id=letter.event_id,
            reason=command.reason,
            by=by(context),
        )
        return _decided(
            messaging.LetterDecided(id=letter.id, group=letter.group, decision="discarded"),
            await self._letters.discard(letter.id),
            revision,
            (fact,),
            command.reason,
        )

    async def decided(self, decision: Decision[Any]) -> None:
        """Let the group look at what was decided."""
        self._broker.wake(decision.answer.group, decision.answer.id)


def _decided(
    answer: messaging.LetterDecided,
    parts: Transaction,
    revision: int,
    facts: tuple[Any, ...],
    reason: str,
) -> Decision[messaging.LetterDecided]:
    return Decision(
        answer=answer,
        emits=(Emit(stream=stream_of(answer.id), expected=revision, events=facts),),
        writes=parts.writes,
        handled=parts.handled,
        erase=parts.erase,
        object=f"dead-letter:{answer.id}",
        reason=reason,
    )


class ConsumerHandlers:
    """Holds and releases groups. What is stored decides; this process's groups follow it."""

    def __init__(self, store: EventStore, broker: Broker, served: Served, clock: Clock) -> None:
        self._store, self._broker, self._served, self._clock = store, broker, served, clock

    async def _require(self, group: str) -> None:
        if all(one["group"] != group for one in await self._served()):
            raise NotFound(f"There is no group {group}.")

    async def hold(self, command: messaging.HoldConsumer, context: CallContext) -> Decision[dict[str, Any]]:
        """Give a group nothing more, wherever it is served. Raises NotFound for one that is served nowhere."""
        await self._require(command.group)
        hold = holds.Hold(
            group=command.group, reason=command.reason, by=by(context), since=rfc3339(self._clock.now())
        )
        fact = messaging.ConsumerHeld(group=hold.group, reason=hold.reason, by=hold.by)
        return _on_group(fact, (holds.put(hold),))

    async def release(
        self, command: messaging.ReleaseConsumer, context: CallContext
    ) -> Decision[dict[str, Any]]:
        """Let a group go on; one that nobody holds is left alone. Raises NotFound."""
        await self._require(command.group)
        fact = messaging.ConsumerReleased(group=command.group, reason=command.reason, by=by(context))
        return _on_group(fact, (holds.delete(command.group),))

    async def apply(self, decision: Decision[Any]) -> None:
        """Make in this process true what is stored now, whoever decided last."""
        group = decision.answer["id"]
        hold = await holds.hold_of(self._store, group)
        if hold is None:
            self._broker.release(group)
        else:
            self._broker.hold(group, hold.told)


def hear(fact: Any, broker: Broker) -> None:
    """Follow in this process what was decided in another one, as the log tells it. Hearing of it twice is harmless."""
    match fact:
        case messaging.DeadLetterReplayed() | messaging.DeadLetterEdited() | messaging.DeadLetterDiscarded():
            broker.wake(fact.group, fact.letter)
        case messaging.ConsumerHeld():
            broker.hold(fact.group, holds.told(fact.by, fact.reason))
        case messaging.ConsumerReleased():
            broker.release(fact.group)


def _on_group(
    fact: messaging.ConsumerHeld | messaging.ConsumerReleased, writes: tuple[Any, ...]
) -> Decision[dict[str, Any]]:
    return Decision(
        answer={"id": fact.group},
        emits=(Emit(stream=consumer_stream(fact.group), expected=ANY, events=(fact,)),),
        writes=writes,
        object=f"consumer:{fact.group}",
        reason=fact.reason,
    )
