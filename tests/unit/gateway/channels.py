"""A channel source in memory, whose facts and text a test writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout, Head, HistoryGone, Session
from autobot.gateway.realtime.frames import Frame
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.testing.virtual_time import run
from tests.unit.gateway.edge import context_of

RUN = "run:1"


class Channel:
    """One channel: durable facts, and the text of one run."""

    def __init__(self) -> None:
        self.facts: list[Frame] = []
        self.text = ""
        self.ended = False
        self.forgotten = 0


class Source:
    """Channels by name. `fanout` is set after both exist; `gate`, when set, holds history back."""

    def __init__(self, owner: str = "alice") -> None:
        self.channels: dict[str, Channel] = {}
        self.owner = owner
        self.fanout: Fanout
        self.gate: asyncio.Event | None = None
        self.reading = asyncio.Event()
        self.broken = False

    def channel(self, name: str) -> Channel:
        return self.channels.setdefault(name, Channel())

    async def authorize(self, channel: str, context: CallContext) -> None:
        if context.principal.user_id != self.owner:
            raise NotFound("There is no such channel, or it is not yours.")

    async def head(self, channel: str) -> Head:
        found = self.channel(channel)
        return Head(len(found.facts), found.ended)

    async def history(self, channel: str, after: int) -> AsyncIterator[Frame]:
        found = self.channel(channel)
        if after < found.forgotten:
            raise HistoryGone("forgotten")
        facts = list(found.facts[after:])
        self.reading.set()
        if self.gate is not None:
            await self.gate.wait()
        for fact in facts:
            yield fact

    async def snapshots(self, channel: str) -> Sequence[Frame]:
        if self.broken:
            raise RuntimeError("the text cannot be read")
        text = self.channel(channel).text
        return [frames.snapshot(channel, "r1", text)] if text else []

    def fact(self, channel: str, kind: str = "happened", *, last: bool = False) -> Frame:
        """Make a fact durable, then publish it."""
        found = self.channel(channel)
        frame = frames.event(channel, len(found.facts) + 1, {"type": kind}, last=last)
        found.facts.append(frame)
        found.ended = last
        self.fanout.publish(frame)
        return frame

    def write(self, channel: str, text: str, *, lost: bool = False) -> None:
        """Pass text on; `lost` frames never arrive."""
        found = self.channel(channel)
        offset = len(found.text)
        found.text += text
        if not lost:
            self.fanout.publish(frames.delta(channel, "r1", offset, text))


def world(owner: str = "alice") -> tuple[Fanout, Source]:
    """A fan-out over one source for the channels `run:…` and `system`."""
    source = Source(owner)
    source.fanout = Fanout({"run": source, "system": source})
    return source.fanout, source


def session(
    fanout: Fanout, *, frames_max: int = 1000, bytes_max: int = 1 << 20, credential: str = "c1"
) -> Session:
    """An open session of alice."""
    made = Session(fanout, context_of(), frames_max=frames_max, bytes_max=bytes_max, credential=credential)
    fanout.enter(made)
    return made


async def drained(one: Session) -> list[dict[str, Any]]:
    """Everything that waits for a session now."""
    found = []
    while len(one.outbox):
        frame = await one.outbox.take()
        assert frame is not None
        found.append(json.loads(frame.text))
    return found


def text_of(received: list[dict[str, Any]]) -> str:
    """The text that a client has put together; a hole or an overlap fails the test."""
    text = ""
    for frame in received:
        if frame["type"] == "snapshot":
            text = frame["text"]
        elif frame["type"] == "delta":
            assert frame["offset"] == len(text), (frame, text)
            text += frame["text"]
    return text


def seqs(received: list[dict[str, Any]]) -> list[int]:
    """The facts that a client has, in the order in which they came."""
    return [frame["seq"] for frame in received if frame["type"] == "event"]


def opened(test: Callable[[Fanout, Source], Awaitable[None]]) -> None:
    """Run a test with an open fan-out."""

    async def main() -> None:
        fanout, source = world()
        async with fanout:
            await test(fanout, source)

    run(main())
