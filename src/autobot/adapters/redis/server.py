"""What is said to Redis: commands, scripts and listening, each to the server that has the key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from autobot.adapters.redis.address import address_of
from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.errors import ReadOnly, ScriptUnknown
from autobot.adapters.redis.nodes import Node, Nodes
from autobot.adapters.redis.options import Part
from autobot.adapters.redis.scripts import APPEND, BEGIN, TRIM, Script
from autobot.adapters.redis.wire import TIMEOUT_S, connected
from autobot.kernel.core.errors import HopFailed

ANYWHERE: Final = frozenset(
    {"PING", "INFO", "PUBLISH", "PUBSUB", "SCRIPT", "KEYS", "CONFIG", "CLUSTER", "FLUSHALL", "TIME"}
)
"""Commands without a key."""
SECOND: Final = frozenset({"XINFO", "XGROUP"})
"""Commands whose key is the second word after their name."""


def key_of(words: Sequence[Any]) -> str | None:
    """Return the key that a command is about, as far as this adapter speaks."""
    if words[0] in ANYWHERE:
        return None
    if words[0] == "XREADGROUP":
        return str(words[words.index("STREAMS") + 1])
    return str(words[2] if words[0] in SECOND else words[1])


class Server:
    """One Redis or Valkey, or a cluster of them. Every method raises the errors of the tree; none retries.

    The commands of all callers share a connection a server. What waits at the server has one of its own.
    """

    def __init__(self, url: str) -> None:
        """Know an address; nothing is connected yet. Raises ConfigurationError."""
        self._address = address_of(url)
        self._nodes = Nodes(self._address)

    @property
    def place(self) -> str:
        """The address as it may be shown."""
        return self._address.place

    async def close(self) -> None:
        """Close every connection."""
        self._nodes.close()

    async def do(self, *words: Any) -> Any:
        """Send one command and return its answer."""
        return await self._nodes.call(key_of(words), *words)

    async def run(self, script: Script, keys: Sequence[str], words: Sequence[Any]) -> Any:
        """Run a script and return its answer. Its keys lie in one slot of a cluster."""
        try:
            return await self._nodes.call(keys[0], "EVALSHA", script.name, len(keys), *keys, *words)
        except ScriptUnknown:
            return await self._nodes.call(keys[0], "EVAL", script.text, len(keys), *keys, *words)

    @asynccontextmanager
    async def apart(self, key: str, wait_s: float) -> AsyncIterator[Node]:
        """Give a connection of its own to the server that has `key`, for commands that wait there up to `wait_s`.

        A command that is cancelled ends the connection, so that the server gives nothing to nobody.
        """
        node = Node((await self._nodes.of(key)).address, wait_s + TIMEOUT_S)
        try:
            yield node
        except ReadOnly:
            await self._nodes.follow()
            raise
        except BaseException:
            self._nodes.forget()
            raise
        finally:
            node.close()

    async def prove(self) -> None:
        """Raise ConfigurationError when the server refuses us as long as the address stays as it is.

        One that is away is no reason: it may come.
        """
        with suppress(HopFailed):
            await self.do("PING")

    async def version(self) -> str:
        """Return what the server is, with its version."""
        text = (await self.do("INFO", "server")).decode()
        found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if "valkey_version" in found:
            return f"Valkey {found['valkey_version']}"
        return f"Redis {found.get('redis_version', '?')}"

    async def begin(self, part: Part, position: int) -> None:
        """Begin a part's stream anew: it will hold what comes after `position`."""
        await self.run(BEGIN, (part.stream, part.state), (position,))

    async def append(self, part: Part, expected: int, upto: int, entries: Sequence[Any]) -> int | None:
        """Append entries (id and event in turn) of the part up to a position; return where it stands then.

        That is `upto`, or elsewhere when it did not stand at `expected`; None when it is not whole.
        """
        answer = await self.run(APPEND, (part.stream, part.state), (expected, upto, *entries))
        return int(answer) if answer else None

    async def trim(self, part: Part, position: int) -> None:
        """Drop what lies up to a position."""
        await self.run(TRIM, (part.stream, part.state), (position,))

    async def forget(self, part: Part) -> None:
        """Say that a stream is not what it should be: whoever relays it begins it anew."""
        await self.do("HDEL", part.state, "to")

    async def forgotten(self, part: Part) -> bool:
        """Say whether it is by `forget` that nobody knows what a stream holds."""
        return bool(await self.do("HEXISTS", part.state, "from"))

    async def state(self, part: Part) -> tuple[int, int, bytes] | None:
        """Return from where to where a stream holds its part, and its last id; None when nobody knows."""
        start, end, last = await self.do("HMGET", part.state, "from", "to", "last")
        return None if start is None or end is None or last is None else (int(start), int(end), last)

    async def publish(self, frames: Sequence[tuple[str, bytes]]) -> None:
        """Give payloads to whoever listens to their channels now, in order. All servers of a cluster pass them on."""
        wire = await (await self._nodes.of(None)).wire()
        await asyncio.gather(*(wire.call("PUBLISH", channel, payload) for channel, payload in frames))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Ear]:
        """Give a connection of its own that listens to channels."""
        wire = await connected((await self._nodes.of(None)).address)
        try:
            yield Ear(wire)
        finally:
            wire.close()
