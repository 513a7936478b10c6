"""What a definition sees of its run: steps that happen once, text that people watch, and its identity."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import msgspec

from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
)
from autobot.kernel.core.failure import Failure, failure_of
from autobot.kernel.event_store.transaction import Checkpoint, Put
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.history import RunHistory

T = TypeVar("T")

REFUSED: Final = (InvalidInput, NotFound, Conflict, Forbidden, Unauthenticated, Absent, TooLarge)
"""What was turned down: it did nothing, and asking again will not help."""

Append = Callable[["Run", Any], Awaitable[None]]
Frame = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Publishes a transient frame on a channel; losing it is harmless."""
Note = Callable[["Run", str, str, BaseException], None]
"""Tells the listener of a failure that the run survives: what it does about it, where, the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a run waits for now."""

    link: str
    target: str
    since: datetime
    detail: str


@dataclass(slots=True, kw_only=True)
class Run:
    """One run in progress. Mutated by its own task only; others leave a word and set `told`.

    `fence` is the lease under which it is carried, None when one engine is alone; `fenced` once another may carry it.
    `outputs` are a saga's, by the names of its steps. `unwritten` facts and the document `to_show` go with the next
    fact into one commit.
    """

    id: str
    owner: str
    input: dict[str, Any]
    context: CallContext
    history: RunHistory
    clock: Clock
    append: Append
    frame: Frame
    note: Note
    text: str = ""
    waiting: Waiting | None = None
    stopped_by: str | None = None
    next_step: int = 0
    executing: bool = False
    undoing: bool = False
    fenced: bool = False
    fence: Checkpoint | None = None
    result: Any = None
    started_at: datetime
    told: asyncio.Event = field(default_factory=asyncio.Event)
    outputs: dict[str, Any] = field(default_factory=dict)
    unwritten: list[Any] = field(default_factory=list)
    to_show: Put | None = None

    @property
    def channel(self) -> str:
        """The realtime channel of this run."""
        return f"run:{self.id}"

    def was_stopped(self) -> bool:
        """Say whether somebody asked the run to end."""
        return self.stopped_by is not None

    def key(self, step: str) -> str:
        """Return the idempotency key of an effect of this run: the same after a restart."""
        return f"{self.id}:{step}"

    def key_for(self, step: str, payload: Any) -> str:
        """Return the key of an effect that its receiver does once whatever it carries, such as recording the end.

        After a crash the repeat may carry less, as text that was only in memory is gone; under one key it would
        clash with the first, and the run could never end.
        """
        return f"{self.id}:{step}:{fingerprint(canonical_json(msgspec.to_builtins(payload)))[:32]}"

    async def write(self, text: str) -> None:
        """Add text to what the run has written and show it to who watches."""
        offset = len(self.text)
        self.text += text
        await self.frame(
            self.channel,
            {"type": "delta", "channel": self.channel, "run_id": self.id, "offset": offset, "text": text},
        )

    def wait_for(self, link: str, target: str, detail: str) -> None:
        """Say what the run waits for from now on."""
        self.waiting = Waiting(link=link, target=target, since=self.clock.now(), detail=detail)

    async def step(
        self,
        name: str,
        kind: str,
        work: Callable[[], Awaitable[T]],
        output: Any,
        *,
        given: Any = None,
        resumable: bool = False,
        link: str | None = None,
        target: str | None = None,
        detail: Any = None,
        compensation: bool = False,
        pivot: bool = False,
        lazy: bool = False,
    ) -> T:
        """Do `work` once, whatever happens to the process; return its (recorded) output of type `output`.

        `given` is what the step depends on: a replay with other input raises NonDeterminism. A step that
        failed is raised again only as long as the process lives; its failure is recorded. `compensation` and
        `pivot` are a saga's words, see `facts.StepStarted`. The end of a `lazy` step is written with the next
        fact of the run: a crash between the two repeats the step, which must be harmless.
        """
        number, self.next_step = self.next_step, self.next_step + 1
        mark = fingerprint(canonical_json(msgspec.to_builtins(given)))
        past = self.history.recorded(number, name, mark)
        if past is not None and past.completed is not None:
            value: T = msgspec.convert(past.completed.output, output)
            return value
        if past is None:
            await self.append(
                self,
                facts.StepStarted(
                    run_id=self.id,
                    step=number,
                    name=name,
                    kind=kind,
                    input_hash=mark,
                    resumable=resumable,
                    link=link,
                    target=target,
                    detail=detail,
                    compensation=compensation,
                    pivot=pivot,
                ),
            )
        return await self._do(number, name, work, lazy=lazy)

    async def _do(self, number: int, name: str, work: Callable[[], Awaitable[T]], *, lazy: bool) -> T:
        """Do a step's work and record how it went."""
        began = self.clock.monotonic()
        try:
            value = await work()
        except Exception as error:
            failed = facts.StepFailed(
                run_id=self.id,
                step=number,
                name=name,
                error=failure_of(error, self.context.correlation_id),
                duration_ms=(self.clock.monotonic() - began) * 1000,
                refused=isinstance(error, REFUSED),
            )
            await self.append(self, failed)
            raise
        finally:
            self.waiting = None
        completed = facts.StepCompleted(
            run_id=self.id,
            step=number,
            name=name,
            output=msgspec.to_builtins(value),
            duration_ms=(self.clock.monotonic() - began) * 1000,
        )
        if lazy:
            self.unwritten.append(completed)
        else:
            await self.append(self, completed)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: its state, and for failed and interrupted ones the cause."""

    state: facts.RunState
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the world was told: the outcome that holds, and the message that has the result, if any.

    `forget`: what the run belonged to is gone, and nothing that it wrote may stay.
    """

    outcome: Outcome
    message_id: str = ""
    forget: bool = False


