"""How messages go through Redis: names, parts, and how patient everybody is."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

ID_LIMIT: Final = 2**53
"""Positions are whole in every part on the way, Lua's numbers included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Options of a topic. Times in seconds. Raises ValueError outside the ranges.

    Every process of an installation must be given the same `topic` and `parts`; `holder` names this one, is
    the same after a restart, and is nobody else's.
    """

    topic: str = "events"
    parts: int = 4
    """Streams that the events are spread over by key (1–64): so many processes can share a group."""
    holder: str = "autobot:0"
    batch: int = 200
    """Events that are published or read at once (1–1000)."""
    block: float = 1.0
    """How long a reader waits for a message before it looks around (0.01–4)."""
    upkeep: float = 1.0
    """How often a relay looks after its stream: positions of the groups, trimming (0.05–60)."""
    lease: float = 6.0
    """How long a process that says nothing keeps its parts (0.3–600)."""

    def __post_init__(self) -> None:
        if not self.topic or not self.holder or not set(self.topic).isdisjoint("{}:@ "):
            raise ValueError("topic and holder are not empty; a topic has none of { } : @ and space")
        if not 1 <= self.parts <= 64 or not 1 <= self.batch <= 1000:
            raise ValueError("parts are 1 to 64, a batch is 1 to 1000")
        if not 0.01 <= self.block <= 4 or not 0.05 <= self.upkeep <= 60 or not 0.3 <= self.lease <= 600:
            raise ValueError("block is 0.01 to 4, upkeep 0.05 to 60, lease 0.3 to 600")

    def part_of(self, key: str) -> int:
        """Return the number of the part that a partition key belongs to."""
        return zlib.crc32(key.encode()) % self.parts

    def part(self, number: int) -> Part:
        """Return the names of a part."""
        return Part(self.topic, number)

    def checkpoint(self, group: str, number: int) -> str:
        """Return the name of a group's checkpoint in a part; another number of parts is another cut of the log."""
        return f"{group}@{self.topic}:{number}/{self.parts}"


@dataclass(frozen=True, slots=True)
class Part:
    """One of a topic's streams. The hash tag keeps what belongs together in one slot of a cluster."""

    topic: str
    number: int

    @property
    def tag(self) -> str:
        """The part in one word."""
        return f"{self.topic}:{self.number}"

    @property
    def stream(self) -> str:
        """The key of the stream."""
        return f"autobot:{{{self.tag}}}"

    @property
    def state(self) -> str:
        """The key of what the stream holds: everything of the part above `from` up to `to`; `last` is its last id."""
        return f"autobot:{{{self.tag}}}:state"
