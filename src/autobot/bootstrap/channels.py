"""The channels that clients follow, over the log and the runs in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from autobot.contracts import chat, runs
from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout, Head
from autobot.gateway.realtime.frames import Frame
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.documents import event_document
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Recorded
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.facts import END_TYPES
from autobot.kernel.sagas.run import Run

BATCH = 500
SYSTEM = Filter(types=("autobot.system.*",))
Authorize = Callable[[str, CallContext], None]


def fact_frame(channel: str, seq: int, recorded: Recorded) -> Frame:
    """Return the frame of a stored event; a run's end is the last frame of its channel."""
    last = channel.startswith("run:") and recorded.message.type in END_TYPES
    return frames.event(channel, seq, msgspec.json.encode(event_document(recorded)), last=last)


class StreamChannel:
    """A channel that shows one stream: `<name>:<id>` is the stream `<prefix><id>`; seq is revision + 1."""

    def __init__(
        self,
        store: EventStore,
        prefix: str,
        admit: Callable[[str, CallContext], Any],
        live: Callable[[str], Sequence[Run]],
    ) -> None:
        self._store, self._prefix, self._admit, self._live = store, prefix, admit, live

    def _stream(self, channel: str) -> str:
        return self._prefix + channel.partition(":")[2]

    async def authorize(self, channel: str, context: CallContext) -> None:
        """Let the owner pass."""
        await self._admit(channel.partition(":")[2], context)

    async def head(self, channel: str) -> Head:
        """Return the newest fact's seq."""
        newest = await self._store.read_all(
            where=Filter(stream=self._stream(channel)), limit=1, backwards=True
        )
        if not newest:
            return Head(0)
        return Head(newest[0].revision + 1, ended=newest[0].message.type in END_TYPES)

    async def history(self, channel: str, after: int) -> AsyncIterator[Frame]:
        """Yield the facts above `after`."""
        while True:
            batch = await self._store.read_stream(self._stream(channel), after=after - 1, limit=BATCH)
            for one in batch:
                yield fact_frame(channel, one.revision + 1, one)
            if len(batch) < BATCH:
                return
            after = batch[-1].revision + 1

    async def snapshots(self, channel: str) -> Sequence[Frame]:
        """Return what is being written now."""
        found = self._live(channel.partition(":")[2])
        return [frames.snapshot(channel, run.id, run.text) for run in found]


class LogChannel:
    """A channel that shows the log, or the part of it that a filter wants; seq is the position."""

    def __init__(
        self, store: EventStore, action: str, authorize: Authorize, where: Filter | None = None
    ) -> None:
        self._store, self._action, self._authorize, self._where = store, action, authorize, where

    async def authorize(self, channel: str, context: CallContext) -> None:
        """Let pass who may read the log."""
        self._authorize(self._action, context)

    async def head(self, channel: str) -> Head:
        """Return the newest wanted event's position."""
        if self._where is None:
            return Head(await self._store.head())
        newest = await self._store.read_all(where=self._where, limit=1, backwards=True)
        return Head(newest[0].position if newest else 0)

    async def history(self, channel: str, after: int) -> AsyncIterator[Frame]:
        """Yield the events above `after`."""
        while True:
            batch = await self._store.read_all(after=after, limit=BATCH, where=self._where)
            for one in batch:
                yield fact_frame(channel, one.position, one)
            if len(batch) < BATCH:
                return
            after = batch[-1].position

    async def snapshots(self, channel: str) -> Sequence[Frame]:
        """Nothing passes on this channel."""
        return ()


def sources(
    store: EventStore, bus: Dispatcher, engine: RunEngine, authorize: Authorize
) -> dict[str, StreamChannel | LogChannel]:
    """Return the source of each kind of channel."""

    async def admit_run(run_id: str, context: CallContext) -> None:
        await bus.ask(runs.GetRun(run_id=run_id), context)

    async def admit_session(session_id: str, context: CallContext) -> None:
        await bus.ask(chat.GetSession(session_id=session_id), context)

    def of_run(run_id: str) -> Sequence[Run]:
        run = engine.live(run_id)
        return (run,) if run is not None else ()

    def of_session(session_id: str) -> Sequence[Run]:
        return [one for one in engine.all_live() if one.input.get("session_id") == session_id]

    return {
        "run": StreamChannel(store, "run-", admit_run, of_run),
        "chat.session": StreamChannel(store, "chat-", admit_session, of_session),
        "events": LogChannel(store, "events:read", authorize),
        "system": LogChannel(store, "system:read", authorize, SYSTEM),
    }


async def follow_log(store: EventStore, fanout: Fanout, *, after: int) -> None:
    """Give each new event to who listens, for ever. A frame is made only when somebody does."""
    async for batch in store.subscribe(after=after):
        for one in batch:
            for channel, seq in channels_of(one):
                if fanout.listens(channel):
                    fanout.publish(fact_frame(channel, seq, one))


def channels_of(recorded: Recorded) -> list[tuple[str, int]]:
    """Return the channels that show an event, each with its seq there."""
    found = [("events", recorded.position)]
    stream = recorded.stream
    if stream.startswith("run-"):
        found.append(("run:" + stream.removeprefix("run-"), recorded.revision + 1))
    elif stream.startswith("chat-"):
        found.append(("chat.session:" + stream.removeprefix("chat-"), recorded.revision + 1))
    if recorded.message.type.startswith("autobot.system."):
        found.append(("system", recorded.position))
    return found


def publish_delta(fanout: Fanout, engine: RunEngine, frame: dict[str, Any]) -> None:
    """Give a piece of passing text to who follows its run or its chat."""
    run_id, offset, text = frame["run_id"], frame["offset"], frame["text"]
    channels = [f"run:{run_id}"]
    run = engine.live(run_id)
    if run is not None and "session_id" in run.input:
        channels.append(f"chat.session:{run.input['session_id']}")
    for channel in channels:
        if fanout.listens(channel):
            fanout.publish(frames.delta(channel, run_id, offset, text))
