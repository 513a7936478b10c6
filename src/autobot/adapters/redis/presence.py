"""Who is connected, kept by the server for all processes: a hash of sessions and their ends, by its clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from autobot.adapters.redis.scripts import Script
from autobot.adapters.redis.server import Server
from autobot.kernel.core.errors import BadAnswer
from autobot.kernel.messaging.presence import LEASE_S, Connected, in_order

NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
SEEN: Final = Script(
    NOW
    + """
local lease = tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], now + lease, ARGV[i])
end
for i = 1, 2 do
  if redis.call('PTTL', KEYS[i]) < lease then redis.call('PEXPIRE', KEYS[i], lease) end
end
"""
)
GONE: Final = Script("""
redis.call('HDEL', KEYS[1], unpack(ARGV))
redis.call('ZREM', KEYS[2], unpack(ARGV))
""")
WHO: Final = Script(
    NOW
    + """
for _, session in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('HDEL', KEYS[1], session)
  redis.call('ZREM', KEYS[2], session)
end
return redis.call('HVALS', KEYS[1])
"""
)
BATCH: Final = 500


class RedisPresence:
    """Implements `Presence` over a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def seen(self, sessions: Sequence[Connected], lease_s: float = LEASE_S) -> None:
        """Say that sessions are there."""
        for keys, batch in _batches(sessions):
            words: list[Any] = [max(1, int(lease_s * 1000))]
            for one in batch:
                words += (one.session, msgspec.json.encode(one))
            await self._server.run(SEEN, keys, words)

    async def gone(self, sessions: Sequence[Connected]) -> None:
        """Say that sessions have ended."""
        for keys, batch in _batches(sessions):
            await self._server.run(GONE, keys, [one.session for one in batch])

    async def who(self, tenant: str) -> Sequence[Connected]:
        """Return the sessions of a tenant. Raises BadAnswer when something else lies there."""
        found = await self._server.run(WHO, _keys(tenant), ())
        try:
            return in_order(msgspec.json.decode(one, type=Connected) for one in found)
        except msgspec.MsgspecError as error:
            raise BadAnswer("What Redis holds of the sessions is not ours.") from error


def _keys(tenant: str) -> tuple[str, str]:
    return f"autobot:present:{{{tenant}}}", f"autobot:present:{{{tenant}}}:ends"


def _batches(sessions: Sequence[Connected]) -> list[tuple[tuple[str, str], list[Connected]]]:
    tenants: defaultdict[str, list[Connected]] = defaultdict(list)
    for one in sessions:
        tenants[one.tenant].append(one)
    return [
        (_keys(tenant), own[start : start + BATCH])
        for tenant, own in tenants.items()
        for start in range(0, len(own), BATCH)
    ]
