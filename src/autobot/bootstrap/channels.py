"""The channels that clients follow, over the log and the runs in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from autobot.contracts import chat, runs
from autobot.contracts.knowledge import collections, documents
from autobot.gateway.realtime import frames
from autobot.gateway.realtime.admission import admit_again
from autobot.gateway.realtime.fanout import Fanout, Head
from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.texts import Texts
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.documents import event_document
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Filter, Recorded
from autobot.kernel.sagas.earlier import END_TYPES
from autobot.kernel.sagas.engine import RunEngine

BATCH = 500
SYSTEM = Filter(types=("autobot.system.*",))
PERMITTING = frozenset(
    {
        collections.CollectionChanged.TYPE,
        documents.DocumentChanged.TYPE,
        documents.DocumentDeleted.TYPE,
    }
)
"""Facts after which others may read documents than before."""
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
        live: Callable[[str], Awaitable[Mapping[str, str]]],
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
        found = await self._live(channel.partition(":")[2])
        return [frames.snapshot(channel, run_id, text) for run_id, text in found.items()]


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


class EngineTexts:
    """Implements `Texts` from the engine that carries the runs in this process."""

    def __init__(self, engine: RunEngine) -> None:
        self._engine = engine

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """Return a run's text."""
        run = self._engine.live(run_id)
        return {} if run is None else {run.id: run.text}

    async def of_session(self, session_id: str) -> Mapping[str, str]:
        """Return the texts of a chat's runs."""
        live = self._engine.all_live()
        return {one.id: one.text for one in live if one.input.get("session_id") == session_id}

    def piece(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run's frame as the piece that other processes take in: with its chat."""
        run = self._engine.live(frame["run_id"])
        return {
            "run_id": frame["run_id"],
            "session_id": "" if run is None else run.input.get("session_id", ""),
            "offset": frame["offset"],
            "text": frame["text"],
        }

    def wholes(self, wanted: str) -> list[dict[str, Any]]:
        """Return the whole text of a run that is carried here, of all of them for `*`."""
        live = self._engine.all_live()
        return [
            {
                "run_id": one.id,
                "session_id": one.input.get("session_id", ""),
                "offset": 0,
                "text": one.text,
                "whole": True,
            }
            for one in live
            if wanted in ("*", one.id)
        ]


def sources(
    store: EventStore, bus: Dispatcher, texts: Texts, authorize: Authorize
) -> dict[str, StreamChannel | LogChannel]:
    """Return the source of each kind of channel."""

    async def admit_run(run_id: str, context: CallContext) -> None:
        await bus.ask(runs.GetRun(run_id=run_id), context)

    async def admit_document(document_id: str, context: CallContext) -> None:
        await bus.ask(documents.GetDocument(id=document_id), context)

    async def no_text(document_id: str) -> Mapping[str, str]:
        return {}

    async def admit_session(session_id: str, context: CallContext) -> None:
        await bus.ask(chat.GetSession(session_id=session_id), context)

    return {
        "run": StreamChannel(store, "run-", admit_run, texts.of_run),
        "chat.session": StreamChannel(store, "chat-", admit_session, texts.of_session),
        "document": StreamChannel(store, "document-", admit_document, no_text),
        "events": LogChannel(store, "events:read", authorize),
        "system": LogChannel(store, "system:read", authorize, SYSTEM),
    }


async def follow_log(store: EventStore, fanout: Fanout, ended: Callable[[str], None], *, after: int) -> None:
    """Give each new event to who listens, for ever, and hear which runs ended. A frame is made only when somebody
    listens."""
    async for batch in store.subscribe(after=after):
        for one in batch:
            if one.message.type in END_TYPES:
                ended(one.stream.removeprefix("run-"))
            if one.message.type in PERMITTING:
                # Before anything that follows is told.
                await admit_again(fanout, "document")
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
    elif stream.startswith("document-"):
        found.append(("document:" + stream.removeprefix("document-"), recorded.revision + 1))
    if recorded.message.type.startswith("autobot.system."):
        found.append(("system", recorded.position))
    return found


def publish_passing(fanout: Fanout, said: Mapping[str, Any]) -> None:
    """Give what passes to who follows it: a piece of text, or how far a document is."""
    if "document_id" not in said:
        publish_piece(fanout, said)
    elif fanout.listens(channel := f"document:{said['document_id']}"):
        fanout.publish(frames.progress(channel, said))


def publish_piece(fanout: Fanout, piece: Mapping[str, Any]) -> None:
    """Give a piece of passing text, or the whole of it, to who follows its run or its chat."""
    run_id, offset, text = piece["run_id"], piece["offset"], piece["text"]
    channels = [f"run:{run_id}"]
    if piece.get("session_id"):
        channels.append(f"chat.session:{piece['session_id']}")
    for channel in channels:
        if not fanout.listens(channel):
            continue
        if piece.get("whole"):
            fanout.publish(frames.snapshot(channel, run_id, text))
        else:
            fanout.publish(frames.delta(channel, run_id, offset, text))
