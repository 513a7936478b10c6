"""Calls over streams: names and forms of what callers and the called say to one another. Pure.

A call is an entry of the stream of a role: its fields are `id`, `to` (the channel of the caller), `operation`, `fields`
(those that an HTTP hop would have as header fields, as JSON) and `body`. One process of the role takes it. What it
answers goes to the caller's channel, numbered from 0: nothing is missed without being noticed. While it works it says so
there once a second, for all calls of that caller. What the caller says meanwhile, to stop or to go on, goes to the
channel of the role.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from autobot.kernel.core.errors import BadAnswer

ANSWER: Final = "answer"
CHUNK: Final = "chunk"
END: Final = "end"
ERROR: Final = "error"
ALIVE: Final = "alive"
STOP: Final = "stop"
MORE: Final = "more"

BEAT_S: Final = 1.0
"""Seconds between two words of a process that it works on calls; most calls end before the first."""
WINDOW: Final = 64
"""Chunks that are sent ahead of a reader."""
GROUP: Final = "role"
ANSWERS: Final = "autobot:answers:"
"""How the channels of callers begin."""
MESSAGE_MAX: Final = 8 * 1024 * 1024
"""Bytes of a call, an answer or a chunk: Redis cuts off a listener behind whom 32 MiB wait."""
LONGEST_MS: Final = 900_000
"""How long a call may wait to be taken: its caller is gone by then."""


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """A part of an answer: of which call, its number, what it is, and its body."""

    call: str
    number: int
    kind: str
    body: bytes = b""


class Word(msgspec.Struct, array_like=True, frozen=True):
    """What a caller says of a call: `stop`, or `more` with the number of chunks that were read."""

    call: str
    word: str
    read: int = 0


_encode: Final = msgspec.msgpack.Encoder().encode
_piece: Final = msgspec.msgpack.Decoder(Piece)
_calls: Final = msgspec.msgpack.Decoder(tuple[str, ...])
_word: Final = msgspec.msgpack.Decoder(Word)


def calls_key(role: str) -> str:
    """Return the key of a role's stream of calls."""
    return f"autobot:calls:{{{role}}}"


def words_channel(role: str) -> str:
    """Return the channel on which a role hears what callers say of their calls."""
    return f"autobot:words:{role}"


def written(one: Piece | Word) -> bytes:
    """Return what is published."""
    return _encode(one)


def alive(calls: Iterable[str]) -> Piece:
    """Return the word that these calls are worked on."""
    return Piece("", 0, ALIVE, _encode(tuple(calls)))


def alive_in(piece: Piece) -> tuple[str, ...]:
    """Return the calls that such a word names. Raises BadAnswer."""
    try:
        return _calls.decode(piece.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer("A word of a call that is worked on broke its form.") from error


def place_of(entry: bytes) -> tuple[int, int]:
    """Return the place of an entry in its stream, to be compared with others. Raises ValueError for what is none."""
    time, _, number = entry.partition(b"-")
    return int(time), int(number or 0)


def piece_of(data: bytes) -> Piece:
    """Return a part of an answer. Raises BadAnswer."""
    try:
        return _piece.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer("A part of an answer broke its form.") from error


def word_of(data: bytes) -> Word:
    """Return what a caller says. Raises BadAnswer."""
    try:
        return _word.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer("What a caller says broke its form.") from error
