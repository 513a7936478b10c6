"""Core: ids, canonical JSON, validation, cursors, errors."""

from __future__ import annotations

import ast
import inspect
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import pytest
from annotated_types import Ge, Le, Len
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core import errors
from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.clock import parse_rfc3339, rfc3339
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.failure import failure_of
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.core.message import parse_type
from autobot.kernel.core.validate import Pattern, validate


class SteppingClock:
    """A clock that a test moves by hand, backwards too."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 2, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the wall time."""
        return self.wall

    def monotonic(self) -> float:
        """Return seconds."""
        return 0.0


@given(st.lists(st.integers(min_value=-5, max_value=5), min_size=1, max_size=200), st.integers())
def test_ids_sort_in_creation_order(steps: list[int], seed: int) -> None:
    """Ids of one source are UUIDv7 and sort in creation order even when the wall clock steps back."""
    clock = SteppingClock()
    source = Uuid7Source(clock, random.Random(seed))
    ids = []
    for step in steps:
        clock.wall += timedelta(milliseconds=step)
        ids.append(source.new())
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {(UUID(one).version, UUID(one).variant) for one in ids} == {(7, "specified in RFC 4122")}


def test_ids_outlast_the_counter_of_a_millisecond() -> None:
    """More ids than the counter holds go on in the next millisecond, still in order."""
    source = Uuid7Source(SteppingClock(), random.Random(1))
    ids = [source.new() for _ in range(5000)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (1e-27, "1e-27"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (-1.5, "-1.5"),
        (9007199254740993, "9007199254740992"),
    ],
)
def test_canonical_numbers_are_written_as_ecmascript_does(value: float, text: str) -> None:
    """The number samples of RFC 8785 appendix B (and some edges) come out to the letter."""
    assert canonical_json(value).decode() == text


def test_canonical_objects_sort_by_utf16() -> None:
    """The sorting sample of RFC 8785 §3.2.3: keys sort by UTF-16 code units, not by code points."""
    given_object = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    order = list(json.loads(canonical_json(given_object)).values())
    assert order == [2, 4, 6, 7, 1, 5, 3]


