"""What may be chosen about the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Options of a store. Raises ValueError outside the ranges.

    `group`: transactions of one commit at most (1–10,000). `readers`: connections that read (1–64).
    `patience_s`: how long a commit waits for a server that is away, in seconds (0.1–300); a read waits as long
    for a connection. `poll_s`: how long a follower may miss what another process wrote when a notice is lost
    (0.01–60). `alone`: whether this store is to be the only one that writes: opening waits for a second for another
    one that does so too, then raises DataLocked.
    """

    group: int = 512
    readers: int = 4
    patience_s: float = 20.0
    poll_s: float = 1.0
    alone: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.group <= 10_000:
            raise ValueError("group is 1 to 10000")
        if not 1 <= self.readers <= 64:
            raise ValueError("readers is 1 to 64")
        if not 0.1 <= self.patience_s <= 300:
            raise ValueError("patience_s is 0.1 to 300")
        if not 0.01 <= self.poll_s <= 60:
            raise ValueError("poll_s is 0.01 to 60")
