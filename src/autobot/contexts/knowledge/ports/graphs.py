"""Graphs of near vectors that processes over one store share: one makes it, the others take it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

PIECE: Final = 1024 * 1024
"""Bytes of a graph that are written and read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to make the graph of a model in a form. `token` is given once, and becomes the graph's id."""

    model: str
    form: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedGraph:
    """A whole one: its id, what its maker says of it, its size in bytes, and its SHA-256 as hex."""

    id: str
    mark: bytes
    size: int
    sha256: str


class Graphs(Protocol):
    """One graph for each model and form; a form says what a process must be able to read.

    Contract:
    - `claim` gives the right to make one, to one at a time. It is over when `release` or `publish` was called, when its
      holder said nothing for the time that the implementation gives, and with `clear`. Whose claim is over is refused in
      everything: `renew`, `append` and `publish` return False and change nothing.
    - Nobody sees a graph before `publish`, which puts it in the place of the one before; the pieces of that one, and those
      of makers that came to no end, go with the next `publish` or `claim`.
    - `read` returns the piece of a number, from 0, empty after the last one, and when there is no such graph any more.
    - `clear` removes all graphs and ends all claims, so that no graph is published whose making began before.
    - What is kept may be lost at any time, whole: a graph can be made anew. It proves nothing of its bytes: readers compare
      the hash.
    """

    async def newest(self, model: str, form: str) -> SharedGraph | None:
        """Return the graph that is there."""
        ...

    async def read(self, graph: str, number: int) -> bytes:
        """Return a piece of a graph."""
        ...

    async def claim(self, model: str, form: str) -> Claim | None:
        """Take the right to make one; None while somebody else has it."""
        ...

    async def renew(self, claim: Claim, done: int, of: int) -> bool:
        """Keep a claim, and tell how many of how many vectors are in the graph."""
        ...

    async def append(self, claim: Claim, number: int, data: bytes) -> bool:
        """Write the piece of a number, the same again if it came before, and keep the claim."""
        ...

    async def publish(self, claim: Claim, mark: bytes, size: int, sha256: str) -> bool:
        """Let all see the pieces that were written as a graph. The claim is over then."""
        ...

    async def release(self, claim: Claim) -> None:
        """Let the next one make it; a claim that is over already is no error."""
        ...

    async def progress(self, model: str, form: str) -> tuple[int, int] | None:
        """Return what the holder of a claim told last, 0 of 0 before it did; None when nobody has one."""
        ...

    async def clear(self) -> None:
        """Remove everything."""
        ...
