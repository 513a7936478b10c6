"""Judges sagas by their facts and by what they left in the world: done whole or undone whole. Knows no engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from autobot.testing.history import Finding, Kind

What = Literal[
    "started",
    "step_started",
    "step_completed",
    "step_failed",
    "turned",
    "step_compensated",
    "completed",
    "compensated",
    "settled",
]
ENDS: Final = ("completed", "compensated", "settled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of a saga, in the order of its stream. `step` numbers from 0 or 1; -1 for facts of the whole."""

    what: What
    step: int = -1
    compensated_by: bool = False
    pivot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A saga: its facts; whether its end was waited for; and its effects that are there, each with how many times.

    `wanted` are the effects that it has when it is done whole, `undone` those that its way back leaves.
    """

    saga: str
    facts: Sequence[Fact]
    wanted: frozenset[str] = frozenset()
    undone: frozenset[str] = frozenset()
    left: Mapping[str, int] = field(default_factory=dict)
    must_end: bool = True


def judge_sagas(sagas: Sequence[Told]) -> list[Finding]:
    """Return everything that is wrong; empty when every saga is whole."""
    return [finding for saga in sagas for finding in (*_facts(saga), *_way(saga), *_world(saga))]


def _end(saga: Told) -> str:
    return next((one.what for one in saga.facts if one.what in ENDS), "")


def _facts(saga: Told) -> Iterator[Finding]:
    """One beginning and one end, each step once, nothing done that was not begun."""
    kinds = [one.what for one in saga.facts]
    if kinds.count("started") != 1 or kinds[0] != "started":
        kind: Kind = "doubled" if kinds.count("started") > 1 else "lost"
        yield Finding(kind, f"{saga.saga} did not begin once: {kinds}")
    ends = [one for one in kinds if one in ENDS]
    if not ends and saga.must_end:
        yield Finding("unfinished", f"{saga.saga} has no end: {kinds}")
    if len(ends) > 1 or (ends and kinds[-1] != ends[0]):
        yield Finding("doubled", f"{saga.saga} goes on after its end: {kinds}")
    for what in ("step_started", "step_completed", "step_compensated", "turned"):
        for step, count in Counter(one.step for one in saga.facts if one.what == what).items():
            if count > 1:
                yield Finding("doubled", f"{saga.saga}: {what} of {step} stands {count} times")
    begun: set[int] = set()
    for one in saga.facts:
        if one.what == "step_started":
            begun.add(one.step)
        elif one.step >= 0 and one.step not in begun:
            yield Finding("invented", f"{saga.saga}: {one.what} of {one.step}, which had not begun")


def _way(saga: Told) -> Iterator[Finding]:
    """Forward in order; back over every step that was begun and can be undone, the last one first."""
    begun = [one for one in saga.facts if one.what == "step_started"]
    completed = [one.step for one in saga.facts if one.what == "step_completed"]
    undone = [one.step for one in saga.facts if one.what == "step_compensated"]
    if completed != sorted(completed):
        yield Finding("reordered", f"{saga.saga}: steps completed as {completed}")
    turn = next((number for number, one in enumerate(saga.facts) if one.what == "turned"), None)
    if turn is None:
        if undone:
            yield Finding("half", f"{saga.saga} undid {undone} and never turned back")
    elif any(one.what == "step_started" for one in saga.facts[turn:]):
        yield Finding("half", f"{saga.saga} began a step after it had turned back")
    if _end(saga) == "completed":
        missing = [one.step for one in begun if one.step not in completed]
        if missing or turn is not None:
            yield Finding("half", f"{saga.saga} is completed without its steps {missing}, turned: {turn}")
    if _end(saga) == "compensated":
        wanted = [one.step for one in reversed(begun) if one.compensated_by]
        if undone != wanted:
            kind: Kind = "reordered" if sorted(undone) == sorted(wanted) else "half"
            yield Finding(kind, f"{saga.saga} undid {undone} in place of {wanted}")
        if any(one.pivot and one.step in completed for one in begun):
            yield Finding("half", f"{saga.saga} is undone although its pivot was completed")


def _world(saga: Told) -> Iterator[Finding]:
    """All effects once, or none."""
    for effect, count in saga.left.items():
        if count > 1:
            yield Finding("doubled", f"{saga.saga} has its effect {effect} {count} times")
    there = {effect for effect, count in saga.left.items() if count}
    if _end(saga) == "completed" and there != saga.wanted:
        yield Finding("half", f"{saga.saga} is completed and has {sorted(there)} of {sorted(saga.wanted)}")
    if _end(saga) == "compensated" and there != saga.undone:
        yield Finding(
            "half", f"{saga.saga} is undone and has {sorted(there)} in place of {sorted(saga.undone)}"
        )
