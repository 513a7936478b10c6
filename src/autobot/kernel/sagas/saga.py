"""A saga: steps with compensations, carried out by the run engine (Garcia-Molina and Salem, 1987).

Forward, step by step, each tried again by its policy. When one fails finally, or somebody stops the saga
before its pivot, every step that was started is compensated, the last one first. Beyond the pivot there is
only the way forward. What fails finally where nothing can turn any more waits for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.clock import parse_rfc3339, rfc3339
from autobot.kernel.core.errors import AttemptTimeout, Interrupted
from autobot.kernel.core.failure import failure_of
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import REFUSED, Ended, Outcome, Run

STOP: Final = "stop"
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetry:
    """How often a step or a compensation is tried, and the pauses between. Raises ValueError outside the ranges.

    `attempts` in all (1–1000); the pause after the first failure is `first_s`, each further one `factor` times
    the last, at most `cap_s` (0 < first ≤ cap ≤ a day, factor ≥ 1).
    """

    attempts: int = 5
    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 100.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 1000 or self.factor < 1:
            raise ValueError("attempts are 1 to 1000, the factor is at least 1")
        if not 0 < self.first_s <= self.cap_s <= DAY_S:
            raise ValueError("the first pause is above 0 and at most the cap, which is at most a day")

    def pause(self, failed: int) -> float:
        """Return the seconds between the `failed`-th failure (from 1) and the next attempt."""
        return min(self.cap_s, self.first_s * self.factor ** min(failed - 1, 64))


COMPENSATION: Final = StepRetry(attempts=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `action` and `compensation` may be called again after a crash: the key `run.key(name)`, and for
    compensations `run.key("undo:" + name)`, is the same then, and what they ask for happens once.

    `compensation` must accept that the step never happened. `pivot`: once done, the saga cannot turn back.
    `timeout_s` bounds an attempt; it is then taken as failed, although it may have happened. `asked`: the request for
    the saga did it already, so it is undone even when the saga is turned back before it began; only a first step can.
    """

    name: str
    action: Callable[[Run], Awaitable[Any]]
    compensation: Callable[[Run], Awaitable[None]] | None = None
    pivot: bool = False
    asked: bool = False
    retry: StepRetry = field(default_factory=StepRetry)
    undo_retry: StepRetry = COMPENSATION
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Wait until `due(run)`; the time is decided once and kept over restarts."""

    name: str
    due: Callable[[Run], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Wait until somebody sends `signal`, at most `timeout_s`; its payload is the step's output, None when it never came."""

    name: str
    signal: str
    timeout_s: float


class Saga:
    """A definition made of steps. Implements `Definition`. Raises ValueError for doubled names."""

    table = facts.SAGAS
    resumes = True

    def __init__(
        self, name: str, steps: tuple[Step | Timer | Signal, ...], *, budget: float = 30 * DAY_S
    ) -> None:
        names = [one.name for one in steps]
        if len(set(names)) < len(names):
            raise ValueError(f"two steps of {name} carry one name")
        if any(isinstance(one, Step) and one.asked for one in steps[1:]):
            raise ValueError(f"only the first step of {name} can be done by who asks for it")
        self.name, self.steps, self.budget = name, steps, budget
        self.plan = tuple(map(_planned, steps))
        self._by_name = {one.name: one for one in steps if isinstance(one, Step)}

    # ------------------------------------------------------------------------------------------- forward

    async def execute(self, run: Run) -> None:
        """Go forward from where the history ends. Does nothing when the saga has turned or failed already."""
        if run.history.turned is not None or run.history.failed_step is not None:
            raise Interrupted("The saga had failed before.")
        for one in self.steps:
            match one:
                case Step():
                    run.outputs[one.name] = await self._forward(run, one)
                case Timer():
                    await self._sleep(run, one.name, one.due(run))
                case Signal():
                    run.outputs[one.name] = await self._wait(run, one)

    async def _forward(self, run: Run, step: Step) -> Any:
        number = run.next_step

        async def work() -> Any:
            return await _persist(run, number, step.name, "forward", step.action, step.retry, step.timeout_s)

        return await run.step(
            step.name,
            "saga",
            work,
            Any,
            resumable=True,
            compensation=step.compensation is not None,
            pivot=step.pivot,
            lazy=True,
        )

    async def _sleep(self, run: Run, name: str, due: datetime) -> None:
        kept = await run.step(
            f"{name}:due", "timer", lambda: _now(rfc3339(due)), str, resumable=True, lazy=True
        )
        until = parse_rfc3339(kept)
        await run.step(
            name, "timer", lambda: _sleep_until(run, until), type(None), resumable=True, detail=kept
        )

    async def _wait(self, run: Run, step: Signal) -> Any:
        due = rfc3339(run.clock.now() + timedelta(seconds=step.timeout_s))
        kept = await run.step(f"{step.name}:due", "timer", lambda: _now(due), str, resumable=True, lazy=True)
        until = parse_rfc3339(kept)

        async def work() -> Any:
            while (sent := run.history.signal(step.signal)) is None:
                run.told.clear()
                left = (until - run.clock.now()).total_seconds()
                if left <= 0:
                    return None
                try:
                    async with asyncio.timeout(left):
                        await run.told.wait()
                except TimeoutError:
                    continue
            return {"by": sent.by, "payload": sent.payload}

        return await run.step(step.name, "signal", work, Any, resumable=True, detail=kept, lazy=True)

    # ------------------------------------------------------------------------------------------ backward

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        """Compensate every step that was started, unless the pivot is behind us."""
        history = run.history
        if outcome.state == "completed" and history.turned is None:
            return outcome
        if history.committed and history.turned is None:
            return await self._stuck_forward(run, outcome)
        if history.turned is None:
            failed = history.failed_step
            error = failed.error if failed is not None else outcome.error
            turned = facts.RunTurned(run_id=run.id, cause=outcome.state, error=error, by=run.stopped_by or "")
            await self._note_asked(run)
            await run.append(run, turned)
        for started in history.to_undo():
            stuck = await self._undo(run, started)
            if stuck is not None:
                return stuck
        return Outcome(state="compensated", error=history.turned.error if history.turned else None)

    async def _note_asked(self, run: Run) -> None:
        """Write that the first step had begun, when who asked for the saga did it and the saga never came to it."""
        first = self.steps[0]
        if not (isinstance(first, Step) and first.asked) or run.history.steps:
            return
        await run.append(
            run,
            facts.StepStarted(
                run_id=run.id,
                step=0,
                name=first.name,
                kind="saga",
                input_hash=fingerprint(canonical_json(None)),
                resumable=True,
                compensation=first.compensation is not None,
            ),
        )

    async def _undo(self, run: Run, started: facts.StepStarted) -> Outcome | None:
        step = self._by_name.get(started.name)
        undo = step.compensation if step is not None else None
        began = run.clock.monotonic()
        try:
            if step is None or undo is None:
                raise Interrupted(f"This version does not know how to undo {started.name}.")
            await _persist(run, started.step, step.name, "backward", undo, step.undo_retry, step.timeout_s)
        except Exception as error:  # noqa: BLE001 - whatever a compensation raises, a person decides on it
            return await _stuck(run, started.step, started.name, "backward", error)
        await run.append(
            run,
            facts.StepCompensated(
                run_id=run.id,
                step=started.step,
                name=started.name,
                duration_ms=(run.clock.monotonic() - began) * 1000,
            ),
        )
        return None

    async def _stuck_forward(self, run: Run, outcome: Outcome) -> Outcome:
        failed = run.history.failed_step
        if failed is None:
            # The budget was spent between two steps beyond the pivot: trying again gives it a new one.
            last = max(run.history.steps.values(), key=lambda one: one.started.step).started
            error = outcome.error or failure_of(
                Interrupted("The saga was cut off."), run.context.correlation_id
            )
            failed = facts.StepFailed(
                run_id=run.id, step=last.step, name=last.name, error=error, duration_ms=0.0
            )
        stuck = facts.RunStuck(
            run_id=run.id,
            step=failed.step,
            name=failed.name,
            direction="forward",
            attempts=run.history.steps[failed.step].attempts("forward") + 1,
            error=failed.error,
        )
        await run.append(run, stuck)
        return Outcome(state="failed_forward", error=failed.error)

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """A saga tells the world by its steps alone."""
        return Ended(outcome=outcome)


