"""A saga as people see it, folded from its facts with their times. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, cast

from autobot.contracts import sagas
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.failure import Failure
from autobot.kernel.sagas import facts

KINDS: Final = frozenset({"saga", "timer", "signal"})
WRITTEN_DUE: Final = ":due"
"""Ends the name of the step in which the end of a timer or of a wait is written down: part of that one."""
Plan = tuple[facts.PlannedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """State of one saga. `revision` is that of its stream, -1 when there is none."""

    id: str
    revision: int = -1
    definition: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    plan: Plan = ()
    state: sagas.SagaState = "queued"
    started_at: str = ""
    ended_at: str | None = None
    error: Failure | None = None
    steps: tuple[sagas.SagaStep, ...] = ()
    turned_at: str | None = None
    turned_by: str | None = None
    settled_by: str | None = None
    reason: str | None = None

    # ------------------------------------------------------------------------------------------- reading

    @property
    def committed(self) -> bool:
        """Whether a pivot has begun."""
        return any(one.pivot for one in self.steps)

    @property
    def can_stop(self) -> bool:
        """Whether it can still turn back."""
        return self.state in ("queued", "running") and not self.committed

    @property
    def stuck(self) -> bool:
        """Whether it waits for a person."""
        return self.state in ("failed_compensation", "failed_forward")

    def require_stuck(self) -> None:
        """Raise Conflict unless it waits for a person."""
        if not self.stuck:
            raise Conflict(f"This saga is {self.state}; it does not wait for a decision.")

    def require_stoppable(self) -> None:
        """Raise Conflict when it cannot turn back any more."""
        if not self.can_stop:
            why = "is beyond the point of no return" if self.committed else f"is {self.state}"
            raise Conflict(f"This saga {why}; it cannot be stopped.")

    def path(self, today: Plan) -> tuple[sagas.Planned, tuple[sagas.SagaPathStep, ...]]:
        """Return where its whole way is known from, and the way; `today` stands in for a plan that was not recorded."""
        begun = [one for one in self.steps if not one.name.endswith(WRITTEN_DUE)]
        names = [one.name for one in begun]
        planned: sagas.Planned = "recorded" if self.plan else "today"
        plan = self.plan or today
        if not plan or names != [one.name for one in plan[: len(names)]]:
            return "unknown", tuple(_walked(one, None) for one in begun)
        walked = [_walked(one, meant) for one, meant in zip(begun, plan, strict=False)]
        onward = self.turned_at is None and self.ended_at is None
        return planned, (*walked, *(_ahead(one, onward=onward) for one in plan[len(names) :]))

    def detail(self, today: Plan = ()) -> sagas.SagaDetail:
        """Return the saga with its steps; `today` are those of its definition as this version has it."""
        planned, path = self.path(today)
        return sagas.SagaDetail(
            saga=sagas.SagaView(
                id=self.id,
                definition=self.definition,
                state=self.state,
                subject=subject_of(self.input),
                started_at=self.started_at,
                ended_at=self.ended_at,
                error=self.error,
            ),
            steps=self.steps,
            turned_at=self.turned_at,
            turned_by=self.turned_by,
            settled_by=self.settled_by,
            reason=self.reason,
            can_stop=self.can_stop,
            can_retry=self.stuck,
            can_settle=self.stuck,
            path=path,
            planned=planned,
        )

    # ------------------------------------------------------------------------------------------- folding

    def apply(self, fact: Any, time: datetime) -> Saga:
        """Return the state after one fact. Unknown and erased facts only count."""
        saga, at = replace(self, revision=self.revision + 1), rfc3339(time)
        match fact:
            case facts.RunStarted():
                begun = replace(saga, definition=fact.definition, plan=fact.plan)
                return replace(begun, input=fact.input, started_at=at)
            case facts.StepStarted() if fact.kind in KINDS:
                return replace(saga, state="running", steps=(*saga.steps, _begun(fact, at)))
            case facts.StepRetried():
                return saga._retried(fact)
            case facts.StepCompleted():
                return saga._step(fact.step, state="completed", ended_at=at, due=None, error=None)
            case facts.StepFailed():
                return saga._step(fact.step, state="failed", ended_at=at, due=None, error=fact.error)
            case facts.RunTurned():
                by = fact.by or None
                steps = tuple(_turned(one, at) for one in saga.steps)
                turned = replace(saga, steps=steps, turned_at=at, turned_by=by, error=fact.error)
                return replace(turned, state="compensating")
            case facts.StepCompensated():
                return saga._step(fact.step, state="undone", ended_at=at, due=None, error=None)
        return saga._ended(fact, at)

    def _ended(self, fact: Any, at: str) -> Saga:
        match fact:
            case facts.RunStuck():
                state = "failed_forward" if fact.direction == "forward" else "failed_compensation"
                stuck = replace(self, state=cast("sagas.SagaState", state), error=fact.error)
                return stuck._step(fact.step, state="stuck", due=None, error=fact.error)
            case facts.RunResumed():
                forward = self.state == "failed_forward"
                steps = tuple(_again(one, "running" if forward else "undoing") for one in self.steps)
                return replace(self, state="running" if forward else "compensating", steps=steps)
            case facts.RunCompleted():
                return replace(self, state="completed", ended_at=at, error=None)
            case facts.RunCompensated():
                return replace(self, state="compensated", ended_at=at)
            case facts.RunSettled():
                return replace(self, state="settled", ended_at=at, settled_by=fact.by, reason=fact.reason)
        return self

    def _retried(self, fact: facts.StepRetried) -> Saga:
        due, error = rfc3339(fact.due), fact.error
        if fact.direction == "forward":
            return self._step(fact.step, state="retrying", attempts=fact.attempt, due=due, error=error)
        return self._step(fact.step, state="undoing", undo_attempts=fact.attempt, due=due, error=error)

    def _step(self, number: int, **fields: Any) -> Saga:
        changed = (replace(one, **fields) if one.number == number else one for one in self.steps)
        return replace(self, steps=tuple(changed))


def _begun(fact: facts.StepStarted, at: str) -> sagas.SagaStep:
    return sagas.SagaStep(
        number=fact.step,
        name=fact.name,
        kind=cast("Literal['saga', 'timer', 'signal']", fact.kind),
        state="running",
        started_at=at,
        ended_at=None,
        attempts=0,
        undo_attempts=0,
        due=fact.detail if isinstance(fact.detail, str) else None,
        compensation=fact.compensation,
        pivot=fact.pivot,
        error=None,
    )


def _walked(step: sagas.SagaStep, meant: facts.PlannedStep | None) -> sagas.SagaPathStep:
    return sagas.SagaPathStep(
        name=step.name,
        kind=step.kind,
        state=step.state,
        number=step.number,
        compensation=step.compensation,
        pivot=step.pivot,
        timeout_s=None if meant is None else meant.timeout_s,
        attempts=None if meant is None else meant.attempts,
        undo_attempts=None if meant is None else meant.undo_attempts,
    )


def _ahead(meant: facts.PlannedStep, *, onward: bool) -> sagas.SagaPathStep:
    return sagas.SagaPathStep(
        name=meant.name,
        kind=meant.kind,
        state="to_come" if onward else "not_reached",
        number=None,
        compensation=meant.compensation,
        pivot=meant.pivot,
        timeout_s=meant.timeout_s,
        attempts=meant.attempts,
        undo_attempts=meant.undo_attempts,
    )


def _turned(step: sagas.SagaStep, at: str) -> sagas.SagaStep:
    """Return a step as the saga turns back: one that had only begun is left where nothing is to be undone."""
    if step.compensation or step.state not in ("running", "retrying"):
        return step
    return replace(step, state="left", due=None, ended_at=at)


def _again(step: sagas.SagaStep, state: sagas.StepState) -> sagas.SagaStep:
    if step.state != "stuck":
        return step
    return replace(step, state=state, attempts=0, undo_attempts=0, error=None)


def fold(saga_id: str, events: Iterable[tuple[Any, datetime]]) -> Saga:
    """Fold a saga from its facts and their times."""
    saga = Saga(id=saga_id)
    for fact, time in events:
        saga = saga.apply(fact, time)
    return saga


def subject_of(given: dict[str, Any]) -> str:
    """Return whom or what a saga is about: the first text of its input."""
    return next((str(one) for one in given.values() if isinstance(one, str)), "")
