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


@dataclass(slots=True)
class RunHistory:
    """All that a run has done."""

    started: facts.RunStarted | None = None
    steps: dict[int, RecordedStep] = field(default_factory=dict)
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
            case facts.RunCompleted() | facts.RunFailed() | facts.RunStopped() | facts.RunInterrupted():
                self.end = fact

    @property
    def open_step(self) -> facts.StepStarted | None:
        """The step that was running when the process ended."""
        for step in self.steps.values():
            if step.completed is None and step.failed is None:
                return step.started
        return None

    def recorded(self, step: int, name: str, input_hash: str) -> RecordedStep | None:
        """Return what is recorded at this place; raise NonDeterminism when it is another step."""
        past = self.steps.get(step)
        if past is None:
            return None
        if (past.started.name, past.started.input_hash) != (name, input_hash):
            raise NonDeterminism(
                f"Step {step} was {past.started.name}; the definition of today asks for {name} there."
            )
        return past


def fold(events: Iterable[Any]) -> RunHistory:
    """Fold a run's facts."""
    history = RunHistory()
    for event in events:
        history.apply(event)
    return history
