"""Compatibility modes: who must be able to read whose messages, and against how many versions it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autobot.kernel.core.compatibility import Mode
from autobot.kernel.messaging.schemas.inclusion import Difference, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One message that somebody could not read any more.

    `at` points into the new schema where the difference lies there, else into the old one (`of_old`).
    """

    version: int
    direction: Literal["backward", "forward"]
    kind: str
    detail: str
    at: str


def breaks(
    new: Any, earlier: Mapping[int, Any] | Sequence[tuple[int, Any]], mode: Mode, *, tolerant: bool = False
) -> list[Break]:
    """Return every way in which a new schema breaks a mode; `earlier` are the versions before it, by number.

    `tolerant` says that readers skip members that they do not know, as ours do.
    """
    if mode == "none":
        return []
    versions = sorted(dict(earlier).items(), reverse=True)
    if not mode.endswith("_transitive"):
        versions = versions[:1]
    found: list[Break] = []
    for version, old in versions:
        if mode.startswith(("backward", "full")):
            found += [_break(one, version, "backward") for one in differences(old, new, tolerant=tolerant)]
        if mode.startswith(("forward", "full")):
            found += [_break(one, version, "forward") for one in differences(new, old, tolerant=tolerant)]
    return found


def _break(found: Difference, version: int, direction: Literal["backward", "forward"]) -> Break:
    at = found.reader_at if direction == "backward" else found.writer_at
    return Break(version=version, direction=direction, kind=found.kind, detail=found.detail, at=at)
