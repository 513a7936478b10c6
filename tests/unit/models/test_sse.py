"""The event-stream decoder against the rules of WHATWG HTML §9.2.6."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contracts.openai_wire.sse import SseDecoder
from autobot.kernel.core.errors import BadAnswer

STREAM = (
    "\ufeff: a comment\n\n"
    'data: {"a":1}\r\n\r\n'
    "event: ping\rdata:no space\r\r"
    "data: two\ndata:  lines\nid: 7\nretry: 10\n\n"
    "data\n\n"
    "unknown: field\ndata: grüße 🦊\n\n"
    "data: never ended\n"
).encode()
EVENTS = [b'{"a":1}', b"no space", b"two\n lines", b"", "grüße 🦊".encode()]


def decode(pieces: list[bytes], decoder: SseDecoder | None = None) -> list[bytes]:
    """Feed all pieces to a decoder, a new one by default."""
    decoder = decoder or SseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def test_all_line_ends_comments_and_fields_are_read_as_the_standard_says() -> None:
    """CR, LF, CRLF, comments, other fields, several data lines, a byte order mark: all as specified."""
    assert decode([STREAM]) == EVENTS


def test_a_stream_cut_after_every_byte_gives_the_same_events() -> None:
    """No chunk boundary matters, inside a CRLF and inside a UTF-8 character included."""
    assert decode([STREAM[index : index + 1] for index in range(len(STREAM))]) == EVENTS


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cutting_gives_the_same_events(cuts: list[int]) -> None:
    """Whatever the network does to the pieces, the events stay the same."""
    edges = [0, *sorted(cuts), len(STREAM)]
    assert decode([STREAM[low:high] for low, high in itertools.pairwise(edges)]) == EVENTS


@given(data=st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1))
def test_what_was_written_as_an_event_is_read_back(data: list[str]) -> None:
    """Any lines of text written as the data of one event come back joined by LF."""
    wire = "".join(f"data: {line}\n" for line in data) + "\n"
    assert decode([wire.encode()]) == ["\n".join(data).encode()]


@pytest.mark.parametrize(
    ("limits", "stream"),
    [
        ({"line_max": 100}, b"data: " + b"x" * 200 + b"\n\n"),
        ({"line_max": 100}, b"data: " + b"x" * 200),
        ({"event_max": 100}, b"data: 0123456789\n" * 20),
        ({"total_max": 100}, b": keep alive\n" * 20),
    ],
    ids=["whole line", "line without end", "event", "stream"],
)
def test_a_flood_is_refused_at_its_limit(limits: dict[str, int], stream: bytes) -> None:
    """A line, an event or a stream that never ends is refused instead of filling the memory."""
    pieces = [stream[index : index + 7] for index in range(0, len(stream), 7)]
    with pytest.raises(BadAnswer):
        decode(pieces, SseDecoder(**limits))
