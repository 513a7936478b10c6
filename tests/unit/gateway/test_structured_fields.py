"""Structured fields (RFC 9651): what the algorithms accept, refuse and write."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.structured_fields import (
    INTEGER_MAX,
    Date,
    DisplayString,
    FieldSyntaxError,
    InnerList,
    Item,
    Token,
    parse_dictionary,
    parse_item,
    parse_list,
    serialize_dictionary,
    serialize_item,
    serialize_list,
)

ITEMS: list[tuple[str, Any, str | None]] = [
    # text, value, canonical text when it differs
    ("42", 42, None),
    ("-0", 0, "0"),
    ("  42  ", 42, "42"),
    ("00042", 42, "42"),
    ("999999999999999", 999_999_999_999_999, None),
    ("-999999999999999", -999_999_999_999_999, None),
    ("1.5", Decimal("1.5"), None),
    ("-1.50", Decimal("-1.5"), "-1.5"),
    ("4.0", Decimal(4), "4.0"),
    ("999999999999.999", Decimal("999999999999.999"), None),
    ('"hello"', "hello", None),
    ('""', "", None),
    ('"a \\"b\\" \\\\c"', 'a "b" \\c', None),
    ("foo", Token("foo"), None),
    ("*a/b:c", Token("*a/b:c"), None),
    ("a_b-c.d3:f%00/*", Token("a_b-c.d3:f%00/*"), None),
    (":aGVsbG8=:", b"hello", None),
    ("::", b"", None),
    (":aGVsbG8:", b"hello", ":aGVsbG8=:"),  # padding may be missing
    (":iZ==:", b"\x89", ":iQ==:"),  # pad bits may be set
    ("?1", True, None),
    ("?0", False, None),
    ("@1659578233", Date(1_659_578_233), None),
    ("@-1", Date(-1), None),
    ("@0", Date(0), None),
    ('%"This is f%c3%bc%c3%bc."', DisplayString("This is füü."), None),
    ('%"a %22quoted%22 100%25"', DisplayString('a "quoted" 100%'), None),
]


@pytest.mark.parametrize(("text", "value", "canonical"), ITEMS)
def test_items_parse_and_write_canonically(text: str, value: Any, canonical: str | None) -> None:
    """Each form of bare item becomes its Python value and is written in its one canonical form."""
    found = parse_item(text)
    assert found.value == value
    assert type(found.value) is type(value)
    assert serialize_item(found) == (canonical or text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\t42",  # only SP surrounds an item
        "42\t",
        "--1",
        "-",
        "-a",
        "1000000000000000",  # 16 digits
        "1.",
        "1.2345",
        "1.2.3",
        "1e5",
        "+1",
        "1234567890123.0",
        '"unbalanced',
        '"esc \\x"',
        '"non-\\',
        '"tab\t"',
        '"\x7f"',
        '"füü"',
        "'single'",
        "/token",
        "tok en",
        "fü",
        ":aGVsbG8=",
        ":=aGVsbG8=:",
        ":a=GVsbG8=:",
        ":_-Ah:",
        ":aGVsbG8 =:",
        ":a:",
        "?",
        "?2",
        "?T",
        "?1 ?0",
        "@1.5",
        "@",
        "@abc",
        '%"bad %C3%BC upper case"',
        '%"no utf-8 %c3"',
        '%"surrogate %ed%a0%80"',
        '%"overlong %c0%a0"',
        '%"cut %a',
        '%"a',
        "%a",
        '"a", "b"',
        "(1 2)",
    ],
)
def test_bad_items_fail_whole(text: str) -> None:
    """A field that breaks one rule is no field at all."""
    with pytest.raises(FieldSyntaxError):
        parse_item(text)


def test_bytes_outside_ascii_fail() -> None:
    """A field is ASCII; other octets never reach the grammar."""
    with pytest.raises(FieldSyntaxError):
        parse_item(b'"\xc3\xbc"')


@pytest.mark.parametrize(
    ("text", "params", "canonical"),
    [
        ("1;a", {"a": True}, "1;a"),
        ("1; a=2;   b", {"a": 2, "b": True}, "1;a=2;b"),
        ("1;a=1;b=2;a=3", {"a": 3, "b": 2}, "1;a=3;b=2"),
        ("1;*k_-.*=?0", {"*k_-.*": False}, "1;*k_-.*=?0"),
        ('tok;q="x";w=:YQ==:', {"q": "x", "w": b"a"}, 'tok;q="x";w=:YQ==:'),
    ],
)
def test_parameters(text: str, params: dict[str, Any], canonical: str) -> None:
    """Parameters are ordered; a bare key is true; of equal keys the last value counts, at the first place."""
    found = parse_item(text)
    assert dict(found.params) == params
    assert serialize_item(found) == canonical


@pytest.mark.parametrize("text", ["1 ;a", "1;", "1;A=1", "1;a =1", "1;a= 1", "1;1a", "1;a=", "1;a=()"])
def test_bad_parameters_fail(text: str) -> None:
    """A key begins with a lower-case letter or an asterisk, and no space stands around its equals sign."""
    with pytest.raises(FieldSyntaxError):
        parse_item(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("a, b", "a, b"),
        ("a,b \t,\t c", "a, b, c"),
        ("(1 2), ()", "(1 2), ()"),
        ("(  1   2  );q=3", "(1 2);q=3"),
        ("(a;x b);y, c", "(a;x b);y, c"),
        ('"burst";q=100;w=60,"daily";q=1000;w=86400', '"burst";q=100;w=60, "daily";q=1000;w=86400'),
    ],
)
def test_lists(text: str, canonical: str) -> None:
    """Lists hold items and inner lists, with optional white space around commas."""
    assert serialize_list(parse_list(text)) == canonical


@pytest.mark.parametrize(
    "text", ["a,", ",a", "a,,b", "a b", "(1", "(1,2)", "(1 2", "(1)2", "((1))", "(1\t2)"]
)
def test_bad_lists_fail(text: str) -> None:
    """A comma at an end, a missing comma, or an inner list that is not closed spoils the whole list."""
    with pytest.raises(FieldSyntaxError):
        parse_list(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("a=1, b=2", "a=1, b=2"),
        ("a, b;x, c=?0", "a, b;x, c=?0"),
        ("a=1,b=2,a=3", "a=3, b=2"),
        ("a=(1 2);q, b", "a=(1 2);q, b"),
        ("a=?1", "a"),
        ("a=?1;q=2", "a;q=2"),
        ("u=1, i", "u=1, i"),
    ],
)
def test_dictionaries(text: str, canonical: str) -> None:
    """A member without a value is true; a key that comes again keeps its place and takes the last value."""
    assert serialize_dictionary(parse_dictionary(text)) == canonical


@pytest.mark.parametrize("text", ["a=1,", "A=1", "a =1", "a= 1", "=1", "a=1 b=2", "1=2", "a=", "a;=1"])
def test_bad_dictionaries_fail(text: str) -> None:
    """A dictionary with one bad member is no dictionary."""
    with pytest.raises(FieldSyntaxError):
        parse_dictionary(text)


@pytest.mark.parametrize(
    "value",
    [
        INTEGER_MAX + 1,
        -INTEGER_MAX - 1,
        Decimal(10) ** 12,
        Decimal("999999999999.9999"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal(10) ** 400,
        "tab\t",
        "ü",
        Token("no token"),
        Token(""),
        Token("1a"),
        DisplayString("\ud800"),
        Date(INTEGER_MAX + 1),
    ],
)
def test_values_outside_the_ranges_are_not_written(value: Any) -> None:
    """What the RFC's algorithms cannot write is refused, never bent."""
    with pytest.raises(FieldSyntaxError):
        serialize_item(Item(value))


