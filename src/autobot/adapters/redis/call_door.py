"""Where a role takes calls from its stream, and answers them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from autobot.adapters.redis.call_wire import (
    ANSWER,
    ANSWERS,
    BEAT_S,
    CHUNK,
    END,
    ERROR,
    GROUP,
    MESSAGE_MAX,
    MORE,
    STOP,
    WINDOW,
    Piece,
    alive,
    calls_key,
    word_of,
    words_channel,
    written,
)
from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.errors import Busy, GroupLost
from autobot.adapters.redis.nodes import Node
from autobot.adapters.redis.server import Server
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, BadAnswer, DeadlineExceeded
from autobot.kernel.core.raised import raised_of, shortened
from autobot.kernel.links.hop_door import SPENT, HopDoor, Visit, fitting
from autobot.kernel.links.hop_wire import Told
from autobot.kernel.links.wire import Wire

BLOCK_S: Final = 1.0
"""How long a reader waits for a call before it looks around."""
BATCH: Final = 32
AT_ONCE: Final = 256
"""Calls that are answered at a time; more wait in the stream, where another process may take them."""
BACKOFF_S: Final = (0.05, 2.0)
ERROR_MAX: Final = 30_000
DEADLINE: Final = b"x-deadline-ms"

_fields: Final = msgspec.json.Decoder(dict[str, str])
_encode: Final = msgspec.json.encode


@dataclass(slots=True)
class _Call:
    """A call that was taken."""

    id: str
    to: str
    operation: str
    fields: Mapping[bytes, bytes]
    body: bytes
    said: int = 0
    read: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def room(self) -> None:
        """Wait until its reader has read enough for one more chunk."""
        while self.said - self.read >= WINDOW:
            self.more.clear()
            await self.more.wait()

    def next(self, kind: str, body: bytes) -> Piece:
        """Return the next part of its answer."""
        self.said += 1
        return Piece(self.id, self.said - 1, kind, body)


class CallDoor:
    """Takes the calls of a role and answers them while `run` runs, once `take` was said. `name` is this process's among those of the role."""

    def __init__(self, door: HopDoor, server: Server, clock: Clock, name: str) -> None:
        self._door, self._server, self._now, self._name = door, server, clock.monotonic, name
        self._key, self._channel = calls_key(door.role), words_channel(door.role)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._open: dict[str, tuple[_Call, asyncio.Task[None]]] = {}
        self.heard = asyncio.Event()
        """Set while callers are heard."""
        self._taking = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Take calls until cancelled; what is under way then ends with it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear_for_ever())
            group.create_task(self._take_for_ever(group))
            group.create_task(self._beat_for_ever())

    def take(self) -> None:
        """Take calls from now on."""
        self._taking.set()

    def leave(self) -> None:
        """Take no more calls; what was asked for a moment ago may come for one second more, and is answered."""
        self._taking.clear()

    async def ended(self, wait_s: float) -> None:
        """Wait for the end of the calls that were taken, for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._idle.wait()

    # ------------------------------------------------------------------------------------------- taking

    async def _take_for_ever(self, group: asyncio.TaskGroup) -> None:
        wait, cap = BACKOFF_S
        while True:
            try:
                await self.heard.wait()
                await self._taking.wait()
                await self._prepare()
                async with self._server.apart(self._key, BLOCK_S) as node:
                    while self._taking.is_set():
                        await self._take(node, group)
                        wait = BACKOFF_S[0]
            except AutoBotError:
                await asyncio.sleep(wait)
                wait = min(cap, wait * 2)

    async def _prepare(self) -> None:
        with suppress(Busy):
            await self._server.do("XGROUP", "CREATE", self._key, GROUP, "0", "MKSTREAM")

    async def _take(self, node: Node, group: asyncio.TaskGroup) -> None:
        """Take what is there, as much as there is room for; who is not served here may be elsewhere."""
        await self._room.acquire()
        self._room.release()
        most = min(BATCH, AT_ONCE - len(self._open)) or 1
        # Not kept as pending: a call that is lost with its process is its caller's to make again.
        found = await node.call(
            "XREADGROUP", "GROUP", GROUP, self._name, "COUNT", most, "BLOCK", int(BLOCK_S * 1000),
            "NOACK", "STREAMS", self._key, ">",
        )  # fmt: skip
        if not found:
            return
        entries = found[0][1]
        seconds, micros = await self._server.do("TIME")
        at = self._now()
        for entry_id, words in entries:
            waited_ms = int(seconds) * 1000 + int(micros) // 1000 - int(entry_id.partition(b"-")[0])
            call = _call_of(words)
            if call is not None:
                self._begin(call, at - max(0, waited_ms) / 1000, group)
        with suppress(GroupLost):
            await self._server.do("XDEL", self._key, *(entry_id for entry_id, _ in entries))

    def _begin(self, call: _Call, at: float, group: asyncio.TaskGroup) -> None:
        task = group.create_task(self._answer(call, at))
        self._open[call.id] = call, task
        self._idle.clear()
        task.add_done_callback(lambda _: self._ended(call.id))

    def _ended(self, call: str) -> None:
        self._open.pop(call, None)
        if not self._open:
            self._idle.set()

    # ---------------------------------------------------------------------------------------- answering

    async def _answer(self, call: _Call, at: float) -> None:
        visit = Visit(self._door, at)
        async with self._room:
            try:
                await self._serve(call, visit)
            except Exception as error:  # noqa: BLE001 - this is the edge: whatever it is, it is answered
                visit.failed(error)
                await self._refuse(call, error, visit)
            except BaseException as error:
                visit.failed(error)
                raise
            else:
                visit.completed()

    async def _serve(self, call: _Call, visit: Visit) -> None:
        admitted, hop = visit.enter(call.fields, call.operation, call.body)
        deadline = self._door.in_time(hop.context)
        wire, handler, streamer = admitted.row.served(call.operation)
        payload = wire.payload_of(call.body)
        if handler is not None:
            found = await self._door.within(handler(payload, hop.context), deadline)
            await self._say(call, ANSWER, fitting(wire.answer_bytes(found), MESSAGE_MAX, "The answer"))
        elif streamer is not None:
            limit = asyncio.timeout_at(deadline)
            try:
                async with limit:
                    await self._stream(call, streamer(payload, hop.context), wire)
            except TimeoutError:
                if limit.expired():
                    raise DeadlineExceeded(SPENT) from None
                raise
            await self._say(call, END)

    async def _stream(self, call: _Call, chunks: AsyncIterator[Any], wire: Wire) -> None:
        broke: Exception | None = None
        try:
            # Nobody waits for the server between two chunks: one connection keeps their order.
            async with asyncio.TaskGroup() as sending:
                try:
                    async for chunk in chunks:
                        await call.room()
                        body = fitting(wire.answer_bytes(chunk), MESSAGE_MAX, "A chunk")
                        sending.create_task(self._publish(call.to, call.next(CHUNK, body)))
                except Exception as error:  # noqa: BLE001 - what was said before it is sent first
                    broke = error
        except* AutoBotError as failed:
            raise failed.exceptions[0] from None
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
        if broke is not None:
            raise broke

    async def _refuse(self, call: _Call, error: Exception, visit: Visit) -> None:
        unready = visit.unready(error)
        told = visit.admitted is not None or unready
        raised = shortened(raised_of(error, self._now()), ERROR_MAX) if told else None
        # A caller that is not heard of any more hears nothing either.
        with suppress(AutoBotError):
            await self._say(call, ERROR, _encode(Told(raised, unready)))

    async def _say(self, call: _Call, kind: str, body: bytes = b"") -> None:
        await self._publish(call.to, call.next(kind, body))

    async def _publish(self, to: str, piece: Piece) -> None:
        await self._server.publish([(to, written(piece))])

    async def _beat_for_ever(self) -> None:
        """Say of all calls that are open that they are worked on: who does not hear it knows that they are lost."""
        while True:
            await asyncio.sleep(BEAT_S)
            by_caller: dict[str, list[str]] = {}
            for call, _ in self._open.values():
                by_caller.setdefault(call.to, []).append(call.id)
            words = [(to, written(alive(calls))) for to, calls in by_caller.items()]
            if words:
                with suppress(AutoBotError):
                    await self._server.publish(words)

    # ------------------------------------------------------------------------------------------ hearing

    async def _hear_for_ever(self) -> None:
        wait, cap = BACKOFF_S
        while True:
            try:
                async with self._server.listening() as ear:
                    ear.subscribe([self._channel])
                    wait = BACKOFF_S[0]
                    await self._hear(ear)
            except AutoBotError:
                self.heard.clear()
            await asyncio.sleep(wait)
            wait = min(cap, wait * 2)

    async def _hear(self, ear: Ear) -> None:
        async for kind, _, data in ear.all(BLOCK_S):
            if kind == b"subscribe":
                self.heard.set()
            elif kind == b"message":
                self._hears(data)

    def _hears(self, data: bytes) -> None:
        try:
            word = word_of(data)
        except BadAnswer:
            return
        call, task = self._open.get(word.call, (None, None))
        if call is None or task is None:
            return
        if word.word == STOP:
            task.cancel()
        elif word.word == MORE:
            call.read = max(call.read, word.read)
            call.more.set()


def _call_of(words: list[bytes]) -> _Call | None:
    """Return the call of an entry, None for one that is none: nobody could be answered."""
    found = dict(zip(words[::2], words[1::2], strict=False))
    try:
        fields = _fields.decode(found[b"fields"])
        call = _Call(
            id=found[b"id"].decode(),
            to=found[b"to"].decode(),
            operation=found[b"operation"].decode(),
            fields={name.encode(): value.encode() for name, value in fields.items()},
            body=found[b"body"],
        )
    except (KeyError, UnicodeDecodeError, msgspec.MsgspecError):
        return None
    return call if call.to.startswith(ANSWERS) else None
