"""The judge of sagas passes whole ones, forward and back, and finds each way of leaving one half done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from autobot.testing.history import Kind
from autobot.testing.history_sagas import Fact, Told, judge_sagas

EFFECTS = frozenset({"chats gone", "account gone"})


def forward(steps: int = 4) -> list[Fact]:
    """A saga that reached its end; the third step is the pivot."""
    facts = [Fact(what="started")]
    for step in range(steps):
        facts += [
            Fact(what="step_started", step=step, compensated_by=step < 2, pivot=step == 2),
            Fact(what="step_completed", step=step),
        ]
    return [*facts, Fact(what="completed")]


def back() -> list[Fact]:
    """A saga that failed at its second step and undid both."""
    return [
        *forward()[:4],
        Fact(what="step_failed", step=1),
        Fact(what="turned"),
        Fact(what="step_compensated", step=1),
        Fact(what="step_compensated", step=0),
        Fact(what="compensated"),
    ]


def done(facts: Sequence[Fact]) -> Told:
    """A saga whose effects are all there once."""
    return Told(saga="s", facts=facts, wanted=EFFECTS, left=dict.fromkeys(EFFECTS, 1))


def undone(facts: Sequence[Fact]) -> Told:
    """A saga that has left nothing."""
    return Told(saga="s", facts=facts, wanted=EFFECTS, left=dict.fromkeys(EFFECTS, 0))


def test_whole_sagas_pass() -> None:
    """Done whole, undone whole, undone before the first step was completed, settled by a person, and still going."""
    early = [*forward()[:2], Fact(what="turned"), Fact(what="step_compensated", step=0)]
    going = replace(undone(forward()[:3]), must_end=False)
    settled = [*forward()[:6], Fact(what="step_failed", step=2), Fact(what="settled")]
    sagas = [
        done(forward()),
        undone(back()),
        undone([*early, Fact(what="compensated")]),
        going,
        undone(settled),
    ]
    assert judge_sagas(sagas) == []


PLANTED: list[tuple[str, Callable[[], Told], Kind]] = [
    ("begins twice", lambda: done([Fact(what="started"), *forward()]), "doubled"),
    ("has no beginning", lambda: done(forward()[1:]), "lost"),
    ("never ends", lambda: done(forward()[:-1]), "unfinished"),
    ("ends twice", lambda: done([*forward(), Fact(what="completed")]), "doubled"),
    ("does a step twice", lambda: done([*forward()[:3], *forward()[2:]]), "doubled"),
    ("completes what had not begun", lambda: done([*forward()[:1], *forward()[2:]]), "invented"),
    ("skips a step's completion", lambda: done([*forward()[:2], *forward()[3:]]), "half"),
    ("undoes nothing", lambda: undone([*back()[:-3], Fact(what="compensated")]), "half"),
    ("undoes only one", lambda: undone([*back()[:-2], Fact(what="compensated")]), "half"),
    ("undoes the first first", lambda: undone([*back()[:-3], *back()[-3:-1][::-1], back()[-1]]), "reordered"),
    (
        "undoes without turning",
        lambda: undone([one for one in back() if one.what != "turned"]),
        "half",
    ),
    (
        "begins a step on the way back",
        lambda: undone(
            [
                *back()[:-1],
                Fact(what="step_started", step=3),
                Fact(what="step_compensated", step=3),
                back()[-1],
            ]
        ),
        "half",
    ),
    (
        "undoes beyond its pivot",
        lambda: undone(
            [
                *forward()[:7],
                Fact(what="turned"),
                *(Fact(what="step_compensated", step=one) for one in (1, 0)),
                Fact(what="compensated"),
            ]
        ),
        "half",
    ),
    ("is done and lacks an effect", lambda: replace(done(forward()), left={"chats gone": 1}), "half"),
    (
        "has an effect twice",
        lambda: replace(done(forward()), left={"chats gone": 2, "account gone": 1}),
        "doubled",
    ),
    ("is undone without a trace of it", lambda: replace(undone(back()), undone=frozenset({"kept"})), "half"),
    ("is undone and left something", lambda: replace(undone(back()), left={"account gone": 1}), "half"),
]


@pytest.mark.parametrize(("plant", "kind"), [one[1:] for one in PLANTED], ids=[one[0] for one in PLANTED])
def test_a_planted_fault_is_found_and_named(plant: Callable[[], Told], kind: Kind) -> None:
    """Each way to break a saga is found under its name."""
    assert kind in {one.kind for one in judge_sagas([plant()])}
