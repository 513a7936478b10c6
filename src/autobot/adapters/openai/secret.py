"""A secret that goes into a header and nowhere else."""

from __future__ import annotations


class Secret(str):
    """Text whose representation is masked, so that a logged request shows no key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
