"""What the transport needs of a client: one target's connections, and one answer on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

Count = Callable[[str], None]
"""Hears `new` and `reused` connections."""


class Answer(Protocol):
    """An answer whose head is there and whose body is still to be read.

    Contract: `release` is called exactly once, whatever happened; before the end of the body it closes the
    connection. `read` raises errors of the tree.
    """

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def length(self) -> int | None:
        """Bytes that the body was said to have, as they are sent; None when it was not said."""
        ...

    def headers(self) -> dict[str, str]:
        """Return the header fields by lower-case name, lines of one name joined (RFC 9110 §5.3)."""
        ...

    async def read(self) -> bytes:
        """Return what of the body has come, unpacked, waiting until something has; empty at its end."""
        ...

    def release(self) -> None:
        """Give the connection back."""
        ...


class Client(Protocol):
    """The connections to one target.

    Contract: `send` raises errors of the tree that name link and target; it follows no redirect, sends nothing
    twice, keeps no cookie and asks no proxy of the environment. Cancelling it closes the connection.
    """

    async def send(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and return the answer as soon as its head is there. `fields` frame nothing."""
        ...

    def fit(self, limit: int) -> None:
        """Let at most `limit` connections be open; surplus ones are closed as they come back."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def joined(lines: Mapping[str, str] | list[tuple[str, str]]) -> dict[str, str]:
    """Return header fields by lower-case name, lines of one name joined (RFC 9110 §5.3)."""
    fields: dict[str, str] = {}
    for name, value in lines.items() if isinstance(lines, Mapping) else lines:
        lower = name.lower()
        fields[lower] = f"{fields[lower]}, {value}" if lower in fields else value
    return fields
