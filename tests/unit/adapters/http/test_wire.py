"""Requests as bytes, and packed bodies."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.http.wire import PIECE_MAX, RequestWriter, Unpacker
from autobot.kernel.core.errors import InvalidInput

WRITER = RequestWriter("host:8080", "/base", keep=True)


def test_a_request_is_written_whole() -> None:
    """Method, path below the base, host, fields, length, body."""
    wire = WRITER.write("POST", "/a?b=%20c", {"x-one": "1"}, b"body")

    assert wire == (
        b"POST /base/a?b=%20c HTTP/1.1\r\nhost: host:8080\r\nx-one: 1\r\ncontent-length: 4\r\n\r\nbody"
    )


def test_a_request_without_body_has_no_length_unless_its_method_means_one() -> None:
    """RFC 9110 §8.6: a POST without a body says 0, a GET says nothing."""
    assert b"content-length" not in WRITER.write("GET", "/", {}, b"")
    assert b"content-length: 0\r\n" in WRITER.write("POST", "/", {}, b"")


def test_a_connection_that_is_not_kept_is_said_to_close() -> None:
    """The server hears it before it answers."""
    assert b"\r\nconnection: close\r\n" in RequestWriter("h", "", keep=False).write("GET", "/", {}, b"")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", {"x": "a\r\nevil: 1"}),
        ("GET", {"x": "a\nb"}),
        ("GET", {"x": "a\rb"}),
        ("GET", {"x": "a\0b"}),
        ("GET", {"x y": "a"}),
        ("GET", {"x:": "a"}),
        ("GET", {"": "a"}),
        ("GET", {"x": "\ud800"}),
        ("GET /evil", {}),
        ("get\r\n", {}),
        ("", {}),
    ],
)
def test_what_breaks_a_request_is_refused(method: str, fields: dict[str, str]) -> None:
    """Nothing that ends a line, and no name or method that is no token; the same once a name is known as good."""
    writer = RequestWriter("h", "", keep=True)
    writer.write("GET", "/", {"x": "fine"}, b"")

    with pytest.raises(InvalidInput):
        writer.write(method, "/", fields, b"")


@given(path=st.text(), value=st.text(), name=st.text())
def test_a_request_has_the_lines_that_were_meant(path: str, value: str, name: str) -> None:
    """Whatever is in path, name and value: four lines, or a refusal."""
    try:
        wire = RequestWriter("h", "", keep=True).write("GET", "/" + path, {name: value}, b"")
    except InvalidInput:
        return
    lines = wire.split(b"\r\n")
    assert len(lines) == 5
    assert lines[0].count(b" ") == 2
    assert lines[3:] == [b"", b""]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_packed_body_is_unpacked_piece_by_piece(pack: object) -> None:
    """Byte by byte in, the same bytes out, whole at the end."""
    body = bytes(range(256)) * 64
    unpacker, found = Unpacker(), b""
    for byte in pack(body):  # type: ignore[operator]
        unpacker.feed(bytes([byte]))
        while piece := unpacker.step():
            found += piece

    assert found == body
    assert unpacker.whole


def test_members_may_follow_one_another() -> None:
    """RFC 1952 §2.2: several packed files one after the other are one body."""
    unpacker, found = Unpacker(), b""
    unpacker.feed(gzip.compress(b"one") + gzip.compress(b"two"))
    while piece := unpacker.step():
        found += piece

    assert found == b"onetwo"


def test_one_step_gives_no_more_than_its_bound() -> None:
    """A bomb unfolds in pieces that somebody can count."""
    unpacker = Unpacker()
    unpacker.feed(gzip.compress(b"\0" * 10_000_000))

    assert len(unpacker.step()) == PIECE_MAX
    assert not unpacker.whole


def test_a_broken_body_is_told() -> None:
    """What is no packed body at all raises; what is cut off is not whole."""
    unpacker = Unpacker()
    unpacker.feed(b"this is no gzip")
    with pytest.raises(ValueError, match="broken"):
        unpacker.step()
    cut = Unpacker()
    cut.feed(gzip.compress(b"text")[:-4])
    assert cut.step() == b"text"
    assert not cut.whole
