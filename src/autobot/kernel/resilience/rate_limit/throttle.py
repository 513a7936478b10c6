"""The pause that a target asked for with 429: further calls are not sent before it is over."""

from __future__ import annotations

from typing import Final

from autobot.kernel.core.chance import Chance

PAUSE_MAX: Final = 60.0
"""Seconds; a longer wish is shortened, since one answer must not silence a target for hours."""
_PATIENCE: Final = 3
_BASE: Final = 1.0


class Throttle:
    """The pause of one target; pure, with time by argument.

    A Retry-After is kept to. Without one the third 429 in a row, and each after it, pauses for
    U(0, 1 s · 2^n). Any other answer ends the count. `alert` is true from the first 429 to the next
    other answer; `until` is when the pause ends.
    """

    __slots__ = ("_chance", "_in_row", "alert", "until")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._in_row = 0
        self.alert = False
        self.until = 0.0

    def throttled(self, now: float, retry_after: float | None) -> None:
        """Learn of a 429."""
        self.alert = True
        self._in_row += 1
        if retry_after is not None:
            pause = retry_after
        elif self._in_row >= _PATIENCE:
            pause = self._chance.uniform(0.0, _BASE * 2.0 ** min(self._in_row - _PATIENCE, 8))
        else:
            return
        self.until = max(self.until, now + min(pause, PAUSE_MAX))

    def answered(self) -> None:
        """Learn of any other answer: whoever answers may be called."""
        self._in_row = 0
        self.alert = False
        self.until = 0.0
