"""Whether the processes of an installation can carry a row between roles by another transport (decision 0066)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from autobot.bootstrap.outside import has_grpc
from autobot.bootstrap.placing import HOPS, WORKER_ROW
from autobot.contexts.roles.module import Observer, roles_in
from autobot.kernel.core.errors import InvalidInput

WORDS: Final = ("http", "grpc", "stream")
"""What can carry a row between roles."""
NAMED: Final = 3
"""How many processes an answer names."""


def carried_here() -> tuple[str, ...]:
    """Return the transports by which a process of a role can take and make calls."""
    return tuple(one for one in WORDS if one != "grpc" or has_grpc())


def check_agreed(observer: Observer, row: str, fields: Mapping[str, Any] | None) -> None:
    """Raise InvalidInput when a live process at either end of `row` cannot carry it as `fields` want.

    Rows that are no hops between roles are not judged here.
    """
    word = None if fields is None else fields.get("transport")
    if word is None or row not in HOPS:
        return
    if word not in WORDS or (row == WORKER_ROW and word == "stream"):
        can = ", ".join(one for one in WORDS if row != WORKER_ROW or one != "stream")
        raise InvalidInput(f"{row} is not carried by {word}.", hint=f"It can be: {can}.")
    ends = set(HOPS[row])
    unable = [
        one.id
        for one in observer.rows
        if ends & set(roles_in(one.role)) and observer.state(one)[0] != "lost" and word not in one.carries
    ]
    if unable:
        some = ", ".join(unable[:NAMED]) + (f" and {len(unable) - NAMED} more" if len(unable) > NAMED else "")
        raise InvalidInput(
            f"Not every process at the ends of {row} can carry it by {word}: {some}.",
            hint="autobot add grpc where they run, and start them again" if word == "grpc" else "",
        )
