"""RFC 6455 by the cases of the Autobahn test suite (crossbario/autobahn-testsuite, sections 1 to 9), in our words.

The suite judges an echo; the product's socket speaks JSON, so a message that must come through is a `ping` and its
echo a `pong`. Sections 12 and 13 are about compression, which is not offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.gateway.serving import (
    BINARY,
    CLOSE,
    CONTINUATION,
    LIMITS,
    PING,
    PONG,
    TEXT,
    RawSocket,
    raw_socket,
    serving,
)

pytestmark = pytest.mark.anyio

ASK = b'{"type":"ping"}'
ASKED_LONG = b'{"type":"ping","note":"%b"}'
ANSWER = (TEXT, b'{"type":"pong"}')
GREEK = "κόσμε".encode()


@dataclass(frozen=True, slots=True)
class Sent:
    """One frame."""

    opcode: int
    payload: bytes = b""
    options: dict[str, Any] = field(default_factory=dict)


def frame(opcode: int, payload: bytes = b"", **options: Any) -> Sent:
    """Write a frame down."""
    return Sent(opcode, payload, options)


def ends(code: int, reason: bytes = b"") -> Sent:
    """Write a close frame down."""
    return Sent(CLOSE, struct.pack("!H", code) + reason)


def cut(text: bytes, *lengths: int, kind: int = TEXT) -> list[Sent]:
    """Write a message down in fragments of these lengths and one of the rest."""
    pieces, at = [], 0
    for length in lengths:
        pieces.append(text[at : at + length])
        at += length
    pieces.append(text[at:])
    last = len(pieces) - 1
    return [
        frame(CONTINUATION if index else kind, piece, fin=index == last) for index, piece in enumerate(pieces)
    ]


Case = tuple[Sequence[Sent], Sequence[tuple[int, bytes]] | int]
"""What is sent, and the frames that come back or the code that the socket is closed with."""


async def judged(client: RawSocket, case: Case) -> None:
    """Send a case's frames and hold what comes back against it."""
    sent, wanted = case
    for one in sent:
        await client.frame(one.opcode, one.payload, **one.options)
    async with asyncio.timeout(5):
        if isinstance(wanted, int):
            assert await client.close_code() == wanted
            with contextlib.suppress(ConnectionError):
                await client.frame(CLOSE, struct.pack("!H", 1000))
            assert await client.ended()
            return
        for answer in wanted:
            assert await client.receive() == answer


async def hold(cases: dict[str, Case]) -> None:
    """Try each case on a socket of its own; say which one differs."""
    async with serving() as served:
        for name, case in cases.items():
            async with raw_socket(served) as client:
                try:
                    await judged(client, case)
                except (AssertionError, TimeoutError, asyncio.IncompleteReadError) as error:
                    raise AssertionError(f"case {name}: {error!r}") from error


async def test_messages_of_every_length_form_come_through() -> None:
    """Section 1: payloads whose length is written in 7 and in 16 bits, at the borders between them."""
    room = len(ASKED_LONG) - 2
    cases: dict[str, Case] = {"1.1.1": ([frame(TEXT, b"")], [])}
    for length in (125, 126, 127, 128, 1024, LIMITS.frame_bytes):
        text = ASKED_LONG % (b"*" * (length - room))
        assert len(text) == length
        cases[f"1.1 {length}"] = ([frame(TEXT, text)], [ANSWER])
    await hold(cases)


