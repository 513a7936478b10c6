"""RFC 9651 by the cases of httpwg/structured-field-tests, in our words: every character in every place, and sizes.

The suite's generated files try each ASCII character inside strings, tokens and keys, numbers of every length, and
large structures; its others are tables of examples. `tests/unit/gateway/test_structured_fields.py` has more of the latter.
"""

from __future__ import annotations

import string
from decimal import Decimal
from typing import Any

import pytest

from autobot.gateway.structured_fields import (
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

ASCII = [chr(one) for one in range(0x80)]
TOKEN_FIRST = set(string.ascii_letters + "*")
TOKEN_REST = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~:/")
KEY_FIRST = set(string.ascii_lowercase + "*")
KEY_REST = set(string.ascii_lowercase + string.digits + "_-.*")


def fails(parse: Any, text: str) -> bool:
    """Say whether a text is refused as a whole."""
    try:
        parse(text)
    except FieldSyntaxError:
        return True
    return False


def test_each_character_in_a_string() -> None:
    """string-generated: printable characters pass, quote and backslash only escaped, nothing else can be escaped."""
    for one in ASCII:
        plain = " " <= one <= "~" and one not in '"\\'
        assert fails(parse_item, f'" {one} "') is not plain, repr(one)
        assert fails(parse_item, f'"\\{one}"') is (one not in '"\\'), repr(one)
        if " " <= one <= "~":
            assert parse_item(serialize_item(Item(one))).value == one
        else:
            with pytest.raises(FieldSyntaxError):
                serialize_item(Item(one))


def test_each_character_in_a_token() -> None:
    """token-generated: first and further characters, parsed and written."""
    for one in ASCII:
        for text, fine in ((f"a{one}a", one in TOKEN_REST), (f"{one}a", one in TOKEN_FIRST)):
            if fine:
                assert parse_item(text) == Item(Token(text))
                assert serialize_item(Item(Token(text))) == text
                continue
            with pytest.raises(FieldSyntaxError):
                serialize_item(Item(Token(text)))
            parsed = None if fails(parse_item, text) else parse_item(text)
            assert parsed is None or parsed != Item(Token(text)), repr(text)


def test_each_character_in_a_key() -> None:
    """key-generated: in dictionaries and in parameters of items and lists, first and further characters."""
    for one in ASCII:
        for key, fine in ((f"a{one}a", one in KEY_REST), (f"{one}a", one in KEY_FIRST)):
            if fine:
                assert parse_dictionary(f"{key}=1") == {key: Item(1)}
                assert parse_list(f"foo; {key}=1") == [Item(Token("foo"), {key: 1})]
                assert serialize_dictionary({key: Item(1)}) == f"{key}=1"
                continue
            with pytest.raises(FieldSyntaxError):
                serialize_dictionary({key: Item(1)})
            with pytest.raises(FieldSyntaxError):
                serialize_list([Item(1, {key: 1})])
            assert fails(parse_dictionary, f"{key}=1") or key not in parse_dictionary(f"{key}=1"), repr(key)


def test_each_character_in_a_display_string() -> None:
    """Printable characters pass, percent and quote only encoded, and encoded in lower case."""
    for one in ASCII:
        plain = " " <= one <= "~" and one not in '"%'
        assert fails(parse_item, f'%" {one} "') is not plain, repr(one)
        assert parse_item(f'%"%{ord(one):02x}"').value == DisplayString(one)
        assert serialize_item(Item(DisplayString(one))) == (f'%"{one}"' if plain else f'%"%{ord(one):02x}"')


def test_numbers_of_every_length() -> None:
    """number-generated: 1 to 15 digits; decimals of 1 to 12 and 1 to 3; one digit more is refused."""
    for digits in range(1, 20):
        for text in ("1" * digits, "-" + "0" * digits, "9" * digits):
            assert fails(parse_item, text) is (digits > 15)
            assert fails(parse_item, "@" + text) is (digits > 15)
        for fraction in range(5):
            text = "1" * digits + "." + "1" * fraction
            assert fails(parse_item, text) is not (digits <= 12 and 1 <= fraction <= 3), text


def test_large_structures() -> None:
    """large-generated: 1,024 members, 256 parameters and items, names of 64 and texts of 1,024 characters."""
    members = ", ".join(f"a{one}=1" for one in range(1024))
    assert serialize_dictionary(parse_dictionary(members)) == members
    assert list(parse_dictionary("k" * 64 + "=1")) == ["k" * 64]
    listed = ", ".join(f"a{one}" for one in range(1024))
    assert serialize_list(parse_list(listed)) == listed
    inner = "(" + " ".join(["1"] * 256) + ")"
    assert serialize_list(parse_list(inner)) == inner
    params = "foo" + "".join(f";a{one}=1" for one in range(256))
    assert serialize_item(parse_item(params)) == params
    for text in ('"' + "=" * 1024 + '"', "a" * 512, ":" + "YWFh" * 4096 + ":", '"' + '\\"' * 1024 + '"'):
        assert serialize_item(parse_item(text)) == text


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_item, "text/html;charset=utf-8", Item(Token("text/html"), {"charset": Token("utf-8")})),
        (parse_item, "1;b=?1", Item(1, {"b": True})),
        (parse_item, "@1659578233", Item(Date(1659578233))),
        (parse_item, '%"f%c3%bc%c3%bc"', Item(DisplayString("füü"))),
        (parse_item, '%"BOM: %ef%bb%bf"', Item(DisplayString("BOM: \ufeff"))),
        (parse_item, "5;foo=bar", Item(5, {"foo": Token("bar")})),
        (parse_list, "1 ,\t 42", [Item(1), Item(42)]),
        (parse_list, "abc_123;a=1;b=2; c", [Item(Token("abc_123"), {"a": 1, "b": 2, "c": True})]),
        (parse_list, '("foo"; a=1;b=2);lvl=5', [InnerList((Item("foo", {"a": 1, "b": 2}),), {"lvl": 5})]),
        (parse_list, "()", [InnerList(())]),
        (parse_list, "(  1  42  )", [InnerList((Item(1), Item(42)))]),
        (parse_dictionary, "a=1,b;foo=9,c=3", {"a": Item(1), "b": Item(True, {"foo": 9}), "c": Item(3)}),
        (parse_dictionary, 'a="foo, bar"', {"a": Item("foo, bar")}),
        (parse_dictionary, "rating=1.5, feelings=(joy sadness)", {
            "rating": Item(Decimal("1.5")),
            "feelings": InnerList((Item(Token("joy")), Item(Token("sadness")))),
        }),
        (parse_dictionary, "a=1,b=2,a=3", {"a": Item(3), "b": Item(2)}),
    ],
)  # fmt: skip
def test_examples_parse(parse: Any, text: str, value: Any) -> None:
    """Examples of the RFC and of the suite's tables become these values."""
    found = parse(text)
    assert found == value
    assert not isinstance(found, dict) or list(found) == list(value)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_item, "2,3"), (parse_item, "-a23"), (parse_item, "4-2"), (parse_item, "1..4"), (parse_item, "1.5.4"),
        (parse_item, "00.1234"), (parse_item, "?0;a="), (parse_item, ":aGVsb G8=:"), (parse_item, ":aGVsbG!8=:"),
        (parse_item, "@1659578233.12"), (parse_item, "@0x62EB57F9"), (parse_item, "?-1"), (parse_item, "?true"),
        (parse_item, '%"%e2%28%a1"'), (parse_item, '%"%f0%28%8c%28"'), (parse_item, '%"%a0%a1"'),
        (parse_item, "%'foo'"), (parse_item, "\t1"), (parse_item, '"foo";bar;'), (parse_item, "a;b ;c"),
        (parse_list, "1,,42"), (parse_list, ",1"), (parse_list, "1,"), (parse_list, "(abc"), (parse_list, "(1 42"),
        (parse_list, "(1, 42)"), (parse_list, '("a"\t"b")'), (parse_list, "(a) (b)"), (parse_list, "text/html;q =1"),
        (parse_dictionary, "a=1,,b=2"), (parse_dictionary, "a=1,b=2,"), (parse_dictionary, "a =1"),
        (parse_dictionary, "a= 1"), (parse_dictionary, "a=1;"), (parse_dictionary, "a=,b=2"), (parse_dictionary, "=1"),
    ],
)  # fmt: skip
def test_flawed_fields_fail_whole(parse: Any, text: str) -> None:
    """What the suite's tables say must fail, fails as a whole."""
    assert fails(parse, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.0015"), "0.002"), (Decimal("0.0025"), "0.002"), (Decimal("-0.0015"), "-0.002"),
        (Decimal("-0.0025"), "-0.002"), (Decimal("9999999999.9996"), "10000000000.0"), (Decimal("1E+2"), "100.0"),
        (Decimal(1), "1.0"), (-999_999_999_999_999, "-999999999999999"), (10**15, None), (-(10**15), None),
        (Decimal("1000000000000.1"), None), (Decimal("999999999999.9996"), None), (1.5, None), (None, None),
        (Date(-1), "@-1"), (b"", "::"), (b"\x00\xff", ":AP8=:"), (True, "?1"),
    ],
)  # fmt: skip
def test_values_are_written_or_refused(value: Any, text: str | None) -> None:
    """serialisation-tests: rounding to even, sizes, and values that no field can hold."""
    if text is None:
        with pytest.raises(FieldSyntaxError):
            serialize_item(Item(value))
    else:
        assert serialize_item(Item(value)) == text
