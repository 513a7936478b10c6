"""Judges whether calls that overlapped look as if each had happened at one moment between its call and its answer.

The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's memory of what was
tried ("Testing for linearizability", 2017): walk the calls in the order of time, let one take effect, go on, turn
back where an answer would have come before its effect. Objects are judged one by one, as linearizability is local
(Herlihy and Wing, 1990). Knows no store.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autobot.testing.history import Finding

STEPS_MAX: Final = 2_000_000
"""Effects that are tried before the search gives up; histories are meant to be small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A call. `called` and `answered` are moments of one clock, equal for none of one object; `answered` None: never.

    `output` is what the client was told; None for a call that was never answered, which may have had its effect, or
    may have it later, or never.
    """

    client: str
    called: float
    answered: float | None
    input: Any
    output: Any = None


Model = Callable[[Any, Operation], Hashable | None]
"""From a state and an operation to the state after it, or None when it could not have had that output then.

An operation without an answer is always possible."""


class TooLong(Exception):
    """The history is too long, or too much of it overlaps, to be judged."""


@dataclass(slots=True)
class _Mark:
    """A call or an answer in the row of all moments."""

    number: int
    is_call: bool
    before: _Mark | None = None
    after: _Mark | None = None
    answer: _Mark | None = None


def _row(operations: Sequence[Operation]) -> _Mark:
    """Return the marks in the order of time behind a head; calls without an answer get theirs at the very end."""
    moments: list[tuple[float, int, _Mark]] = []
    for number, one in enumerate(operations):
        call, answer = _Mark(number, True), _Mark(number, False)
        call.answer = answer
        answered = float("inf") if one.answered is None else one.answered
        moments += [(one.called, 0, call), (answered, 1, answer)]
    head = last = _Mark(-1, True)
    for _, _, mark in sorted(moments, key=lambda moment: moment[:2]):
        last.after, mark.before, last = mark, last, mark
    return head


def _lift(mark: _Mark) -> None:
    """Take a mark out of the row; it remembers its neighbours."""
    assert mark.before is not None
    mark.before.after = mark.after
    if mark.after is not None:
        mark.after.before = mark.before


def _put_back(mark: _Mark) -> None:
    assert mark.before is not None
    mark.before.after = mark
    if mark.after is not None:
        mark.after.before = mark


def explained(operations: Sequence[Operation], model: Model, state: Hashable) -> bool:
    """Say whether one order of the effects explains every answer. Raises TooLong."""
    head = _row(operations)
    done, tried, steps = 0, set[tuple[int, Hashable]](), 0
    path: list[tuple[_Mark, Hashable]] = []
    wanted = sum(1 << number for number, one in enumerate(operations) if one.answered is not None)
    mark = head.after
    while done & wanted != wanted:
        assert mark is not None
        if mark.is_call:
            steps += 1
            if steps > STEPS_MAX:
                raise TooLong(f"{len(operations)} operations: {STEPS_MAX} steps were not enough")
            after = model(state, operations[mark.number])
            key = (done | 1 << mark.number, after)
            if after is not None and key not in tried:
                tried.add(key)
                path.append((mark, state))
                state, done = after, key[0]
                assert mark.answer is not None
                _lift(mark)
                _lift(mark.answer)
                mark = head.after
            else:
                mark = mark.after
            continue
        if not path:
            return False
        mark, state = path.pop()
        done &= ~(1 << mark.number)
        assert mark.answer is not None
        _put_back(mark.answer)
        _put_back(mark)
        mark = mark.after
    return True


def judge_linear(objects: Mapping[str, Sequence[Operation]], model: Model, state: Hashable) -> list[Finding]:
    """Return a finding for each object whose answers no order explains, with the shortest beginning that shows it."""
    found = []
    for name, operations in objects.items():
        if not explained(operations, model, state):
            shown = _shortest(operations, model, state)
            told = "; ".join(f"{one.client} {one.input} -> {one.output}" for one in shown[-6:])
            found.append(
                Finding("unlinearizable", f"{name}: no order explains {len(shown)} calls, at last {told}")
            )
    return found


def _shortest(operations: Sequence[Operation], model: Model, state: Hashable) -> list[Operation]:
    """Return the shortest beginning (by answers) that cannot be explained; what came later counts as unanswered."""
    ends = sorted(one.answered for one in operations if one.answered is not None)
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if explained(_until(operations, ends[middle]), model, state):
            low = middle + 1
        else:
            high = middle
    return sorted(
        (one for one in _until(operations, ends[low]) if one.answered is not None),
        key=lambda one: one.answered or 0.0,
    )


def _until(operations: Sequence[Operation], end: float) -> list[Operation]:
    made = []
    for one in operations:
        if one.called > end:
            continue
        known = one.answered is not None and one.answered <= end
        made.append(
            one if known else Operation(client=one.client, called=one.called, answered=None, input=one.input)
        )
    return made


# ------------------------------------------------------------------------------------------------- models


@dataclass(frozen=True, slots=True)
class AppendTo:
    """Append these ids to a stream that ends at `expected` (-1 is empty, None whatever it is)."""

    ids: tuple[str, ...]
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Read the stream; the output is its ids."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The append was refused: the stream ends at `current`."""

    current: int


def append_log(state: Any, operation: Operation) -> Hashable | None:
    """A stream: appended ids come last, in one piece; a wrong expectation changes nothing; a repeat is told the first
    outcome. The output of an append is the revision of its last id, or a Conflict."""
    ids: tuple[str, ...] = state
    match operation.input:
        case ReadAll():
            known = operation.answered is None or operation.output == ids
            return ids if known else None
        case AppendTo(new, expected):
            if new and new[0] in ids:
                place = ids.index(new[0])
                told: Any = place + len(new) - 1 if ids[place : place + len(new)] == new else None
                after = ids
            elif expected is not None and expected != len(ids) - 1:
                told, after = Conflict(len(ids) - 1), ids
            else:
                after = ids + new
                told = len(after) - 1
            return after if operation.answered is None or operation.output == told else None
    raise ValueError(f"a stream knows no {operation.input}")


@dataclass(frozen=True, slots=True)
class Set:
    """Write a value; its output is not looked at."""

    value: Any


@dataclass(frozen=True, slots=True)
class Get:
    """Read; the output is the value."""


def register(state: Any, operation: Operation) -> Hashable | None:
    """One value: a read gives what was written last. The state is a tuple of the value, so that None may be one."""
    match operation.input:
        case Set(value):
            return (value,)
        case Get():
            known = operation.answered is None or state == (operation.output,)
            return state if known else None
    raise ValueError(f"a register knows no {operation.input}")
