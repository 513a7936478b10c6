"""Quotas that all processes share: GCRA in one call of the server, by the server's clock."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import Final

from autobot.adapters.redis.scripts import Script
from autobot.adapters.redis.server import Server
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.resilience.rate_limit.limiter import Limiter, Taken
from autobot.kernel.telemetry.listener import Listener

PREFIX: Final = "autobot:limit:"
PATIENCE_S: Final = 0.1
"""A request waits no longer than this for the shared count."""
AWAY_S: Final = 1.0
"""After a failure this long is counted here alone, before one request tries the server again."""
LOCAL: Final = "rate_limit_local_total"

TAKE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = tonumber(redis.call('GET', KEYS[1])) or now
if due < now then due = now end
local debt = due + step - now
if debt > window * 1.000001 then
  return {0, math.ceil(debt - step), math.ceil(debt - window)}
end
redis.call('SET', KEYS[1], string.format('%.17g', due + step), 'PX', math.ceil(debt / 1000) + 1)
return {1, math.ceil(debt), 0}
""")
"""Keeps the theoretical arrival time, in microseconds of the server, for as long as it lies ahead."""


class RedisLimiter:
    """Implements `Limiter` over a server.

    It takes the time of the server, so that processes whose clocks differ count alike. While the server is
    away, or slower than `patience_s`, `local` counts: each process by itself, and `rate_limit_local_total`
    says so. Names and addresses are not kept there, only their hashes.
    """

    def __init__(
        self,
        server: Server,
        local: Limiter,
        clock: Clock,
        *,
        listener: Listener | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._server, self._local, self._listener = server, local, listener
        self._patience_s = patience_s
        self._now = clock.monotonic
        self._away_until = 0.0

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        """Take one request."""
        now = self._now()
        if now < self._away_until:
            return await self._locally(key, quota, window_s)
        window = window_s * 1e6
        step = window / quota
        try:
            async with asyncio.timeout(self._patience_s):
                allowed, debt, wait = await self._server.run(TAKE, (named(key),), (step, window))
        except (AutoBotError, TimeoutError):
            self._away_until = self._now() + AWAY_S
            return await self._locally(key, quota, window_s)
        if not allowed:
            return Taken(False, 0, debt / 1e6, wait / 1e6)
        return Taken(True, int((window - debt) / step + 1e-6), debt / 1e6)

    async def _locally(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        if self._listener is not None:
            self._listener.counted(LOCAL, 1, ())
        return await self._local.take(key, quota, window_s)


def named(key: tuple[str, ...]) -> str:
    """Return where a caller's count is kept."""
    told = b"".join(b"%d:%b" % (len(part), part) for part in (one.encode() for one in key))
    return PREFIX + blake2b(told, digest_size=16).hexdigest()
