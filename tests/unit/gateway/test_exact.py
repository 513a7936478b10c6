"""Members, booleans and numbers in bodies are what the document says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from autobot.gateway.exact import OTHER_KIND, exact, read
from autobot.kernel.core.errors import InvalidInput, Malformed


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a body."""

    first: bool = False
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body with places of every kind."""

    limit: Annotated[int, Ge(0)] = 1
    parts: tuple[Part, ...] = ()
    grades: Mapping[str, int] | None = None
    either: bool | int = 1
    word: str = ""
    mode: Literal["a", 1] = "a"
    anything: Any = None


SOUND: list[dict[str, Any]] = [
    {},
    {"limit": 3},
    {"limit": 3.0},
    {"parts": [{"first": True, "share": 1}, {"share": None}]},
    {"grades": {"a/b": 2}},
    {"grades": None},
    {"either": True},
    {"either": 2},
    {"mode": 1},
    {"anything": [True, {"limit": True}]},
    {"limit": None, "word": True, "unknown": True, "parts": {"first": 1}},
]
"""The last one is wrong in ways that validation finds."""


@pytest.mark.parametrize("body", SOUND)
def test_what_is_of_its_kind_passes(body: dict[str, Any]) -> None:
    """It stays as it is, and what is no matter of booleans and numbers is left to validation."""
    assert exact(body, Body) == body


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"limit": True}, {"limit": OTHER_KIND}),
        ({"limit": "3", "word": "x"}, {"limit": OTHER_KIND, "word": "x"}),
        ({"parts": [{}, {"first": 1}]}, {"parts": [{}, {"first": OTHER_KIND}]}),
        ({"parts": [{"first": "yes"}]}, {"parts": [{"first": OTHER_KIND}]}),
        ({"parts": [{"share": False}]}, {"parts": [{"share": OTHER_KIND}]}),
        ({"grades": {"a/b": True, "c": 2}}, {"grades": {"a/b": OTHER_KIND, "c": 2}}),
        ({"either": "2"}, {"either": OTHER_KIND}),
    ],
)
def test_another_kind_is_taken_out(body: dict[str, Any], left: dict[str, Any]) -> None:
    """Only that is; and what stands there then is taken by validation for nothing."""
    assert exact(body, Body) == left
    with pytest.raises(ValidationError):
        TypeAdapter(Body).validate_python(left)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b'{"limti": 3}', ["#/limti"]),
        (b'{"limti": 3, "limit": "x", "word": 1}', ["#/limti"]),
        (b'{"a/b~": 1, "": 2}', ["#/a~1b~0", "#/"]),
        (b'{"parts": [{}, {"first": true, "frist": 1}], "more": {}}', ["#/parts/1/frist", "#/more"]),
        (b'{"%s": 1}' % (b"x" * 5000), ["#/" + "x" * 80]),
        (b"{%s}" % b",".join(b'"m%d": 1' % n for n in range(1000)), [f"#/m{n}" for n in range(20)]),
    ],
)
def test_members_that_nobody_reads_are_refused(body: bytes, places: list[str]) -> None:
    """Each is named by its place, shortened, and a thousand of them make no longer answer than twenty."""
    with pytest.raises(InvalidInput) as refused:
        read(body, Body)
    assert [one.pointer for one in refused.value.errors] == places


def test_what_was_meant_is_told() -> None:
    """The name that is near comes first, then all that are known at that place."""
    with pytest.raises(InvalidInput) as refused:
        read(b'{"parts": [{"shrae": 1}]}', Body)
    assert str(refused.value) == "There is no member 'shrae' in this body."
    assert refused.value.hint == "Did you mean share? These are known: first, share."


@pytest.mark.parametrize(
    "body", [b'{"grades": {"any name": 1}}', b'{"anything": {"any": {"name": 1}}}', b"[]", b"3"]
)
def test_names_that_are_free_stay_free(body: bytes) -> None:
    """Names of a mapping are its own, what may be anything has any member, and no object is a matter of validation."""
    read(body, Body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"word": "a" "b"}', "it breaks at character 13"),
        (b"", "it breaks at character 0"),
        ('{"word": "Straße"}'.encode("latin-1"), "its byte 14 (0xDF) is not UTF-8"),
        ('{"word": "x"}'.encode("utf-16"), "its byte 0 (0xFF) is not UTF-8"),
        (
            b'\xef\xbb\xbf{"word": "x"}',
            "it begins with a byte order mark, which JSON has not (RFC 8259 §8.1)",
        ),
        (b'{"word": "\xed\xa0\x80"}', "its byte 10 (0xED) is not UTF-8"),
        (b'{"limit": NaN}', "it breaks at character 10"),
    ],
)
def test_where_a_body_stops_being_json_is_told(body: bytes, why: str) -> None:
    """In another encoding it is the byte that says so; no character 0 is blamed for all of it."""
    with pytest.raises(Malformed) as refused:
        read(body, Body)
    assert str(refused.value) == f"The body is not JSON: {why}."
