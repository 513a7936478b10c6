"""Cached answers that became wrong, told to every process: by tags, over transient frames."""

from __future__ import annotations

from typing import Final, Protocol

from autobot.kernel.messaging.transient import Missed, TransientChannels

CHANNEL: Final = "cache.invalidated"


class Invalidation(Protocol):
    """Drops cached answers that became wrong."""

    def invalidate(self, *tags: str) -> int:
        """Drop the answers that carry one of `tags`; return how many there were in this process."""
        ...


class Caches(Invalidation, Protocol):
    """What has cached answers in this process."""

    def forget(self) -> None:
        """Drop every answer."""
        ...


class SharedInvalidation:
    """Drops answers here at once and in the other processes a moment later, while `run` runs.

    A process that may have missed a word drops everything. One that cannot reach the others leaves them
    with what they have for as long as their options keep it: freshness is bounded by those, not by this.
    """

    def __init__(self, channels: TransientChannels, caches: Caches) -> None:
        self._channels, self._caches = channels, caches

    def invalidate(self, *tags: str) -> int:
        """Drop the answers with one of `tags` everywhere; return how many there were here."""
        dropped = self._caches.invalidate(*tags)
        if tags:
            self._channels.publish(CHANNEL, list(tags))
        return dropped

    async def run(self) -> None:
        """Follow the others until cancelled."""
        async with self._channels.subscribe([CHANNEL]) as subscription:
            # What they said before we listened is not known.
            self._caches.forget()
            while True:
                heard = await subscription.receive()
                if isinstance(heard, Missed) or not isinstance(heard.payload, list):
                    self._caches.forget()
                else:
                    self._caches.invalidate(*map(str, heard.payload))
