"""Which keys of a group are blocked, and by which dead letter. Pure bookkeeping, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autobot.kernel.messaging.parking import Parked


@dataclass(slots=True)
class Blocked:
    """A key whose later messages wait as rows: until `due`, or for a person's decision on `letter`, a dead letter's id.

    While its row is being written (`parking`) nobody may take the row's absence for a decision on it; who
    wanted to look meanwhile leaves `asked`.
    """

    due: datetime
    letter: str = ""
    draining: bool = False
    parking: bool = False
    asked: bool = False

    @property
    def dead(self) -> bool:
        """Whether it waits for a person."""
        return bool(self.letter)


class Blocks(dict[str, Blocked]):
    """Blocked keys, and the key of each dead letter: a decision on one of very many finds its key at once."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, str] = {}

    def die(self, blocked: Blocked, row: Parked) -> None:
        """Note that a row, from now on a dead letter, blocks its key."""
        blocked.letter = row.id
        self._keys[row.id] = row.key

    def revive(self, blocked: Blocked, now: datetime) -> None:
        """Note that the letter was decided on: the key goes on at once."""
        self._keys.pop(blocked.letter, None)
        blocked.letter, blocked.due = "", now

    def key_of(self, letter: str) -> str | None:
        """Return the key that a dead letter blocks; None when it blocks none here."""
        return self._keys.get(letter)
