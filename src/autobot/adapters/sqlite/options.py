"""What may be chosen about the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Options of a store. Raises ValueError outside the ranges.

    `fold`: rows above the fold marks that make the next commit index them (1–100,000): more make commits
    cheaper and starts after a crash slower. `readers`: threads that read, each with a connection (1–16).
    `group`: transactions of one commit at most (1–10,000).
    """

    fold: int = 4096
    readers: int = 2
    group: int = 512

    def __post_init__(self) -> None:
        if not 1 <= self.fold <= 100_000:
            raise ValueError("fold is 1 to 100000")
        if not 1 <= self.readers <= 16:
            raise ValueError("readers is 1 to 16")
        if not 1 <= self.group <= 10_000:
            raise ValueError("group is 1 to 10000")
