"""Which positions are settled: the checkpoint may move to just before the first that is not."""

from __future__ import annotations

from collections import OrderedDict


class Positions:
    """Positions read in order and settled in any order. Pure bookkeeping, no I/O."""

    def __init__(self, start: int) -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        self._read = start

    def __len__(self) -> int:
        return len(self._open)

    def read(self, position: int, *, wanted: bool) -> None:
        """Note that the log was read up to `position`; a wanted one stays open until it is settled."""
        if position <= self._read:
            raise ValueError(f"position {position} was read before")
        self._read = position
        if wanted:
            self._open[position] = None

    def settle(self, position: int) -> None:
        """Note that a position needs nothing more. Settling twice is harmless."""
        self._open.pop(position, None)

    @property
    def reached(self) -> int:
        """Everything up to here was read."""
        return self._read

    @property
    def low(self) -> int:
        """Everything up to here is settled."""
        return next(iter(self._open)) - 1 if self._open else self._read

    def low_after(self, position: int) -> int:
        """What `low` will be when `position` is settled as well."""
        remaining = iter(self._open)
        first = next(remaining, None)
        if first == position:
            first = next(remaining, None)
        return self._read if first is None else first - 1

    @property
    def oldest(self) -> int | None:
        """The first open position."""
        return next(iter(self._open), None)
