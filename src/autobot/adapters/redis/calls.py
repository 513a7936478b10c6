"""The stream transport: a call that `DirectTransport` would make, carried over a stream of Redis with a service token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from autobot.adapters.redis.call_wire import (
    ALIVE,
    ANSWER,
    ANSWERS,
    CHUNK,
    END,
    ERROR,
    GROUP,
    LONGEST_MS,
    MESSAGE_MAX,
    MORE,
    STOP,
    WINDOW,
    Piece,
    Word,
    alive_in,
    calls_key,
    piece_of,
    place_of,
    words_channel,
    written,
)
from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.server import Server
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    Overloaded,
    RemoteError,
    TooLarge,
)
from autobot.kernel.core.ids import IdSource
from autobot.kernel.core.raised import error_of
from autobot.kernel.links.hop_wire import Told
from autobot.kernel.links.propagation import inject
from autobot.kernel.links.service_token import ServiceTokens, call_for
from autobot.kernel.links.wire import Wire, Wires
from autobot.kernel.resilience.operation import Operation

HEARD_S: Final = 5.0
"""Seconds that a call waits until its answer could be heard."""
BACKOFF_S: Final = (0.05, 2.0)
LOOK_S: Final = 1.0
SILENCE: Final = 5
"""Looks, one a second, after which a call is lost of which its process said nothing: it says so once a second. Looks are
counted, not seconds, so that a caller that stood still itself hears first what was said meanwhile."""
UNAUTHENTICATED: Final = 401

_told: Final = msgspec.json.Decoder(Told)
_fields: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class _Open:
    """A call that was made: its entry, what came of it, and for how many looks nothing was heard of it."""

    entry: bytes = b""
    pieces: asyncio.Queue[Piece | None] = field(default_factory=asyncio.Queue)
    taken: bool = False
    silent: int = 0

    def heard(self) -> None:
        """Note that its process lives."""
        self.taken, self.silent = True, 0


class StreamCalls:
    """Implements `Transport` for the calls of one row to another role, while `run` runs.

    `link` is the row, `issuer` the role of this process, `audience` the role that answers. `wires` are the row's
    operations; another one raises Absent. Whoever of the role takes a call first answers it, so a target is no more than
    a name. A call that its process loses is lost: it is noticed by that process's silence, after some seconds, and the row's
    retries say whether it is made again.
    """

    def __init__(
        self,
        *,
        link: str,
        issuer: str,
        audience: str,
        wires: Wires,
        tokens: ServiceTokens,
        server: Server,
        clock: Clock,
        chance: Chance,
        ids: IdSource,
    ) -> None:
        self._link, self._issuer, self._audience = link, issuer, audience
        self._wires, self._tokens, self._server = dict(wires), tokens, server
        self._clock, self._now, self._chance, self._ids = clock, clock.monotonic, chance, ids
        self._channel = ANSWERS + ids.new()
        self._open: dict[str, _Open] = {}
        self._words: asyncio.Queue[Word] = asyncio.Queue()
        self._heard = asyncio.Event()
        self._closed = False

    # ----------------------------------------------------------------------------------------- the port

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        wire = self._wire(operation)
        pieces = self._pieces(target, wire, operation, payload, context)
        try:
            async for piece in pieces:
                if piece.kind != ANSWER:
                    break
                return self._answer(wire, payload, piece.body, target)
            raise self._broken_form(target)
        finally:
            await pieces.aclose()

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        wire = self._wire(operation)
        pieces = self._pieces(target, wire, operation, payload, context)
        try:
            async for piece in pieces:
                if piece.kind == END:
                    return
                if piece.kind != CHUNK:
                    raise self._broken_form(target)
                yield self._answer(wire, payload, piece.body, target)
        finally:
            await pieces.aclose()

    async def probe(self, target: str) -> bool | None:
        try:
            _, listeners = await self._server.do("PUBSUB", "NUMSUB", words_channel(self._audience))
        except AutoBotError:
            return False
        return int(listeners) > 0

    async def close(self) -> None:
        self._closed = True
        self._lose()

    async def run(self) -> None:
        """Hear answers, and say what callers say of their calls, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear_for_ever())
            group.create_task(self._say_for_ever())
            group.create_task(self._watch_for_ever())

    # ------------------------------------------------------------------------------------------- asking

    def _wire(self, operation: Operation) -> Wire:
        wire = self._wires.get(operation.name)
        if wire is None:
            raise Absent(
                "handler",
                f"Nothing behind {self._link} handles {operation.name}.",
                hint="autobot doctor",
            )
        return wire

    async def _pieces(
        self, target: str, wire: Wire, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncGenerator[Piece, None]:
        """Call, and yield what is answered. Who stops reading stops the call."""
        body = wire.payload_bytes(payload)
        if len(body) > MESSAGE_MAX:
            raise TooLarge(f"The call has {len(body)} bytes; at most {MESSAGE_MAX} cross {self._link}.")
        call = self._ids.new()
        await self._until_heard(target)
        made = self._open[call] = _Open()
        whole = False
        try:
            made.entry = await self._send(call, operation, body, context)
            number = 0
            while True:
                piece = await made.pieces.get()
                if piece is None or piece.number != number:
                    why = "is silent" if made.silent >= SILENCE else "was not heard for a moment"
                    raise ConnectionLost(
                        f"The process that took the call {why}.", link=self._link, target=target
                    )
                number += 1
                whole = piece.kind != CHUNK
                if piece.kind == ERROR:
                    raise self._told(piece.body, target)
                if piece.kind == CHUNK and not number % (WINDOW // 2):
                    self._words.put_nowait(Word(call, MORE, number))
                yield piece
        finally:
            del self._open[call]
            if not whole:
                self._words.put_nowait(Word(call, STOP))

    async def _until_heard(self, target: str) -> None:
        if not self._closed and not self._heard.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_S):
                    await self._heard.wait()
        if self._closed or not self._heard.is_set():
            why = "This connection is shut down." if self._closed else "Redis is not heard."
            raise ConnectFailed(why, link=self._link, target=target)

    async def _send(self, call: str, operation: Operation, body: bytes, context: CallContext) -> bytes:
        """Make the call; returns its entry in the stream."""
        token = self._tokens.issue(
            call_for(
                context,
                issuer=self._issuer,
                audience=self._audience,
                operation=operation.name,
                body=body,
            )
        )
        fields = inject(context, now=self._now(), chance=self._chance) | {"authorization": f"Bearer {token}"}
        oldest = max(0, int(self._clock.now().timestamp() * 1000) - LONGEST_MS)
        entry: bytes = await self._server.do(
            "XADD", calls_key(self._audience), "MINID", "~", oldest, "*", "id", call, "to", self._channel,
            "operation", operation.name, "fields", _fields.encode(fields), "body", body,
        )  # fmt: skip
        return entry

    # ---------------------------------------------------------------------------------------- answering

    def _answer(self, wire: Wire, payload: Any, body: bytes, target: str) -> Any:
        try:
            return wire.answer_of(payload, body)
        except BadAnswer as error:
            error.link, error.target = self._link, target
            raise

    def _told(self, body: bytes, target: str) -> AutoBotError:
        """Return the error that ends a call."""
        try:
            told = _told.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._broken_form(target)
        if told.unready:
            retry = None if told.raised is None else told.raised.retry_after
            # Named after this link: that is how the pipeline knows that nothing began there.
            return Overloaded(
                f"The {self._audience} role takes no work now.", link=self._link, retry_after=retry
            )
        if told.raised is not None:
            return error_of(told.raised, self._now())
        found = RemoteError(
            f"The {self._audience} role did not accept the service token.",
            status=UNAUTHENTICATED,
            link=self._link,
            target=target,
        )
        found.hint = "Give all roles the same key file (AUTOBOT_SECRET_KEY_FILE), and let their machines agree on the time."
        return found

    def _broken_form(self, target: str) -> BadAnswer:
        return BadAnswer("An answer over the stream broke its form.", link=self._link, target=target)

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
                # What is not heard may have been said: who waits must not wait for ever.
                self._lose()
            await asyncio.sleep(wait)
            wait = min(cap, wait * 2)

    async def _hear(self, ear: Ear) -> None:
        async for kind, _, data in ear.all(LOOK_S):
            if kind == b"subscribe":
                self._heard.set()
            elif kind == b"message":
                self._take(data)

    def _take(self, data: bytes) -> None:
        with suppress(BadAnswer):
            piece = piece_of(data)
            if piece.kind == ALIVE:
                for call in alive_in(piece):
                    if (made := self._open.get(call)) is not None:
                        made.heard()
            elif (made := self._open.get(piece.call)) is not None:
                made.heard()
                made.pieces.put_nowait(piece)

    def _lose(self) -> None:
        self._heard.clear()
        for made in self._open.values():
            made.pieces.put_nowait(None)

    # ----------------------------------------------------------------------------------------- watching

    async def _watch_for_ever(self) -> None:
        """Give up the calls whose process is silent: it was killed, or cut off."""
        while True:
            await asyncio.sleep(LOOK_S)
            for made in tuple(self._open.values()):
                made.silent += 1
                if made.silent < SILENCE or not made.entry:
                    continue
                if made.taken:
                    made.pieces.put_nowait(None)
                elif not await self._waits(made.entry):
                    # It may have been taken a moment ago: from now on its process has to say so.
                    made.heard()

    async def _waits(self, entry: bytes) -> bool:
        """Say whether a call still waits to be taken; also while that cannot be found out."""
        key = calls_key(self._audience)
        try:
            if not await self._server.do("XRANGE", key, entry, entry):
                return False
            groups = await self._server.do("XINFO", "GROUPS", key)
        except AutoBotError:
            return True
        for group in groups:
            told = dict(zip(group[::2], group[1::2], strict=False))
            if told[b"name"] == GROUP.encode():
                return place_of(entry) > place_of(told[b"last-delivered-id"])
        return True

    async def _say_for_ever(self) -> None:
        channel = words_channel(self._audience)
        while True:
            word = await self._words.get()
            with suppress(AutoBotError):
                # A call whose caller cannot say so ends by its deadline.
                await self._server.publish([(channel, written(word))])
