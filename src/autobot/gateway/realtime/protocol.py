"""The session protocol without a socket: a message goes in, what to do comes out.

    open ──bad frame──▶ open (told so)      open ──too many──▶ closed 1008
      │
      └─binary──▶ closed 1003    over the size limit──▶ closed 1009

A client frame is one JSON object: `subscribe` {channel, after?}, `unsubscribe` {channel}, `ping`. Members that are
not known are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import orjson

from autobot.kernel.core.errors import AutoBotError, FieldError, InvalidInput, Malformed

CHANNEL: Final = re.compile(r"[a-z][a-z._]{0,31}(?::[A-Za-z0-9_-]{1,64})?")
SEQ_MAX: Final = 2**53 - 1
MISTAKES_MAX: Final = 20
"""Bad frames after which a session is closed: such a client does not read what it is told."""


class Close(IntEnum):
    """Why a socket is closed (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    PROTOCOL = 1002
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Follow a channel: from `after` on, or from now on."""

    channel: str
    after: int | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Follow a channel no longer."""

    channel: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer with a pong."""


@dataclass(frozen=True, slots=True)
class Complain:
    """Tell the client what is wrong; the session goes on."""

    error: AutoBotError
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close the socket."""

    code: Close
    reason: str


Action = Subscribe | Unsubscribe | Ping | Complain | Hangup


class SessionProtocol:
    """Reads a client's messages and counts its mistakes. Holds no socket and no time."""

    __slots__ = ("_channels_max", "_frame_bytes", "_mistakes")

    def __init__(self, frame_bytes: int, channels_max: int) -> None:
        self._frame_bytes, self._channels_max = frame_bytes, channels_max
        self._mistakes = 0

    def received(self, text: str | None, following: Collection[str]) -> Action:
        """Say what a message means. `text` is None for a binary one; `following` are the channels of now."""
        if text is None:
            return Hangup(Close.NOT_TEXT, "frames are text")
        # A character has at most four bytes, so most messages need no encoding to be judged.
        if (
            len(text) * 4 > self._frame_bytes
            and len(text.encode("utf-8", "surrogatepass")) > self._frame_bytes
        ):
            return Hangup(Close.TOO_BIG, f"a frame has at most {self._frame_bytes} bytes")
        try:
            action = self._read(text, following)
        except AutoBotError as error:
            self._mistakes += 1
            if self._mistakes >= MISTAKES_MAX:
                return Hangup(Close.POLICY, "too many frames that cannot be read")
            return Complain(error)
        return action

    def _read(self, text: str, following: Collection[str]) -> Action:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Malformed("The frame is not JSON.") from None
        if not isinstance(frame, dict):
            raise Malformed("A frame is one JSON object.")
        match frame.get("type"):
            case "ping":
                return Ping()
            case "subscribe":
                channel = channel_name(frame.get("channel"))
                if channel not in following and len(following) >= self._channels_max:
                    error = InvalidInput(f"A session follows at most {self._channels_max} channels.")
                    return Complain(error, channel)
                return Subscribe(channel, _after(frame))
            case "unsubscribe":
                return Unsubscribe(channel_name(frame.get("channel")))
        raise InvalidInput(
            "The frame's type must be subscribe, unsubscribe or ping.",
            errors=(FieldError(detail="must be subscribe, unsubscribe or ping", pointer="#/type"),),
        )


def channel_name(value: object) -> str:
    """Return `value` when it has the form of a channel name. Raises InvalidInput."""
    if isinstance(value, str) and CHANNEL.fullmatch(value):
        return value
    raise InvalidInput(
        "The channel must be a name such as run:ID or system.",
        errors=(FieldError(detail="is no channel name", pointer="#/channel"),),
    )


def _after(frame: dict[str, Any]) -> int | None:
    after = frame.get("after")
    if after is None:
        return None
    if isinstance(after, int) and not isinstance(after, bool) and 0 <= after <= SEQ_MAX:
        return after
    raise InvalidInput(
        "`after` must be the seq of a fact.",
        errors=(FieldError(detail="must be a whole number, 0 or more", pointer="#/after"),),
    )
