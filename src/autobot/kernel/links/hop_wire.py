"""What both ends of a hop between roles agree on besides the wires: paths, types, frames of streams. Pure.

A call is `POST /hop/<operation>` with the payload as JSON and `Authorization: Bearer <service token>`. Its answer
is 200 with the answer as JSON; 200 with frames for a stream; or an error status with a problem document whose
member `raised` is the error itself (`kernel.core.raised`).

A frame is a kind (one octet), a length (four octets, network order) and as many octets: `c` a chunk, `e` an
error (as `raised`), `z` the end, which is empty and the last. A stream without `e` or `z` was cut off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from autobot.kernel.core.errors import BadAnswer, ConnectionLost
from autobot.kernel.core.raised import Raised

PREFIX: Final = "/hop/"
HEALTH: Final = "/hop/health"
JSON: Final = "application/json"
FRAMES: Final = "application/vnd.autobot.frames"
PROBLEM: Final = "application/problem+json"

CHUNK: Final = b"c"
ERROR: Final = b"e"
END: Final = b"z"
END_FRAME: Final = END + bytes(4)

PAYLOAD_MAX: Final = 64 * 1024 * 1024
ANSWER_MAX: Final = 64 * 1024 * 1024
FRAME_MAX: Final = 16 * 1024 * 1024
"""Bytes that a payload, an answer and a frame may have."""

_HEAD: Final = struct.Struct("!cI")
_KINDS: Final = frozenset({CHUNK, ERROR, END})


class Told(msgspec.Struct, frozen=True):
    """The part of a refusal's document that programs read. `unready`: the role began nothing, ask another."""

    raised: Raised | None = None
    unready: bool = False


def frame(kind: bytes, body: bytes) -> bytes:
    """Return a frame."""
    return _HEAD.pack(kind, len(body)) + body


class Frames:
    """Reads frames out of pieces that were cut anywhere."""

    __slots__ = ("_buffer", "_max", "_whole")

    def __init__(self, most: int = FRAME_MAX) -> None:
        self._buffer = bytearray()
        self._max = most
        self._whole = False

    def feed(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the frames (kind, body) that `piece` completes.

        Raises BadAnswer for an unknown kind, a frame over the limit, or anything after the end.
        """
        buffer = self._buffer
        buffer += piece
        at = 0
        try:
            while len(buffer) - at >= _HEAD.size:
                kind, length = _HEAD.unpack_from(buffer, at)
                if self._whole or kind not in _KINDS or length > self._max:
                    raise BadAnswer("A stream between roles broke its form.")
                if len(buffer) - at - _HEAD.size < length:
                    return
                at += _HEAD.size
                body = bytes(buffer[at : at + length])
                at += length
                self._whole = kind != CHUNK
                yield kind, body
            if self._whole and at < len(buffer):
                raise BadAnswer("A stream between roles went on after its end.")
        finally:
            del buffer[:at]

    def check_whole(self) -> None:
        """Raise ConnectionLost unless the stream said how it ends."""
        if not self._whole:
            raise ConnectionLost("The stream was cut off before its end.")
