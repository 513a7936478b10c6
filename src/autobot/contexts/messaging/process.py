"""A replay as a durable run: picks a batch, replays it at its rate, sees what became of it, goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

from autobot.contexts.messaging.domain import Replay, plus, selects, too_many_fail
from autobot.contexts.messaging.ports import StoredReplays, candidates
from autobot.contracts import messaging, replays
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock, parse_rfc3339
from autobot.kernel.core.context import principal_of
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.messaging.dead_letters import DeadLetters, place_of
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "dead letter replay"
BUDGET_S: Final = 7 * 86_400.0
"""Seconds that a replay may take: a week."""
BATCH: Final = 50
BATCH_S: Final = 5.0
"""A slow replay's batch takes about this long, so that people see how far it is."""
LOOK_EVERY_S: Final = 0.1
LOOK_FOR_S: Final = 30.0
"""How long a batch waits to see what became of what it replayed; a held group may take for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A batch: what it replays, and where the next one begins (empty: there is none)."""

    letters: tuple[str, ...]
    place: tuple[str, ...]


class ReplayRun(PlainRun):
    """The definition. Steps may repeat: each letter is replayed under a key of its own, so it happens once."""

    name, budget = NAME, BUDGET_S
    resumes = True

    def __init__(self, *, bus: Dispatcher, letters: DeadLetters, stored: StoredReplays, clock: Clock) -> None:
        self._bus, self._letters, self._stored, self._clock = bus, letters, stored, clock
        self._verdicts: dict[str, replays.ReplayStatus] = {}

    async def execute(self, run: Run) -> None:
        """Replay batch after batch."""
        replay = (await self._stored.load(run.id)).replay
        if replay.stopping:
            self._verdicts[run.id] = "stopped"
            return
        tally, place = replays.Tally(), tuple[str, ...]()
        await self._note(run, replays.NoteReplay(id=run.id, status="running"))
        while True:
            picked = await run.step(
                "pick", "read", partial(self._pick, replay, place), Picked, given=place, resumable=True
            )
            if picked.letters:
                batch = await run.step(
                    "replay",
                    "replay",
                    partial(self._replay, run, replay, picked.letters, tally),
                    replays.Tally,
                    given=picked.letters,
                    resumable=True,
                )
                tally = plus(tally, batch)
                run.result = tally
                await self._note(run, replays.NoteReplay(id=run.id, status="running", tally=tally))
            if too_many_fail(tally, replay.stop_at_percent):
                self._verdicts[run.id] = "halted"
                return
            if not picked.place:
                return
            place = picked.place

    async def _pick(self, replay: Replay, place: tuple[str, ...]) -> Picked:
        """Return the next letters that were dead already when the replay was asked for."""
        asked = parse_rfc3339(replay.asked_at)
        until = replay.selection.until
        selection = replace(replay.selection, until=asked if until is None else min(asked, until))
        after = (place[0], place[1]) if place else None
        most = min(BATCH, max(1, int(replay.per_second * BATCH_S)))
        found: list[str] = []
        async for letter in candidates(self._letters, selection, after=after, size=BATCH):
            if selects(selection, letter):
                found.append(letter.id)
            if len(found) == most:
                return Picked(letters=tuple(found), place=place_of(letter))
        return Picked(letters=tuple(found), place=())

    async def _replay(
        self, run: Run, replay: Replay, letters: Sequence[str], so_far: replays.Tally
    ) -> replays.Tally:
        """Replay a batch and say what became of it; stop inside it when too many fail."""
        tally, unknown = replays.Tally(), list[str]()
        due = self._clock.monotonic()
        for letter in letters:
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))
            due = max(due, self._clock.monotonic()) + 1.0 / replay.per_second
            command = messaging.ReplayDeadLetter(id=letter, replay=run.id)
            try:
                await self._bus.dispatch(command, run.context, key=run.key(letter))
            except (NotFound, Conflict):
                tally = plus(tally, replays.Tally(gone=1))
                continue
            tally = plus(tally, replays.Tally(replayed=1))
            unknown.append(letter)
            tally = await self._look(unknown, tally)
            if too_many_fail(plus(so_far, tally), replay.stop_at_percent):
                break
        last = self._clock.monotonic() + LOOK_FOR_S
        while unknown and self._clock.monotonic() < last:
            await asyncio.sleep(LOOK_EVERY_S)
            tally = await self._look(unknown, tally)
        return plus(tally, replays.Tally(open=len(unknown)))

    async def _look(self, unknown: list[str], tally: replays.Tally) -> replays.Tally:
        """Count those whose fate is known, and take them out of `unknown`."""
        for letter in list(unknown):
            fate = await self._letters.fate(letter)
            if fate != "waiting":
                unknown.remove(letter)
                one = replays.Tally(settled=1) if fate == "settled" else replays.Tally(failed=1)
                tally = plus(tally, one)
        return tally

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record how it ended; what is recorded already decides."""
        verdict = self._verdicts.pop(run.id, None)
        status = verdict if verdict and outcome.state == "completed" else cast("Any", outcome.state)
        note = replays.NoteReplay(id=run.id, status=status, tally=run.result, error=outcome.error)
        view = await self._note(run, note)
        if view.status == status:
            return Ended(outcome=outcome)
        state = "completed" if view.status == "halted" else view.status
        return Ended(outcome=Outcome(state=cast("Any", state), error=view.error))

    async def _note(self, run: Run, note: replays.NoteReplay) -> replays.ReplayView:
        answer = await self._bus.dispatch(
            note, as_service(run.context, "messaging", run.owner), key=run.key_for("note", note)
        )
        return cast("replays.ReplayView", answer.value)


def _begin(event: Any, _: Message) -> Begin | None:
    if not isinstance(event, replays.ReplayRequested):
        return None
    principal = principal_of(event.principal)
    return Begin(run=event.replay, principal=principal, owner=principal.user_id, serial_key=NAME, given={})


def replay_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each ReplayRequested."""
    return starter(codec, accept, NAME, _begin)
