"""What is said of values that do not fit their type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import pytest

from autobot.kernel.core.decoding import misfit
from autobot.kernel.core.validate import validate


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part."""

    text: str


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    query: str
    documents: list[str | Part] = []
    top: int | None = None
    mode: Literal["a", "b"] = "a"
    share: float = 0.0


@pytest.mark.parametrize(
    ("body", "told", "pointer"),
    [
        (b'{"query": ["x"]}', "query must be a string, and is an array.", "#/query"),
        (b'{"query": "x", "top": "1"}', "top must be a whole number or null, and is a string.", "#/top"),
        (b'{"query": "x", "share": true}', "share must be a number, and is true or false.", "#/share"),
        (
            b'{"query": "x", "documents": ["a", 1]}',
            "documents/1 must be a string or an object, and is a whole number.",
            "#/documents/1",
        ),
        (b'{"query": "x", "documents": [{}]}', "documents/0/text is missing.", "#/documents/0/text"),
        (b'{"query": "x", "mode": "c"}', "mode must not be 'c': that is none of its values.", "#/mode"),
        (b'{"query": "x", "a/b": 1}', "a~1b is not a parameter that is known here.", "#/a~1b"),
        (b"[]", "The input must be an object, and is an array.", "#"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(body: bytes, told: str, pointer: str) -> None:
    """One sentence names the member, what it takes and what it was given; the pointer leads there."""
    with pytest.raises(msgspec.ValidationError) as broken:
        msgspec.json.decode(body, type=Body)
    found = misfit(broken.value)
    assert (str(found), [one.pointer for one in found.errors]) == (told, [pointer])


@dataclass(frozen=True, kw_only=True)
class Two:
    """Two members."""

    name: str
    count: int


def test_the_sentence_of_many_broken_rules_says_the_first() -> None:
    """Who gets the sentence alone still learns what to mend, and that there is more."""
    with pytest.raises(Exception, match=r"^name must be a string \(1 more rule is broken\)\.$"):
        validate(Two(name=1, count="x"))  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"^count must be a whole number\.$"):
        validate(Two(name="x", count=True))