def test_decimals_are_rounded_half_to_even() -> None:
    """More than three fraction digits are rounded, halves to the even neighbour (RFC 9651 §4.1.5)."""
    assert serialize_item(Item(Decimal("1.0005"))) == "1.0"
    assert serialize_item(Item(Decimal("1.0015"))) == "1.002"
    assert serialize_item(Item(Decimal("-1.0025"))) == "-1.002"


def test_bad_keys_are_not_written() -> None:
    """A parameter or member key that could not be read back is refused."""
    with pytest.raises(FieldSyntaxError):
        serialize_item(Item(1, {"Upper": 1}))
    with pytest.raises(FieldSyntaxError):
        serialize_dictionary({"": Item(1)})


KEYS = st.from_regex(r"[a-z*][a-z0-9_\-.*]{0,8}", fullmatch=True)
BARE = st.one_of(
    st.booleans(),
    st.integers(-INTEGER_MAX, INTEGER_MAX),
    st.decimals(-(10**11), 10**11, places=3, allow_nan=False, allow_infinity=False),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
    st.from_regex(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,12}", fullmatch=True).map(Token),
    st.binary(max_size=40),
    st.integers(-INTEGER_MAX, INTEGER_MAX).map(Date),
    st.text(st.characters(exclude_categories=["Cs"])).map(DisplayString),
)
ANY_ITEM = st.builds(Item, BARE, st.dictionaries(KEYS, BARE, max_size=3))
MEMBERS = st.one_of(
    ANY_ITEM,
    st.builds(InnerList, st.lists(ANY_ITEM, max_size=3).map(tuple), st.dictionaries(KEYS, BARE, max_size=2)),
)


@given(st.lists(MEMBERS, max_size=4))
def test_lists_survive_the_wire(members: list[Any]) -> None:
    """Whatever is written as a list is read back as the same list."""
    assert parse_list(serialize_list(members)) == members


@given(st.dictionaries(KEYS, MEMBERS, max_size=4))
def test_dictionaries_survive_the_wire(members: dict[str, Any]) -> None:
    """Whatever is written as a dictionary is read back as the same dictionary, in the same order."""
    found = parse_dictionary(serialize_dictionary(members))
    assert list(found.items()) == list(members.items())


@given(st.text(max_size=40))
def test_parsers_only_ever_refuse(text: str) -> None:
    """No input makes a parser fail otherwise than with its own error."""
    for parse in (parse_item, parse_list, parse_dictionary):
        try:
            parse(text)
        except FieldSyntaxError:
            continue
