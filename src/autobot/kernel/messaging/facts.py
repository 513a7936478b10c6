"""The facts of the broker itself, on the stream `dead-letter-<id>` of the letter that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCopied:
    """A dead letter's event was given other data: its group gets the copy in the place of the original.

    `event_id` is the copy's own. The data is blanked as soon as the group has settled the copy: it lives as
    long as somebody may have to look at it, and no longer than the original is of use.
    """

    TYPE: ClassVar[str] = "autobot.messaging.event_copied.v1"
    letter: str
    event_id: str
    data: Any


EVENTS: tuple[type[Any], ...] = (EventCopied,)


def stream_of(letter: str) -> str:
    """Return the stream of what is decided about a dead letter."""
    return f"dead-letter-{letter}"
