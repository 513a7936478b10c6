"""Refuses connections that are not made for a row of the matrix.

    with no_sockets_but_links() as guard:
        ...                      # the product at work
        with guard.exempt():
            ...                  # a client of the test's own
    assert guard.refused == []

Python's audit events tell of each connect, in whatever library it happens; an event loop written in C makes
its connects unheard, so tests that rely on the guard run on asyncio's own loop.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.links.leaving import leaving_for

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_exempt: ContextVar[bool] = ContextVar("exempt_from_socket_guard", default=False)


class SocketRefused(PermissionError):
    """A connection was made outside a link call. An OSError, so that libraries clean up as they would; assert on
    `refused`, because they may also map it."""


@dataclass(slots=True)
class SocketGuard:
    """What was refused, and for which rows connections were made."""

    refused: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def seen(self, event: str, args: tuple[Any, ...]) -> None:
        """Judge one event. Raises SocketRefused."""
        row = leaving_for()
        if row:
            self.rows.append(row)
        elif not _exempt.get():
            what = f"{event} to {args[1]!r}"
            self.refused.append(what)
            raise SocketRefused(f"{what} is made outside a link call")

    @contextmanager
    def exempt(self) -> Iterator[None]:
        """Let connections of the test itself through (not those of tasks that ran before)."""
        token = _exempt.set(True)
        try:
            yield
        finally:
            _exempt.reset(token)


_active: list[SocketGuard] = []
_installed = False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _active and event in _EVENTS:
        _active[-1].seen(event, args)


@contextmanager
def no_sockets_but_links() -> Iterator[SocketGuard]:
    """Refuse for the block every connection that no link's transport makes. An audit hook stays for good, asleep."""
    global _installed  # noqa: PLW0603 - an audit hook cannot be taken out again, so there is one for all blocks
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    guard = SocketGuard()
    _active.append(guard)
    try:
        yield guard
    finally:
        _active.remove(guard)
