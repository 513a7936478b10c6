"""The write side: policies of rows and breakers by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autobot.contexts.system.ports import LinkControl, LinkPolicies, Upkeep
from autobot.contracts import system
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, FieldError, InvalidInput, NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Filter

POLICIES = Filter(types=(system.LinkPolicyChanged.TYPE, system.BreakerForced.TYPE))


def stream_of(link: str) -> str:
    """Return the stream of a row's changes."""
    return f"link-{link}"


class LinkHandlers:
    """One method a command."""

    def __init__(self, control: LinkControl, policies: LinkPolicies) -> None:
        self._control, self._policies = control, policies

    async def change(self, command: system.ChangeLink, context: CallContext) -> Decision[dict[str, Any]]:
        """Lay fields over the row's run-time fields."""
        if not command.fields:
            raise InvalidInput("No field to change was given.")
        _, present = await self._policies.at(command.link)
        merged = {**(present or {}), **command.fields}
        self._control.check(command.link, merged)
        return _policy(command.link, merged, command.reason, context)

    async def revert(self, command: system.RevertLink, context: CallContext) -> Decision[dict[str, Any]]:
        """Set the run-time fields to what they were. Raises InvalidInput for a position that is not there yet."""
        fields = None
        if command.position is not None:
            newest = await self._policies.head()
            if command.position > newest:
                detail = f"The log ends at position {newest}: there is nothing to go back to at {command.position}."
                raise InvalidInput(detail, errors=(FieldError(detail=detail, pointer="#/position"),))
            _, fields = await self._policies.at(command.link, command.position)
        self._control.check(command.link, fields)
        return _policy(command.link, fields, command.reason, context)

    async def force(self, command: system.ForceBreaker, context: CallContext) -> Decision[dict[str, Any]]:
        """Act on breakers by hand."""
        self._control.check_force(command.link, command.action, command.target, command.seconds)
        fact = system.BreakerForced(
            link=command.link,
            action=command.action,
            target=command.target,
            reason=command.reason,
            by=context.principal.username or context.principal.id,
            seconds=command.seconds,
        )
        return _decision(command.link, fact, command.reason)

    async def apply(self, decision: Decision[Any]) -> None:
        """Make committed facts true in this process."""
        for emit in decision.emits:
            for fact in emit.events:
                if isinstance(fact, system.LinkPolicyChanged):
                    self._control.apply(fact.link, fact.fields)
                elif isinstance(fact, system.BreakerForced):
                    self._control.force(
                        fact.link, _action(fact.action), fact.target, fact.by, fact.reason, fact.seconds
                    )


def hear_policy(fact: Any, control: LinkControl) -> None:
    """Put in force what was decided in another process. A row or breaker that this one does not carry stays as it is."""
    try:
        if isinstance(fact, system.LinkPolicyChanged):
            control.apply(fact.link, fact.fields)
        elif isinstance(fact, system.BreakerForced):
            control.force(fact.link, _action(fact.action), fact.target, fact.by, fact.reason, fact.seconds)
    except (InvalidInput, NotFound, Conflict):
        return


async def restore_policies(
    store: EventStore, codec: EventCodec, control: LinkControl
) -> tuple[tuple[str, str], ...]:
    """Put in force what operators last decided, at start; returns (row, why) for what no longer holds.

    A row that a newer matrix file changed may refuse an old decision: it then runs as the files say, and
    the operator is told. Isolation by hand without an end stays in force as well.
    """
    policies: dict[str, dict[str, Any] | None] = {}
    by_hand: dict[str, list[system.BreakerForced]] = {}
    after = 0
    while True:
        batch = await store.read_all(after=after, where=POLICIES)
        for one in batch:
            fact = codec.unwrap(one)
            if isinstance(fact, system.LinkPolicyChanged):
                policies[fact.link] = fact.fields
            elif isinstance(fact, system.BreakerForced):
                # A decision on the whole row overrules what was decided on each of its targets before.
                before = by_hand.get(fact.link, []) if fact.target is not None else []
                by_hand[fact.link] = [*before, fact]
        if not batch:
            break
        after = batch[-1].position
    refused: list[tuple[str, str]] = []
    for link, fields in policies.items():
        try:
            if fields is not None:
                control.apply(link, fields)
        except (InvalidInput, NotFound) as error:
            refused.append((link, error.detail))
    for facts in by_hand.values():
        refused.extend(_isolated_again(facts, control))
    return tuple(refused)


def _isolated_again(facts: list[system.BreakerForced], control: LinkControl) -> Iterator[tuple[str, str]]:
    """Repeat what was decided on one row's breakers, in order; yields what does not hold any more.

    What passes by itself (an open time, an isolation with an end) has passed and leaves a breaker closed.
    """
    isolated = False
    for fact in facts:
        lasts = fact.action == "isolate" and fact.seconds is None
        isolated = isolated or lasts
        if not isolated:
            continue
        try:
            control.force(fact.link, "isolate" if lasts else "close", fact.target, fact.by, fact.reason, None)
        except (InvalidInput, NotFound) as error:
            yield fact.link, error.detail


class UpkeepHandlers:
    """Backups and vacuum: the work is done before the decision, which records that it was."""

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep

    async def backup(self, command: system.MakeBackup, context: CallContext) -> Decision[system.BackupMade]:
        """Write a backup."""
        made = await self._upkeep.backup(command.target, with_key=command.with_key)
        return Decision(answer=made, object="backup", reason="with key" if command.with_key else "")

    async def vacuum(self, command: system.Vacuum, context: CallContext) -> Decision[system.Vacuumed]:
        """Rewrite the database."""
        await self._upkeep.vacuum()
        return Decision(answer=system.Vacuumed(), object="store")


def _action(word: str) -> system.BreakerAction:
    match word:
        case "open" | "close" | "isolate" | "release":
            return word
    raise ValueError(f"{word} is no breaker action")


def _policy(
    link: str, fields: dict[str, Any] | None, reason: str, context: CallContext
) -> Decision[dict[str, Any]]:
    by = context.principal.username or context.principal.id
    return _decision(link, system.LinkPolicyChanged(link=link, fields=fields, reason=reason, by=by), reason)


def _decision(link: str, fact: Any, reason: str) -> Decision[dict[str, Any]]:
    emit = Emit(stream=stream_of(link), expected=ANY, events=(fact,))
    return Decision(answer={"id": link}, emits=(emit,), object=f"link:{link}", reason=reason)
