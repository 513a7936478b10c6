"""Writes frames to a WebSocket from where they are published, without waking a task for each.

The server's `send` is a coroutine that returns at once while the client reads. So it is stepped right here; only
when it waits (the client's window is full) a task is made that goes on with it, and what comes meanwhile queues.
One frame to a thousand sessions is then a thousand writes and no task switch. A client that fails never fails
who publishes.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from starlette.types import Send

from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.protocol import Close
from autobot.gateway.realtime.session import Counts, Outbox

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine in a task that somebody owns."""


@types.coroutine
def go_on(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Await a coroutine that was stepped already and now waits for `waits_for`."""
    try:
        while True:
            try:
                answer = yield waits_for
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine, cancellation too
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(answer)
    except StopIteration:
        return


class SocketWriter:
    """The writer of one WebSocket's outbox."""

    __slots__ = ("_busy", "_counts", "_gone", "_outbox", "_send", "_spawn")

    def __init__(self, outbox: Outbox, send: Send, spawn: Spawn, counts: Counts) -> None:
        self._outbox, self._send, self._spawn, self._counts = outbox, send, spawn, counts
        self._busy = self._gone = False

    def write(self, frame: Frame) -> bool:
        """Send `frame` now, unless an earlier one still waits for the client."""
        if self._busy:
            return False
        self._counts.sent += 1
        self._step({"type": "websocket.send", "text": frame.text})
        return True

    def finish(self) -> None:
        """Close the socket now, or after what waits."""
        if not self._busy:
            self._step(self._goodbye())

    def peer_left(self) -> None:
        """Send nothing more."""
        self._gone = True

    def _goodbye(self) -> dict[str, Any]:
        code, reason = self._outbox.closing or (Close.NORMAL, "")
        return {"type": "websocket.close", "code": int(code), "reason": reason}

    def _step(self, message: dict[str, Any]) -> None:
        if self._gone:
            return
        sending: Coroutine[Any, Any, None] = self._send(message)  # type: ignore[assignment] # servers write it async def
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 - whatever the server says, this client is gone: its reader ends the session
            self._gone = True
            return
        self._busy = True
        self._spawn(self._drain(sending, waits_for, message["type"] == "websocket.close"))

    async def _drain(self, sending: Coroutine[Any, Any, None], waits_for: Any, closed: bool) -> None:
        outbox = self._outbox
        try:
            await go_on(sending, waits_for)
            while not self._gone and (frame := outbox.pop()) is not None:
                self._counts.sent += 1
                await self._send({"type": "websocket.send", "text": frame.text})
            if outbox.closing is not None and not closed and not self._gone:
                await self._send(self._goodbye())
        except Exception:  # noqa: BLE001 - as above
            self._gone = True
        finally:
            self._busy = False
