"""A connection that listens to channels. It never connects again by itself: who listens has to know of a gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autobot.adapters.redis.hearing import heard

Told = tuple[bytes, bytes, bytes]
"""What happened (`message`, `subscribe`, `unsubscribe`, `pong`), the channel, and the payload of a message."""


class Ear:
    """Channels that are listened to, on a connection of their own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Ask to hear channels; `next` tells when each is heard."""
        await heard(self._connection.send_command("SUBSCRIBE", *channels))

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Ask not to hear channels any more."""
        await heard(self._connection.send_command("UNSUBSCRIBE", *channels))

    async def ping(self) -> None:
        """Ask for a sign of life, which `next` tells."""
        await heard(self._connection.send_command("PING"))

    async def next(self, wait_s: float) -> Told | None:
        """Return what comes next, None when nothing came for so long."""
        answer = await heard(
            self._connection.read_response(disable_decoding=True, timeout=wait_s, disconnect_on_error=False)
        )
        if answer is None:
            return None
        kind, channel, *rest = answer
        data = rest[0] if rest and isinstance(rest[0], bytes) else b""
        return kind, channel, data
