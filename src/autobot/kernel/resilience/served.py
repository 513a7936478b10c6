"""Which target served an answer, for whoever wants to say so.

with noting() as served:
    answer = await link.call(operation, payload, context)
served.target, served.fallback
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Served:
    """Filled in by pipelines that have a choice; `target` stays empty where the row has only one.

    `cached` says how an answer came without a call of its own (`hit`, `joined`, …); empty where it had one.
    """

    link: str = ""
    target: str = ""
    fallback: bool = False
    cached: str = ""


_asked: ContextVar[Served | None] = ContextVar("served", default=None)


@contextmanager
def noting() -> Iterator[Served]:
    """Note which target serves the calls made inside; the last one stays, and who notes further out hears of it too."""
    note = Served()
    token = _asked.set(note)
    try:
        yield note
    finally:
        _asked.reset(token)
        outer = _asked.get()
        if outer is not None and note.link:
            outer.link, outer.target = note.link, note.target
            outer.fallback, outer.cached = note.fallback, note.cached


def note(link: str, target: str, *, fallback: bool) -> None:
    """Tell who asked, if anybody did."""
    asked = _asked.get()
    if asked is not None:
        asked.link, asked.target, asked.fallback = link, target, fallback


def note_cached(link: str, how: str) -> None:
    """Tell who asked, if anybody did, that the answer needed no call."""
    asked = _asked.get()
    if asked is not None:
        asked.link, asked.cached = link, how
