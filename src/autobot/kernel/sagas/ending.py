"""What an engine says of a run: its document on the way, its error when it was cut off, the fact of its end."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.transaction import Erase, Put
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Definition, Outcome, Run
from autobot.kernel.sagas.saga import STOP
from autobot.kernel.sagas.shelf import ENDED, OPEN, document_of


def started_of(run: Run) -> facts.RunStarted:
    """Return the fact that a run was accepted by."""
    started = run.history.started
    if started is None:
        raise AssertionError("a run is carried only after it was accepted")
    return started


def open_document(run: Run, definition: Definition, state: facts.RunState) -> Put:
    """Return the write of a run's document while it is on its way."""
    return document_of(run, started_of(run), definition.table, state, group=OPEN)


def end_document(run: Run, definition: Definition, outcome: Outcome, at: datetime) -> Put:
    """Return the write of a run's document when it has ended."""
    return document_of(
        run,
        started_of(run),
        definition.table,
        outcome.state,
        group=ENDED,
        error=outcome.error,
        ended=at,
    )


def forget(run: Run) -> tuple[Erase, ...]:
    """Drop what a run wrote; return what its stream loses, as what it belonged to is gone."""
    run.text = ""
    return (Erase(stream=facts.stream_of(run.id), reason="what it belonged to is gone"),)


def hear(run: Run) -> None:
    """Take in a stop that the run was told, maybe in an earlier life."""
    stop = run.history.signal(STOP)
    if stop is not None and not run.history.committed:
        run.stopped_by = stop.by


def uncancel() -> None:
    """Take back the cancellation that ended the work, so that its end can still be written."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def cut_off(run: Run, detail: str) -> Failure:
    """Return the error of a run that may not go on where it was cut off."""
    return Failure(
        code="interrupted",
        detail=detail,
        correlation_id=run.context.correlation_id,
        hint="Choose Retry to have it written again.",
    )


def end_fact(run: Run, outcome: Outcome, message_id: str) -> Any:
    """Return the fact that a run ends by."""
    if outcome.state == "completed":
        return facts.RunCompleted(run_id=run.id, message_id=message_id)
    if outcome.state == "stopped":
        return facts.RunStopped(run_id=run.id, by=run.stopped_by or "", message_id=message_id)
    if outcome.state == "compensated":
        return facts.RunCompensated(run_id=run.id, error=outcome.error)
    if outcome.error is None:
        raise AssertionError("a run that failed or was interrupted has a cause")
    if outcome.state == "interrupted":
        return facts.RunInterrupted(run_id=run.id, error=outcome.error, message_id=message_id)
    return facts.RunFailed(run_id=run.id, error=outcome.error, message_id=message_id)
