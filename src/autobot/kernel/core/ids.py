"""Identifiers: UUIDv7 (RFC 9562 §5.7), ordered by creation inside one source."""

from __future__ import annotations

from typing import Protocol

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock

_COUNTER_BITS = 12
_COUNTER_LIMIT = 1 << _COUNTER_BITS


class IdSource(Protocol):
    """Source of identifiers.

    Contract: each call returns a new UUID as text; texts of one source sort in creation order.
    """

    def new(self) -> str:
        """Return a new identifier, 36 characters."""
        ...


class Uuid7Source:
    """UUIDv7 ids: 48 bits of milliseconds, a 12-bit counter, 62 bits of chance.

    The counter (RFC 9562 §6.2, method 1) keeps ids of one millisecond in order; when it is spent
    or the wall clock steps back, the last used millisecond goes on by one instead.
    """

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._millisecond = 0
        self._counter = 0

    def new(self) -> str:
        """Return a new UUIDv7 as text."""
        millisecond = int(self._clock.now().timestamp() * 1000)
        if millisecond > self._millisecond:
            self._millisecond, self._counter = millisecond, 0
        else:
            self._counter += 1
            if self._counter == _COUNTER_LIMIT:
                self._millisecond, self._counter = self._millisecond + 1, 0
        value = (
            (self._millisecond & 0xFFFF_FFFF_FFFF) << 80
            | 0x7 << 76
            | self._counter << 64
            | 0b10 << 62
            | self._chance.getrandbits(62)
        )
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
