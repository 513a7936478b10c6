"""The connection to Redis: commands and scripts, with errors mapped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import redis.asyncio as asyncio_redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.errors import ScriptUnknown
from autobot.adapters.redis.hearing import heard
from autobot.adapters.redis.options import Part
from autobot.adapters.redis.scripts import APPEND, BEGIN, TRIM, Script
from autobot.kernel.core.errors import ConfigurationError

TIMEOUT_S: Final = 5.0


class Server:
    """One Redis or Valkey. Every method raises the errors of the tree; none retries."""

    def __init__(self, url: str) -> None:
        try:
            self._client: Any = asyncio_redis.Redis.from_url(
                url,
                protocol=2,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise ConfigurationError(
                "AUTOBOT_REDIS_URL is no address of Redis.", hint="redis://NAME:PASSWORD@HOST:6379/0"
            ) from error
        # Answers as they come: shapes differ between versions of the library, not between servers.
        self._client.response_callbacks.clear()
        self._command: Any = self._client.execute_command

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def do(self, *words: Any) -> Any:
        """Send one command and return its answer."""
        return await heard(self._command(*words))

    async def run(self, script: Script, keys: Sequence[str], words: Sequence[Any]) -> Any:
        """Run a script and return its answer. Its keys lie in one slot of a cluster."""
        try:
            return await heard(self._command("EVALSHA", script.name, len(keys), *keys, *words))
        except ScriptUnknown:
            return await heard(self._command("EVAL", script.text, len(keys), *keys, *words))

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
        """Append entries (id, count of words, words…) of the part up to a position; return where it stands then.

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
        """Give payloads to whoever listens to their channels now, in order."""
        sent = self._client.pipeline(transaction=False)
        for channel, payload in frames:
            sent.execute_command("PUBLISH", channel, payload)
        await heard(sent.execute())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Ear]:
        """Give a connection of its own that listens to channels."""
        connection = self._client.connection_pool.make_connection()
        try:
            await heard(connection.connect())
            yield Ear(connection)
        finally:
            await connection.disconnect(nowait=True)
