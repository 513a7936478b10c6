"""W3C Baggage by the cases of the Working Group's tests (w3c/baggage, test/test_baggage.py), in our words.

The product passes on an allow-list only; here the list has the keys of the cases. That a caller's baggage is not
believed and that nobody outside gets any is shown in `test_trace_context.py`.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from autobot.kernel.links.baggage import LENGTH_MAX, format_baggage, parse_baggage

KEYS = frozenset({"SomeKey", "SomeKey2", "userId", "serverNode", "isProduction", "!#$%&'*+-.^_`|~0aA"})
HARD = "\t \"';=asdf!@#$%^&*()"


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("SomeKey=SomeValue", {"SomeKey": "SomeValue"}),
        ("SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal", {"SomeKey": "SomeValue", "SomeKey2": "SomeValue2"}),
        ("SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \t ; \t ValueProp \t = \t PropVal", {"SomeKey": "SomeValue", "SomeKey2": "SomeValue2"}),
        ("SomeKey=SomeValue;SomeProp;SecondProp=PropValue", {"SomeKey": "SomeValue"}),
        ("SomeKey=SomeValue=equals", {"SomeKey": "SomeValue=equals"}),
        (f"SomeKey={quote(HARD)}", {"SomeKey": HARD}),
        (f"SomeKey \t = \t {quote(HARD)} \t ", {"SomeKey": HARD}),
        ("userId=alice,serverNode=DF%2028,isProduction=false", {"userId": "alice", "serverNode": "DF 28", "isProduction": "false"}),
        ("userId =   alice, serverNode = DF%2028, isProduction = false", {"userId": "alice", "serverNode": "DF 28", "isProduction": "false"}),
        ("SomeKey=", {"SomeKey": ""}),
        ("!#$%&'*+-.^_`|~0aA=1", {"!#$%&'*+-.^_`|~0aA": "1"}),
        ("SomeKey=%F0%9F%98%80%C3%BC", {"SomeKey": "😀ü"}),
        ("SomeKey=%ED%A0%80", {"SomeKey": "���"}),
    ],
)  # fmt: skip
def test_members_are_read(field: str, members: dict[str, str]) -> None:
    """Keys, decoded values with equals signs and every octet, white space, properties with and without value."""
    assert dict(parse_baggage(field.encode(), KEYS)) == members


@pytest.mark.parametrize(
    "field",
    [
        "SomeKey", "=SomeValue", "Some Key=1", "SomeKey=a b", 'SomeKey="quoted"', "SomeKey=back\\slash",
        "SomeKey=a;", "SomeKey=a;=b", "SomeKey=a;b=c d", "SomeKey=ü", "Some,Key=1", "SomeKey=\x7f", "",
    ],
)  # fmt: skip
def test_a_malformed_member_is_left_out_alone(field: str) -> None:
    """What breaks the grammar is not read, and its neighbours are."""
    assert dict(parse_baggage(f"{field},SomeKey2=kept".encode(), KEYS)) == {"SomeKey2": "kept"}


def test_what_is_written_is_read_back() -> None:
    """Every character that a field cannot hold is percent-encoded as UTF-8."""
    members = (("SomeKey", HARD), ("SomeKey2", "ü😀\x00,;\\%"), ("userId", ""))
    field = format_baggage(members, KEYS)
    assert field.isascii()
    assert parse_baggage(field.encode(), KEYS) == members


def test_limits() -> None:
    """Sixty-four members and 8,192 bytes are passed on whole (section 3.3.2); what is beyond is not."""
    many = frozenset(f"key{one}" for one in range(65))
    members = [(f"key{one}", "value") for one in range(65)]
    field = format_baggage(members, many)
    assert len(field.split(",")) == 64
    assert parse_baggage(field.encode(), many) == tuple(members[:64])
    long = [("a", "0123456789" * 819)]
    field = format_baggage(long, frozenset("a"))
    assert len(field) == LENGTH_MAX
    assert parse_baggage(field.encode(), frozenset("a")) == tuple(long)
    assert format_baggage([("a", long[0][1] + "x")], frozenset("a")) == ""