class Definition(Protocol):
    """A kind of run.

    `table` holds the documents of its runs. `plan` is what it will do, empty when that shows only on the way. When it `resumes`, a run that a shutdown or a crash cut off goes
    on at the next start; else it ends as interrupted. `execute` is deterministic but for its steps. `finish` is called once the outcome is known, before the
    end fact; it may be called again after a crash, and then with another outcome (a run that was stopped, and
    cut off before that was written, is found interrupted). What it told first holds: it returns that.
    `unwind` may turn the outcome into another by undoing what was done; it is bound by no budget and no
    stop, and goes on at the next start when a shutdown cuts it off. `budget` bounds `execute` in seconds.
    """

    @property
    def name(self) -> str:
        """The definition's stable name."""
        ...

    @property
    def table(self) -> str:
        """Where the documents of its runs are."""
        ...

    @property
    def plan(self) -> tuple[facts.PlannedStep, ...]:
        """Its steps in order, recorded with each run; empty when they are not known before."""
        ...

    @property
    def resumes(self) -> bool:
        """Whether a run that was cut off goes on at the next start."""
        ...

    @property
    def budget(self) -> float:
        """Seconds that a run may take."""
        ...

    async def execute(self, run: Run) -> None:
        """Do the work."""
        ...

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        """Undo what has to be undone; return how the run ended."""
        ...

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Tell the world how it ended; return what it was told, now or before a crash."""
        ...


class PlainRun:
    """What a definition is that undoes nothing: base of those whose cut-off runs end as interrupted."""

    table = facts.RUNS
    plan: tuple[facts.PlannedStep, ...] = ()
    resumes = False

    async def unwind(self, run: Run, outcome: Outcome) -> Outcome:
        """Nothing is undone."""
        return outcome


def view_of(run: Run, state: facts.RunState, ended: datetime | None, error: Failure | None) -> dict[str, Any]:
    """Return the document that lists and screens read."""
    return {
        "id": run.id,
        "owner": run.owner,
        "input": run.input,
        "state": state,
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(ended) if ended else None,
        "error": msgspec.to_builtins(error) if error else None,
        "text": run.text if ended else "",
    }
