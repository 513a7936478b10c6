"""The connection to Redis: commands with errors mapped, and the two scripts that change a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import redis.asyncio as asyncio_redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from autobot.adapters.redis.ear import Ear
from autobot.adapters.redis.hearing import heard
from autobot.adapters.redis.options import Part
from autobot.kernel.core.errors import ConfigurationError

TIMEOUT_S: Final = 5.0

BEGIN: Final = """
redis.call('DEL', KEYS[1], KEYS[2])
local id = ARGV[1] .. '-1'
redis.call('XADD', KEYS[1], id, 'begins', ARGV[1])
redis.call('HSET', KEYS[2], 'from', ARGV[1], 'to', ARGV[1], 'last', id)
"""
"""Begins a stream anew after a position. Its first entry is a mark, so that the stream is there."""

APPEND: Final = """
local state = redis.call('HMGET', KEYS[2], 'to', 'last')
if not state[1] then return '' end
if state[1] ~= ARGV[1] then return state[1] end
if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
local info, newest = redis.call('XINFO', 'STREAM', KEYS[1]), nil
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then newest = info[i + 1] end
end
if newest ~= state[2] then return '' end
local last, i = state[2], 3
while i <= #ARGV do
  local count = tonumber(ARGV[i + 1])
  redis.call('XADD', KEYS[1], ARGV[i], 'prev', last, unpack(ARGV, i + 2, i + 1 + count))
  last = ARGV[i]
  i = i + 2 + count
end
redis.call('HSET', KEYS[2], 'to', ARGV[2], 'last', last)
return ARGV[2]
"""
"""Appends entries when the stream stands where the caller thinks, and is whole; returns where it stands, '' when
it is not what its state says. So no relay can leave a hole or publish out of order, however many there are."""

TRIM: Final = """
local from = redis.call('HGET', KEYS[2], 'from')
if not from or tonumber(from) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], 'from', ARGV[1])
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1] .. '-2')
"""
"""Drops what every group has behind it. Exact: an approximate trim would leave what a hole looks like."""


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
        self._begin = self._client.register_script(BEGIN)
        self._append = self._client.register_script(APPEND)
        self._trim = self._client.register_script(TRIM)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def do(self, *words: Any) -> Any:
        """Send one command and return its answer."""
        return await heard(self._client.execute_command(*words))

    async def version(self) -> str:
        """Return what the server is, with its version."""
        text = (await self.do("INFO", "server")).decode()
        found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if "valkey_version" in found:
            return f"Valkey {found['valkey_version']}"
        return f"Redis {found.get('redis_version', '?')}"

    async def begin(self, part: Part, position: int) -> None:
        """Begin a part's stream anew: it will hold what comes after `position`."""
        await self._run(self._begin, part, (position,))

    async def append(self, part: Part, expected: int, upto: int, entries: Sequence[Any]) -> int | None:
        """Append entries (id, count of words, words…) of the part up to a position; return where it stands then.

        That is `upto`, or elsewhere when it did not stand at `expected`; None when it is not whole.
        """
        answer = await self._run(self._append, part, (expected, upto, *entries))
        return int(answer) if answer else None

    async def trim(self, part: Part, position: int) -> None:
        """Drop what lies up to a position."""
        await self._run(self._trim, part, (position,))

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

    async def _run(self, script: Any, part: Part, words: Sequence[Any]) -> Any:
        return await heard(script(keys=[part.stream, part.state], args=words))