_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json)
def test_canonical_json_reads_back(value: object) -> None:
    """Canonical bytes are JSON of the same value, and canonical again."""
    once = canonical_json(value)
    assert json.loads(once, parse_int=float) == value
    assert canonical_json(json.loads(once)) == once


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", object()])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    """Canonical JSON refuses instead of inventing a form."""
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


def test_fingerprints_do_not_join_parts() -> None:
    """Two part lists with the same concatenation have different fingerprints."""
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    name: Annotated[str, Len(1, 3), Pattern("[a-z]+")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outer:
    count: Annotated[int, Ge(1), Le(5)]
    kind: Literal["a", "b"]
    inner: _Inner
    many: tuple[_Inner, ...] = ()
    maybe: Annotated[str, Len(2, 4)] | None = None


def test_validate_names_every_broken_rule_by_pointer() -> None:
    """A contract that breaks several rules is refused with a JSON Pointer for each."""
    wrong = _Outer(
        count=9,
        kind="c",  # type: ignore[arg-type]
        inner=_Inner(name="TOOLONG"),
        many=(_Inner(name="ok"), _Inner(name="")),
        maybe="x",
    )
    with pytest.raises(errors.InvalidInput) as caught:
        validate(wrong)
    assert {one.pointer for one in caught.value.errors} == {
        "#/count",
        "#/kind",
        "#/inner/name",
        "#/many/1/name",
        "#/maybe",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    grades: Mapping[Annotated[str, Len(1, 4)], Annotated[int, Ge(0), Le(3)]]


def test_validate_looks_into_what_is_named() -> None:
    """Names and values of a mapping have their own rules; a pointer escapes what is special in a name."""
    validate(_Named(grades={"a": 0, "b": 3}))
    with pytest.raises(errors.InvalidInput) as caught:
        validate(_Named(grades={"a": 4, "b": True, "a/b~": 9, "toolong": 1, "ok": 1}))
    assert [one.pointer for one in caught.value.errors] == [
        "#/grades/a",
        "#/grades/b",
        "#/grades/a~1b~0",
        "#/grades/toolong",
    ]
    with pytest.raises(errors.InvalidInput):
        validate(_Named(grades=[1]))  # type: ignore[arg-type]


def test_validate_refuses_wrong_types_and_accepts_right_ones() -> None:
    """True is no number and a number is no text; a right contract passes."""
    validate(_Outer(count=1, kind="a", inner=_Inner(name="ab"), maybe=None))
    with pytest.raises(errors.InvalidInput):
        validate(_Outer(count=True, kind="a", inner=_Inner(name="ab")))
    with pytest.raises(errors.InvalidInput):
        validate(_Outer(count=1, kind="a", inner=_Inner(name=5)))  # type: ignore[arg-type]


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_cursors_read_back(place: list[str]) -> None:
    """A cursor holds its place."""
    assert decode_cursor(encode_cursor(*place), len(place)) == tuple(place)


@given(st.text())
def test_forged_cursors_are_refused_or_harmless(text: str) -> None:
    """Any text is either a place of texts or refused as invalid input; nothing else is raised."""
    try:
        place = decode_cursor(text, 2)
    except errors.InvalidInput:
        return
    assert place is not None
    assert len(place) == 2


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """The drawing in the module's docstring names every class once, indented under its parent."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.replace("│", " ").replace("├─", "  ").replace("└─", "  ")
        word = name.split()[0] if name.split() else ""
        kind = getattr(errors, word, None)
        if isinstance(kind, type) and issubclass(kind, errors.AutoBotError):
            depth = (len(name) - len(name.lstrip()) - 4) // 3
            path[depth:] = [word]
            drawn[word] = path[depth - 1] if depth else "Exception"
    tree = ast.parse(inspect.getsource(errors))
    real = {
        node.name: ast.unparse(node.bases[0])
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name != "FieldError"
    }
    assert drawn == real


def test_error_codes_are_stable_words_and_unique() -> None:
    """Each class has its own code of lower-case words."""
    codes = [kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")]
    assert len(codes) == len(set(codes))
    assert all(code.replace("-", "").isalpha() and code.islower() for code in codes)


def test_a_foreign_exception_is_told_without_its_text() -> None:
    """What is not of the tree may hold secrets: only the id is told."""
    failure = failure_of(RuntimeError("password=hunter2"), "c-1")
    assert (failure.code, failure.correlation_id) == ("internal", "c-1")
    assert "hunter2" not in failure.detail


def test_times_are_written_and_read_in_utc() -> None:
    """RFC 3339 with Z; a time without an offset is refused."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)
    assert rfc3339(moment) == "2026-01-02T03:04:05.000600Z"
    assert parse_rfc3339("2026-01-02T04:04:05.000600+01:00") == moment
    with pytest.raises(ValueError, match="offset"):
        parse_rfc3339("2026-01-02T03:04:05")
    assert parse_rfc3339("2026-01-02t03:04:05.0006z") == moment
    for iso in ("2026-W01-5T03:04:05Z", "2026-01-02T03:04Z", "20260102T030405Z", "2026-01-02 03:04:05Z"):
        with pytest.raises(ValueError, match="offset"):
            parse_rfc3339(iso)


@pytest.mark.parametrize(
    "name", ["autobot.chat.Posted.v1", "autobot.chat.posted", "x.chat.posted.v1", "autobot.chat.posted.v0"]
)
def test_event_types_have_one_form(name: str) -> None:
    """Anything but autobot.<context>.<fact>.v<n> is refused."""
    assert parse_type("autobot.chat.posted.v12") == ("chat", "posted", 12)
    with pytest.raises(ValueError, match="autobot"):
        parse_type(name)
