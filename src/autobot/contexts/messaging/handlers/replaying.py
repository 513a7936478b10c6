"""The write side of replays: asked for, noted, stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from autobot.contexts.messaging.domain import Replay, require_bounds
from autobot.contexts.messaging.handlers.decisions import by
from autobot.contexts.messaging.ports import StoredReplays, put_replay, replay_stream, view_of
from autobot.contracts import replays
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, principal_data
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY
from autobot.kernel.sagas.facts import SignalSent, signals_of
from autobot.kernel.sagas.saga import STOP


class ReplayHandlers:
    """One method a command."""

    def __init__(self, stored: StoredReplays, clock: Clock, ids: IdSource) -> None:
        self._stored, self._clock, self._ids = stored, clock, ids

    async def request(
        self, command: replays.RequestReplay, context: CallContext
    ) -> Decision[replays.ReplayView]:
        """Accept a replay: from then on a run carries it, over restarts."""
        require_bounds(command.selection)
        replay = Replay(
            id=self._ids.new(),
            selection=command.selection,
            per_second=command.per_second,
            stop_at_percent=command.stop_at_percent,
            asked_by=by(context),
            asked_at=rfc3339(self._clock.now()),
        )
        fact = replays.ReplayRequested(replay=replay.id, principal=principal_data(context.principal))
        return _decision(replay, 0, (fact,))

    async def stop(self, command: replays.StopReplay, context: CallContext) -> Decision[replays.ReplayView]:
        """Ask a replay to end: the log brings its run the word, wherever that is carried; one that begins later finds
        it in its state."""
        stored = await self._stored.load(command.id)
        replay, facts = stored.replay.stop(by(context))
        decision = _decision(replay, stored.version, facts)
        if not facts:
            return decision
        told = SignalSent(run_id=replay.id, name=STOP, by=by(context))
        word = Emit(stream=signals_of(replay.id), expected=ANY, events=(told,))
        return replace(decision, emits=(*decision.emits, word))

    async def note(self, command: replays.NoteReplay, context: CallContext) -> Decision[replays.ReplayView]:
        """Note how far a replay is, or how it ended."""
        stored = await self._stored.load(command.id)
        error = msgspec.to_builtins(command.error) if command.error else None
        replay, facts = stored.replay.note(command, error, self._clock.now())
        if replay == stored.replay:
            return Decision(answer=view_of(replay), object=f"replay:{replay.id}")
        return _decision(replay, stored.version, facts)


def _decision(replay: Replay, version: int, facts: tuple[Any, ...]) -> Decision[replays.ReplayView]:
    emit = Emit(stream=replay_stream(replay.id), expected=ANY, events=facts)
    return Decision(
        answer=view_of(replay),
        emits=(emit,) if facts else (),
        writes=(put_replay(replay, version),),
        object=f"replay:{replay.id}",
    )
