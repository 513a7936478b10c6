"""Marks what leaves the process: while a transport sends for a row, its task says which row that is.

Tests refuse every connection that is made outside such a mark: no call leaves the process except through a link.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_row: ContextVar[str] = ContextVar("leaving_for_row", default="")


@contextmanager
def leaving(row: str) -> Iterator[None]:
    """Mark the block as work of `row`'s transport. Never held over a `yield` of a stream."""
    token = _row.set(row)
    try:
        yield
    finally:
        _row.reset(token)


def leaving_for() -> str:
    """Return the row that the running task sends for, empty outside."""
    return _row.get()
