"""Booleans and numbers in bodies are of the kind that the document says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from autobot.gateway.exact import OTHER_KIND, exact


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