def _planned(one: Step | Timer | Signal) -> facts.PlannedStep:
    match one:
        case Timer():
            return facts.PlannedStep(name=one.name, kind="timer")
        case Signal():
            return facts.PlannedStep(name=one.name, kind="signal", timeout_s=one.timeout_s)
    return facts.PlannedStep(
        name=one.name,
        kind="saga",
        compensation=one.compensation is not None,
        pivot=one.pivot,
        timeout_s=one.timeout_s,
        attempts=one.retry.attempts,
        undo_attempts=None if one.compensation is None else one.undo_retry.attempts,
    )


async def _now(value: str) -> str:
    return value


async def _sleep_until(run: Run, until: datetime) -> None:
    left = (until - run.clock.now()).total_seconds()
    while left > 0:
        await asyncio.sleep(min(left, DAY_S))
        left = (until - run.clock.now()).total_seconds()


async def _persist(
    run: Run,
    number: int,
    name: str,
    direction: facts.Direction,
    work: Callable[[Run], Awaitable[Any]],
    retry: StepRetry,
    timeout_s: float,
) -> Any:
    """Do `work`, again by `retry`; attempts and pauses count over restarts. Raises what the last one raised."""
    step = run.history.steps[number]
    last = step.retried.get(direction)
    failed = step.attempts(direction)
    while True:
        if last is not None:
            # A wall clock that was set back makes no pause longer than pauses are.
            left = (last.due - run.clock.now()).total_seconds()
            await asyncio.sleep(min(max(0.0, left), retry.pause(failed)))
        try:
            try:
                async with asyncio.timeout(timeout_s):
                    return await work(run)
            except TimeoutError:
                raise AttemptTimeout(
                    f"{name} took longer than {timeout_s:.0f} s.", link="", target=name, phase="attempt"
                ) from None
        except REFUSED:
            raise
        except Exception as error:
            failed += 1
            if failed >= retry.attempts:
                raise
            last = facts.StepRetried(
                run_id=run.id,
                step=number,
                name=name,
                direction=direction,
                attempt=failed,
                error=failure_of(error, run.context.correlation_id),
                due=run.clock.now() + timedelta(seconds=retry.pause(failed)),
            )
            run.note(run, "retrying", f"{direction} {name}", error)
            await run.append(run, last)


async def _stuck(
    run: Run, number: int, name: str, direction: facts.Direction, error: BaseException
) -> Outcome:
    run.note(run, "stuck", f"{direction} {name}", error)
    failure = failure_of(error, run.context.correlation_id)
    stuck = facts.RunStuck(
        run_id=run.id,
        step=number,
        name=name,
        direction=direction,
        attempts=run.history.steps[number].attempts(direction) + 1,
        error=failure,
    )
    await run.append(run, stuck)
    return Outcome(state="failed_compensation", error=failure)
