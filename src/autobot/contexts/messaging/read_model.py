"""The read side: dead letters, their causes, replays, consumer groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from autobot.contexts.messaging.domain import (
    Causes,
    is_by_cause,
    require_bounds,
    selects,
    selects_cause,
    summary_of,
)
from autobot.contexts.messaging.ports import (
    KnownTypes,
    Served,
    Shown,
    StoredReplays,
    candidates,
    consumer_stream,
    replay_stream,
    view_of,
    waiting_long,
)
from autobot.contracts import messaging, replays
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection
from autobot.kernel.messaging.dead_letters import PAGE, DeadLetters, place_of
from autobot.kernel.messaging.facts import stream_of
from autobot.kernel.messaging.holds import all_holds
from autobot.kernel.messaging.parking import Parked

LOOKED_AT: Final = 10_000
"""Dead letters that one page of a filtered list looks at; a page may then be short, and its cursor goes on."""
BEHIND: Final = 1_000
SHOWN: Final = 50
"""Dead letters that a preview names."""


class MessagingQueries:
    """One method a query."""

    def __init__(
        self,
        store: EventStore,
        letters: DeadLetters,
        stored: StoredReplays,
        types: KnownTypes,
        shown: Shown,
        served: Served,
        clock: Clock,
    ) -> None:
        self._store, self._letters, self._stored, self._served = store, letters, stored, served
        self._types, self._shown, self._clock = types, shown, clock

    async def page(self, query: messaging.ListDeadLetters, context: CallContext) -> messaging.DeadLetterPage:
        """Return a page of what the selection means, the one that failed last at the end."""
        place = decode_cursor(query.cursor, 2)
        after = (place[0], place[1]) if place else None
        now, last, looked = self._clock.now(), None, 0
        size = PAGE if query.selection.key else query.limit + 1
        found: list[messaging.DeadLetterSummary] = []
        async for letter in candidates(self._letters, query.selection, after=after, size=size):
            if len(found) == query.limit or looked == LOOKED_AT:
                return messaging.DeadLetterPage(
                    items=tuple(found), next_cursor=encode_cursor(*place_of(last)) if last else None
                )
            last, looked = letter, looked + 1
            if selects(query.selection, letter):
                found.append(summary_of(letter, now))
        return messaging.DeadLetterPage(items=tuple(found))

    async def causes(self, query: messaging.ListCauses, context: CallContext) -> messaging.CausePage:
        """Return what causes them. Whole causes are counted in an index, parts of them one by one."""
        now = self._clock.now()
        causes = Causes(now)
        if not is_by_cause(query.selection):
            async for letter in self._selected(query.selection):
                causes.add(letter)
            return messaging.CausePage(items=causes.views())
        for cause in await self._letters.causes(lambda one: selects_cause(query.selection, one)):
            ends = await self._letters.ends(cause)
            if ends is not None:
                count = await self._letters.count(cause=cause)
                ageing, overdue = await waiting_long(self._letters, now, cause=cause)
                causes.add_counted(cause, count, *ends, ageing, overdue)
        return messaging.CausePage(items=causes.views())

    async def letter(self, query: messaging.GetDeadLetter, context: CallContext) -> messaging.DeadLetterView:
        """Return one with its event."""
        letter = await self._letters.get(query.id)
        event = await self._letters.event(letter)
        behind = await self._letters.behind(letter, BEHIND)
        return messaging.DeadLetterView(
            letter=summary_of(letter, self._clock.now()),
            handler=letter.handler,
            correlation_id=letter.correlation_id,
            stack=letter.stack,
            event=dict(self._shown(event)),
            waiting_behind=len(behind),
            editable=await self._types.editable(event.message),
        )

    async def preview(self, query: replays.PreviewReplay, context: CallContext) -> replays.ReplayPreview:
        """Return what a replay would replay now."""
        require_bounds(query.selection)
        count, now = 0, self._clock.now()
        items: list[messaging.DeadLetterSummary] = []
        size = PAGE if query.selection.key else SHOWN + 1
        async for letter in self._selected(query.selection, size):
            if len(items) < SHOWN:
                items.append(summary_of(letter, now))
            elif not query.selection.key:
                break
            count += 1
        if not query.selection.key:
            count = await self._counted(query.selection)
        return replays.ReplayPreview(count=count, items=tuple(items))

    async def _counted(self, selection: messaging.Selection) -> int:
        since, until = selection.since, selection.until
        if not selection.fingerprint and not selection.type:
            return await self._letters.count(group=selection.group or None, since=since, until=until)
        causes = await self._letters.causes(lambda one: selects_cause(selection, one))
        return sum([await self._letters.count(cause=one, since=since, until=until) for one in causes])

    async def _selected(self, selection: messaging.Selection, size: int = PAGE) -> AsyncIterator[Parked]:
        async for letter in candidates(self._letters, selection, size=size):
            if selects(selection, letter):
                yield letter

    async def all_replays(self, query: replays.ListReplays, context: CallContext) -> replays.ReplayPage:
        """Return replays, the newest first."""
        place = decode_cursor(query.cursor, 2)
        found = await self._stored.page((place[0], place[1]) if place else None, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return replays.ReplayPage(
            items=tuple(view_of(one) for one in page),
            next_cursor=encode_cursor(page[-1].asked_at, page[-1].id) if more else None,
        )

    async def replay(self, query: replays.GetReplay, context: CallContext) -> replays.ReplayView:
        """Return one replay."""
        replay = (await self._stored.load(query.id)).replay
        replay.require()
        return view_of(replay)

    async def consumers(self, query: messaging.ListConsumers, context: CallContext) -> messaging.ConsumerPage:
        """Return every group in every process that serves it. Whether it is held is what is stored, at once."""
        held = {one.group: one.told for one in await all_holds(self._store)}
        waiting: dict[str, tuple[int, int]] = {}
        items = []
        for state in sorted(await self._served(), key=lambda one: (one["group"], one["process"])):
            group = state["group"]
            if group not in waiting:
                waiting[group] = await waiting_long(self._letters, self._clock.now(), group=group)
            ageing, overdue = waiting[group]
            items.append(
                messaging.ConsumerView(
                    **{**state, **_holding(state, held.get(group))}, ageing=ageing, overdue=overdue
                )
            )
        return messaging.ConsumerPage(items=tuple(items))


def _holding(state: Mapping[str, Any], told: str | None) -> Mapping[str, Any]:
    if told is not None:
        return {"held": True, "state": "paused", "reason": told}
    return {"held": False, "state": "running", "reason": ""} if state["held"] else {}


def consumers_then(codec: EventCodec) -> Projection:
    """Return the read model of held groups: who holds each, and why."""
    types = (messaging.ConsumerHeld.TYPE, messaging.ConsumerReleased.TYPE)
    return latest("consumers", types, codec.unwrap, prefix=consumer_stream(""), change=_held_then)


def _held_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case messaging.ConsumerHeld():
            return {"state": "held", "reason": event.reason, "by": event.by}
        case messaging.ConsumerReleased():
            return None
    return before


def letters_then(codec: EventCodec) -> Projection:
    """Return the read model of what was decided on dead letters: the last word on each.

    That a message could not be handled is the broker's row and no fact, so a letter is here from its first decision on
    (decision 0035).
    """
    types = (
        messaging.DeadLetterReplayed.TYPE,
        messaging.DeadLetterEdited.TYPE,
        messaging.DeadLetterDiscarded.TYPE,
    )
    return latest("dead_letters", types, codec.unwrap, prefix=stream_of(""), change=_decided_then)


def _decided_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case messaging.DeadLetterReplayed():
            more = {"decision": "replayed", "replay": event.replay}
        case messaging.DeadLetterEdited():
            more = {"decision": "edited", "copy_id": event.copy_id, "reason": event.reason}
        case messaging.DeadLetterDiscarded():
            more = {"decision": "discarded", "reason": event.reason}
        case _:
            return before
    return {"group": event.group, "event_id": event.event_id, "by": event.by, **more}


def replays_then(codec: EventCodec) -> Projection:
    """Return the read model of replays of many dead letters."""
    types = tuple(one.TYPE for one in replays.EVENTS)
    return latest("replays", types, codec.unwrap, prefix=replay_stream(""), change=_replay_then)


def _replay_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case replays.ReplayRequested():
            return {
                "status": "accepted",
                "asked_by": event.principal.get("username") or event.principal["id"],
            }
        case replays.ReplayStopAsked():
            return {**before, "stopped_by": event.by}
        case replays.ReplayEnded():
            return {**before, "status": event.status, "replayed": event.replayed, "failed": event.failed}
    return before
