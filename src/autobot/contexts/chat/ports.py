"""What the chat context needs from the world: the event store's reads, which the kernel declares."""

from __future__ import annotations

from typing import Protocol

from autobot.contexts.chat.domain import Conversation
from autobot.contracts.chat import NOW, AsOf


class Conversations(Protocol):
    """Loads sessions, now or as they were."""

    async def load(self, session_id: str, as_of: AsOf = NOW) -> tuple[Conversation, int]:
        """Return the session and its stream's revision (-1: it never was). Callers do not mutate it."""
        ...
