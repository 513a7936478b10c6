"""A run's past as a replay needs it: folded from its facts, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.core.errors import Conflict
from autobot.kernel.sagas import facts


class NonDeterminism(Conflict):
    """The definition asks for another step than the one its history holds at this place."""

    code = "non-determinism"


@dataclass(slots=True)
class RecordedStep:
    """One step of the past."""

    started: facts.StepStarted
    completed: facts.StepCompleted | None = None
    failed: facts.StepFailed | None = None
    compensated: bool = False
    retried: dict[facts.Direction, facts.StepRetried] = field(default_factory=dict)

    def attempts(self, direction: facts.Direction) -> int:
        """Return how many attempts of this way have failed so far."""
        last = self.retried.get(direction)
        return last.attempt if last else 0


@dataclass(slots=True)
class RunHistory:
    """All that a run has done."""

    started: facts.RunStarted | None = None
    steps: dict[int, RecordedStep] = field(default_factory=dict)
    turned: facts.RunTurned | None = None
    stuck: facts.RunStuck | None = None
    signals: list[facts.SignalSent] = field(default_factory=list)
    end: Any = None
    revision: int = -1

    def apply(self, fact: Any) -> None:
        """Fold one fact; unknown and erased ones only count."""
        self.revision += 1
        match fact:
            case facts.RunStarted():
                self.started = fact
            case facts.StepStarted():
                self.steps[fact.step] = RecordedStep(fact)
            case facts.StepCompleted():
                self.steps[fact.step].completed = fact
            case facts.StepFailed():
                self.steps[fact.step].failed = fact
            case facts.StepRetried():
                self.steps[fact.step].retried[fact.direction] = fact
            case facts.StepCompensated():
                self.steps[fact.step].compensated = True
            case facts.RunTurned():
                self.turned = fact
            case facts.RunStuck():
                self.stuck = fact
            case facts.RunResumed():
                self._resume()
            case _ if isinstance(fact, facts.ENDS):
                self.end = fact

    def _resume(self) -> None:
        """Give what is stuck all its attempts again."""
        if self.stuck is not None:
            step = self.steps[self.stuck.step]
            step.retried.pop(self.stuck.direction, None)
            if self.stuck.direction == "forward":
                step.failed = None
            self.stuck = None

    @property
    def open_step(self) -> facts.StepStarted | None:
        """The step that was running when the process ended."""
        for step in self.steps.values():
            if step.completed is None and step.failed is None:
                return step.started
        return None

    @property
    def committed(self) -> bool:
        """Whether a pivot was completed, or may have been: from then on there is only the way forward."""
        return any(
            step.started.pivot and (step.failed is None or not step.failed.refused)
            for step in self.steps.values()
        )

    @property
    def failed_step(self) -> facts.StepFailed | None:
        """The step that failed finally, None when there is none."""
        for step in self.steps.values():
            if step.failed is not None:
                return step.failed
        return None

    def to_undo(self) -> list[facts.StepStarted]:
        """Return the started steps that have a compensation and are not compensated, the last one first."""
        return [
            step.started
            for _, step in sorted(self.steps.items(), reverse=True)
            if step.started.compensation and not step.compensated
        ]

    def signal(self, name: str) -> facts.SignalSent | None:
        """Return the first signal of that name."""
        return next((one for one in self.signals if one.name == name), None)

    def recorded(self, step: int, name: str, input_hash: str) -> RecordedStep | None:
        """Return what is recorded at this place; raise NonDeterminism when it is another step."""
        past = self.steps.get(step)
        if past is None:
            return None
        if past.started.name != name:
            raise NonDeterminism(
                f"Step {step} was {past.started.name}; the definition of today asks for {name} there."
            )
        if past.started.input_hash != input_hash:
            raise NonDeterminism(f"Step {step}, {name}, was begun with other input than it is given now.")
        return past


def fold(events: Iterable[Any]) -> RunHistory:
    """Fold a run's facts."""
    history = RunHistory()
    for event in events:
        history.apply(event)
    return history
