"""The control socket: how the command line reaches a running AutoBot.

A unix socket in the data folder that only its owner can open, so the operating system is the proof of
identity. One line of JSON asks, one line answers:
`{"name": "CreateKey", "fields": {…}, "key": null}` → `{"ok": {…}}` or `{"error": {code, detail, hint, errors}}`.
With `acting_for` a query is answered as that user would be; a command is then refused.
Names are those of the published language's commands and queries; nothing else can be asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.decoding import misfit
from autobot.kernel.core.errors import AutoBotError, InvalidInput, Malformed
from autobot.kernel.core.failure import failure_of

LINE_MAX: Final = 64 * 1024 * 1024
"""Bytes of one request line."""


class ControlRequest(msgspec.Struct, forbid_unknown_fields=True):
    """One line from the command line."""

    name: str
    fields: dict[str, Any] = {}
    key: str | None = None
    acting_for: str = ""


class Control:
    """Answers control requests over the bus."""

    def __init__(
        self,
        bus: Dispatcher,
        commands: Iterable[type[Any]],
        queries: Iterable[type[Any]],
        context: Callable[[], CallContext],
        person: Callable[[str], Awaitable[Principal]],
    ) -> None:
        """`person` returns who acts as a user, by name or id; NotFound when there is none."""
        self._bus, self._context, self._person = bus, context, person
        self._commands: Mapping[str, type[Any]] = {one.__name__: one for one in commands}
        self._queries: Mapping[str, type[Any]] = {one.__name__: one for one in queries}

    async def ask(
        self, name: str, fields: Mapping[str, Any], key: str | None = None, acting_for: str = ""
    ) -> Any:
        """Run a command or query by name; returns JSON types. Raises errors of the tree.

        `acting_for`: answer as that user would be answered; for queries alone.
        """
        kind = self._commands.get(name) or self._queries.get(name)
        if kind is None:
            raise InvalidInput(f"There is no command or query called {name}.")
        try:
            message = msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise misfit(error) from error
        context = self._context()
        if acting_for:
            if name in self._commands:
                raise InvalidInput("Only questions are asked for somebody else; changes are their own.")
            context = replace(context, principal=await self._person(acting_for))
        if name in self._commands:
            answer = await self._bus.dispatch(message, context, key=key)
            return _plain(answer.value)
        return _plain(await self._bus.ask(message, context))

    async def line(self, line: bytes) -> bytes:
        """Answer one line."""
        context = self._context()
        try:
            try:
                request = msgspec.json.decode(line, type=ControlRequest)
            except msgspec.MsgspecError as error:
                raise Malformed(f"Not a control request: {error}.") from error
            answer = await self.ask(request.name, request.fields, request.key, request.acting_for)
            return msgspec.json.encode({"ok": answer})
        except AutoBotError as error:
            failure = msgspec.to_builtins(failure_of(error, context.correlation_id))
            return msgspec.json.encode({"error": {**failure, "errors": getattr(error, "errors", ())}})
        except Exception as error:  # noqa: BLE001 - the edge answers whatever happened, opaquely
            return msgspec.json.encode({"error": failure_of(error, context.correlation_id)})

    async def serve(self, bound: socket.socket) -> asyncio.Server:
        """Answer on a listening unix socket, which this takes over."""
        return await asyncio.start_unix_server(self._connection, sock=bound, limit=LINE_MAX)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(await self.line(line) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            # The other side left, or sent a line over the limit: there is nobody to answer.
            return
        finally:
            writer.close()


def _plain(answer: Any) -> Any:
    """Return an answer as JSON types; JSON that it holds unread (an event's data) is read, too."""
    return msgspec.json.decode(msgspec.json.encode(answer))