async def test_pings_and_pongs() -> None:
    """Section 2: pongs repeat the payload, nobody's pong is answered, 126 bytes are too many."""
    many = [frame(PING, b"payload-%d" % one) for one in range(10)]
    await hold(
        {
            "2.1": ([frame(PING)], [(PONG, b"")]),
            "2.2": ([frame(PING, b"Hello")], [(PONG, b"Hello")]),
            "2.3": ([frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb")], [(PONG, b"\x00\xff\xfe\xfd\xfc\xfb")]),
            "2.4": ([frame(PING, b"\xfe" * 125)], [(PONG, b"\xfe" * 125)]),
            "2.5": ([frame(PING, b"\xfe" * 126)], 1002),
            "2.7": ([frame(PONG), frame(PING, b"after")], [(PONG, b"after")]),
            "2.8": ([frame(PONG, b"unsolicited"), frame(PING, b"after")], [(PONG, b"after")]),
            "2.9": ([frame(PONG, b"unsolicited"), *many[:1]], [(PONG, b"payload-0")]),
            "2.10": (many, [(PONG, one.payload) for one in many]),
        }
    )


async def test_reserved_bits_end_the_session() -> None:
    """Section 3: no extension is agreed on, so any reserved bit on any frame is a protocol error."""
    cases: dict[str, Case] = {}
    for rsv in range(1, 8):
        for kind, payload in ((TEXT, ASK), (BINARY, b"x"), (PING, b""), (PONG, b""), (CLOSE, b"")):
            cases[f"3 rsv {rsv} opcode {kind}"] = ([frame(kind, payload, rsv=rsv)], 1002)
    cases["3.2"] = ([frame(TEXT, ASK), frame(TEXT, ASK, rsv=2), frame(PING)], 1002)
    await hold(cases)


async def test_reserved_opcodes_end_the_session() -> None:
    """Section 4: opcodes 3 to 7 and 11 to 15, with and without payload, after a good message too."""
    cases: dict[str, Case] = {}
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        cases[f"4 {opcode}"] = ([frame(opcode)], 1002)
        cases[f"4 {opcode} payload"] = ([frame(opcode, b"reserved")], 1002)
        cases[f"4 {opcode} between"] = ([frame(TEXT, ASK), frame(opcode, b"x"), frame(PING)], 1002)
    await hold(cases)


async def test_fragments() -> None:
    """Section 5: messages in fragments, control frames between them, and continuations of nothing."""
    half = len(ASK) // 2
    first, last = cut(ASK, half)
    await hold(
        {
            "5.1": ([frame(PING, b"fragment", fin=False), frame(CONTINUATION, b"two")], 1002),
            "5.2": ([frame(PONG, b"fragment", fin=False), frame(CONTINUATION, b"two")], 1002),
            "5 close": ([frame(CLOSE, b"", fin=False)], 1002),
            "5.3": (cut(ASK, half), [ANSWER]),
            "5.5": (cut(ASK, *[1] * (len(ASK) - 1)), [ANSWER]),
            "5 empty fragments": (cut(ASK, 0, half, 0), [ANSWER]),
            "5.6": ([first, frame(PING, b"ping me"), last], [(PONG, b"ping me"), ANSWER]),
            "5 pong between": ([first, frame(PONG, b"x"), last], [ANSWER]),
            "5.9": ([frame(CONTINUATION, b"nothing", fin=True), frame(TEXT, ASK)], 1002),
            "5.12": ([frame(CONTINUATION, b"nothing", fin=False), frame(TEXT, ASK)], 1002),
            "5.15": ([first, last, frame(CONTINUATION, b"more", fin=False), frame(TEXT, ASK)], 1002),
            "5.16": ([frame(CONTINUATION, b"a", fin=False), frame(TEXT, b"b", fin=False)], 1002),
            "5.18": ([first, frame(TEXT, ASK)], 1002),
            "5.18 binary": ([first, frame(BINARY, b"x")], 1002),
            "5.19": (
                [*cut(ASK, 2, 3)[:2], frame(PING, b"one"), frame(PING, b"two"), cut(ASK, 5)[1]],
                [(PONG, b"one"), (PONG, b"two"), ANSWER],
            ),
        }
    )


VALID = ["", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\u0080", "\u0800", "\U00010000", "\x7f", "\u07ff"]
VALID += ["\uffff", "\U0010ffff", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\U0001fffe", "\U0010fffe"]
INVALID = [
    b"\x80",
    b"\xbf",
    b"\x80\xbf",
    b"\xc0 ",
    b"\xe0 ",
    b"\xf0 ",
    b"\xf8 ",
    b"\xfc ",
    b"\xc0",
    b"\xe0\x80",
]
INVALID += [
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
]
INVALID += [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"]
INVALID += [
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
]
INVALID += [
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbf\xbf",
]
INVALID += [
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
]
INVALID += [GREEK + b"\xed\xa0\x80edited", GREEK[:-1]]


async def test_valid_text_of_every_kind_comes_through() -> None:
    """Section 6, valid: first and last characters of each length, noncharacters, cut anywhere by fragments."""
    cases: dict[str, Case] = {}
    for one in VALID:
        text = json.dumps({"type": "ping", "note": one}, ensure_ascii=False).encode()
        cases[f"6 {one!r}"] = ([frame(TEXT, text)], [ANSWER])
        cases[f"6 {one!r} by octets"] = (cut(text, *[1] * (len(text) - 1)), [ANSWER])
    await hold(cases)


async def test_invalid_text_ends_the_session() -> None:
    """Section 6, invalid: lone, overlong, surrogate, too high and cut sequences, whole and octet by octet."""
    cases: dict[str, Case] = {}
    for one in INVALID:
        cases[f"6 {one!r}"] = ([frame(TEXT, one)], 1007)
        if len(one) > 1:
            cases[f"6 {one!r} by octets"] = (cut(one, *[1] * (len(one) - 1)), 1007)
    cases["6 in the second message"] = ([frame(TEXT, ASK), frame(TEXT, b"\xff")], 1007)
    await hold(cases)


async def test_invalid_text_is_not_waited_for() -> None:
    """Section 6.4: the fragment that shows it ends the session, although the message would go on."""
    await hold(
        {
            "6.4.1": (
                [frame(TEXT, GREEK, fin=False), frame(CONTINUATION, b"\xf4\x90\x80\x80", fin=False)],
                1007,
            ),
            "6.4.2": (
                [frame(TEXT, GREEK + b"\xf4", fin=False), frame(CONTINUATION, b"\x90", fin=False)],
                1007,
            ),
            "6.4 first": ([frame(TEXT, b"\xf4\x90", fin=False)], 1007),
            "6.4 ping between": (
                [frame(TEXT, GREEK, fin=False), frame(PING), frame(CONTINUATION, b"\xff", fin=False)],
                1007,
            ),
        }
    )


async def test_closing() -> None:
    """Section 7: what may stand in a close frame, and that nothing is done after it."""
    cases: dict[str, Case] = {
        "7.1.2": ([ends(1000), ends(1000)], 1000),
        "7.1.3": ([ends(1000), frame(PING)], 1000),
        "7.1.4": ([ends(1000), frame(TEXT, ASK)], 1000),
        "7.1.5": ([cut(ASK, 3)[0], ends(1000), cut(ASK, 3)[1]], 1000),
        "7.3.1": ([frame(CLOSE)], 1005),
        "7.3.2": ([frame(CLOSE, b"a")], 1002),
        "7.3.3": ([ends(1000)], 1000),
        "7.3.4": ([ends(1000, b"Hello World!")], 1000),
        "7.3.5": ([ends(1000, b"*" * 123)], 1000),
        "7.3.6": ([ends(1000, b"*" * 124)], 1002),
        "7.5.1": ([ends(1000, GREEK + b"\xed\xa0\x80edited")], 1007),
    }
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
    bad = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    cases |= {f"7.7 {code}": ([ends(code)], code) for code in good}
    cases |= {f"7.9 {code}": ([ends(code)], 1002) for code in bad}
    await hold(cases)


async def test_only_masked_frames_are_read() -> None:
    """Section 5.1 of the RFC: a frame of a client that is not masked is a protocol error, whatever it is."""
    kinds = ((TEXT, ASK), (BINARY, b"x"), (PING, b""), (PONG, b""), (CLOSE, b""))
    await hold({f"opcode {kind}": ([frame(kind, payload, masked=False)], 1002) for kind, payload in kinds})


async def test_large_messages_are_refused_before_they_are_read() -> None:
    """Section 9: over the size limit a session ends with 1009, by the length that is declared or by the sum."""
    over = LIMITS.frame_bytes + 1
    await hold(
        {
            "9.1": ([frame(TEXT, b" " * over)], 1009),
            "9.2": ([frame(BINARY, b" " * over)], 1009),
            "9.3": (cut(b" " * over, *[64] * (over // 64)), 1009),
        }
    )
    async with serving() as served:
        for length in (1 << 40, 1 << 63):
            async with raw_socket(served) as client:
                client.writer.write(bytes([0x81, 0xFF]) + struct.pack("!Q", length) + bytes(4))
                assert await client.close_code() == 1009


async def test_binary_is_refused_whole_or_in_fragments() -> None:
    """The protocol of this socket is text: a binary message is 1003 (§7.4.1)."""
    await hold(
        {
            "1.2.1": ([frame(BINARY)], 1003),
            "1.2.2": ([frame(BINARY, b"\x00\xff")], 1003),
            "fragments": (cut(b"\x00\xff\xfe", 1, kind=BINARY), 1003),
        }
    )
