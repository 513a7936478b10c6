"""The one engine of all runs: accepts, executes, stops and recovers them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final, Literal

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, principal_data
from autobot.kernel.core.errors import (
    DeadlineExceeded,
    Interrupted,
    NotFound,
    WrongExpectedVersion,
)
from autobot.kernel.core.failure import failure_of
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently, set_within
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.ending import (
    cut_off,
    end_document,
    end_fact,
    forget,
    hear,
    open_document,
    started_of,
    uncancel,
)
from autobot.kernel.sagas.history import RunHistory
from autobot.kernel.sagas.run import Definition, Frame, Outcome, Run
from autobot.kernel.sagas.sharing import Sharing
from autobot.kernel.sagas.shelf import ENDED, STUCK, Past, Shelf, document_of
from autobot.kernel.sagas.tenure import Tenure
from autobot.kernel.sagas.turns import Turns
from autobot.kernel.sagas.writing import RunWriter
from autobot.kernel.telemetry.listener import Change, Listener

AGAIN_S: Final = 5.0
"""How long a run waits whose end could be neither written nor told, in seconds."""


class RunEngine:
    """Executes runs of its definitions.

    Accepting is durable: `accept` returns when the run is in the log, and a run in the log is carried to
    an end by this process or another one. Runs of one serial key go one after the other, in the order
    of acceptance. With a `tenure` other engines may share the store (see there); without, this one is alone.
    """

    def __init__(
        self,
        definitions: Iterable[Definition],
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        frame: Frame,
        listener: Listener | None = None,
        tenure: Tenure | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._definitions: Mapping[str, Definition] = {one.name: one for one in definitions}
        self._store, self._codec, self._clock = store, codec, clock
        self._shelf = Shelf(store, codec, (facts.RUNS, *(one.table for one in self._definitions.values())))
        self._frame, self._listener, self._again_s = frame, listener, again_s
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns = Turns()
        self._watched: dict[str, asyncio.Event] = {}
        self._group: asyncio.TaskGroup | None = None
        self._closing = asyncio.Event()
        self._writer = RunWriter(store, codec, self._closing, tenure)
        self._sharing = Sharing(tenure, store, codec, self, self._closing) if tenure is not None else None
        self.recovered = asyncio.Event()

    # ------------------------------------------------------------------------------------------ outside

    async def accept(
        self,
        definition: str,
        run_id: str,
        given: dict[str, Any],
        context: CallContext,
        *,
        owner: str,
        serial_key: str,
    ) -> None:
        """Make a run durable and queue it. Accepting the same id again changes nothing."""
        if definition not in self._definitions:
            raise NotFound(f"There is no kind of run called {definition}.")
        started = facts.RunStarted(
            run_id=run_id,
            definition=definition,
            owner=owner,
            serial_key=serial_key,
            input=given,
            principal=principal_data(context.principal),
            plan=self._definitions[definition].plan,
        )
        run = self._make(started, context, RunHistory(started=started), self._clock.now())
        write = open_document(run, self._definitions[definition], "queued")
        try:
            await self._writer.begin(run, started, write)
        except WrongExpectedVersion:
            # It was accepted before; that answer may have been lost on its way here.
            await self.resume(run_id)
            return
        run.history.apply(started)
        self._enqueue(run)

    def live(self, run_id: str) -> Run | None:
        """Return a run that has not ended, as far as this process carries it."""
        return self._runs.get(run_id)

    def all_live(self) -> tuple[Run, ...]:
        """Return every run that has not ended."""
        return tuple(self._runs.values())

    def state(self, run_id: str) -> Literal["queued", "running"] | None:
        """Return queued or running for a live run."""
        if run_id not in self._runs:
            return None
        return "running" if run_id in self._tasks else "queued"

    def stop(self, run_id: str, by: str) -> bool:
        """Ask a live run to end; its text stays. False when it is not live."""
        run = self._runs.get(run_id)
        if run is None or run.history.committed or run.history.turned is not None:
            return False
        run.stopped_by = by
        if run.executing:
            self._tasks[run_id].cancel()
        return True

    async def signalled(self, run_id: str) -> None:
        """Let a live run see what it was told (`facts.SignalSent`); hearing of it twice changes nothing."""
        run = self._runs.get(run_id)
        if run is None:
            return
        run.history.signals = await self._shelf.signals(run_id)
        hear(run)
        run.told.set()
        if run.stopped_by is not None:
            self.stop(run_id, run.stopped_by)

    async def resume(self, run_id: str) -> None:
        """Carry on with a run whose log says that it goes on (`facts.RunResumed`). One that is live or over stays."""
        if run_id in self._runs:
            return
        past = await self._shelf.load(run_id)
        if past is not None and past.history.stuck is None:
            await self._adopt(past)

    async def take_over(self, run_id: str) -> None:
        """Carry on with a run that another engine left, wherever it stands."""
        if run_id not in self._runs and (past := await self._shelf.load(run_id)) is not None:
            await self._adopt(past)

    async def _adopt(self, past: Past) -> None:
        """Carry on with a run unless it is another engine's."""
        mine = await self._ours(past)
        if mine is not None and mine.started.run_id not in self._runs and not self._closing.is_set():
            self._take(mine)

    async def recover(self) -> None:
        """Take up every open run that is ours or nobody's, in the order of acceptance."""
        found = [past async for past in self._shelf.open(self._definitions)]
        for past in sorted(found, key=lambda one: one.position):
            await self._adopt(past)

    def disown(self) -> None:
        """Stop every run without a word: another engine may carry it from now on."""
        for run in self._runs.values():
            run.fenced = True
        self._cut_off()

    def _cut_off(self) -> None:
        """Cancel what runs do now; ends that are being written are not cut off."""
        for run_id, task in self._tasks.items():
            if self._runs[run_id].executing or self._runs[run_id].undoing:
                task.cancel()

    def over(self, run_id: str) -> None:
        """Tell those who wait for a run that it goes no further."""
        if run_id in self._watched:
            self._watched[run_id].set()

    @property
    def kinds(self) -> Mapping[str, Definition]:
        """Its definitions by name: it takes over runs of these alone."""
        return self._definitions

    async def ended(self, run_id: str) -> None:
        """Return when the run has ended; for one that was never accepted that is never."""
        done = self._watched.setdefault(run_id, asyncio.Event())
        stored = await self._shelf.document(run_id)
        if stored is not None and stored.group == ENDED:
            done.set()
        try:
            await done.wait()
        finally:
            if done.is_set():
                self._watched.pop(run_id, None)

    async def serve(self) -> None:
        """Recover, then run until `close`. Runs still open then end as interrupted, or wait for the next start."""
        holding = self._sharing.holding() if self._sharing is not None else nullcontext()
        async with holding, asyncio.TaskGroup() as group:
            self._group = group
            await patiently(self.recover, failing=self._writer.at_start)
            for run_id in self._turns.first():
                self._launch(run_id)
            self.recovered.set()
            try:
                await self._closing.wait()
            finally:
                self.close()
                self._group = None
            self._cut_off()

    def close(self) -> None:
        """Take no more runs. Open ones end, or stay as they are when their definition resumes them."""
        self._closing.set()

    # ---------------------------------------------------------------------------------------- execution

    def _make(self, started: facts.RunStarted, context: CallContext, past: RunHistory, at: datetime) -> Run:
        return Run(
            id=started.run_id,
            owner=started.owner,
            input=started.input,
            context=context,
            history=past,
            clock=self._clock,
            append=self._writer.append_fact,
            frame=self._frame,
            note=self._tell,
            started_at=at,
        )

    def _enqueue(self, run: Run) -> None:
        self._runs[run.id] = run
        if self._turns.join(self._key_of(run), run.id) and self.recovered.is_set():
            self._launch(run.id)

    def _key_of(self, run: Run) -> str:
        return run.id if self._sharing is not None else started_of(run).serial_key

    def _launch(self, run_id: str) -> None:
        if self._group is not None:
            self._tasks[run_id] = self._group.create_task(self._carry(self._runs[run_id]))

    async def _carry(self, run: Run) -> None:
        definition, ended = self._definitions[started_of(run).definition], False
        try:
            if self._sharing is None or await self._sharing.turn(run):
                outcome = await self._execute(run, definition)
                if outcome is not None:
                    outcome = await self._unwind(run, definition, outcome)
                if outcome is not None:
                    await self._conclude(run, definition, outcome)
                    ended = True
        except Exception as error:  # noqa: BLE001 - one run's failure ends that run, never the engine
            # The end could not be written, or told: the run stays open in the log.
            self._tell(run, "unrecorded", type(error).__name__, error)
        finally:
            self._runs.pop(run.id, None)
            self._tasks.pop(run.id, None)
            self._turns.keep(run.id)
            if ended or self._closing.is_set():
                self.over(run.id)
                self._pass_on(run)
        if not ended:
            await self._again(run, 0.0 if run.fenced else self._again_s)

    async def _again(self, run: Run, pause_s: float) -> None:
        """Take up a run that is open in the log still, where it stands then; the next start does when we close before.

        Those behind it wait: what it has not told yet, such as a reply, is a part of what they begin with.
        """
        try:
            if not await set_within(self._closing, pause_s):
                await patiently(lambda: self.resume(run.id), failing=self._writer.unless_closing)
        except Exception as error:  # noqa: BLE001 - what cannot be read ends this run here, never the engine
            self._tell(run, "unrecorded", type(error).__name__, error)
        finally:
            if self._turns.keeps(run.id):
                self._pass_on(run)

    def _pass_on(self, run: Run) -> None:
        """Let the next run of the same key begin."""
        following = self._turns.leave(self._key_of(run))
        if following is not None:
            self._launch(following)

    async def _execute(self, run: Run, definition: Definition) -> Outcome | None:
        """Do a run's work; None when a shutdown cut off one that resumes, or its stream moved on without us."""
        if run.was_stopped():
            return Outcome(state="stopped")
        step = run.history.open_step
        if step is not None and not step.resumable:
            return Outcome(
                state="interrupted",
                error=cut_off(run, "AutoBot was restarted while this was being written."),
            )
        if run.history.revision <= 0:
            run.to_show = open_document(run, definition, "running")
        self._tell(run, "running", "")
        budget = definition.budget
        run.context = run.context.within(self._clock.monotonic() + budget)
        run.executing = True
        try:
            async with asyncio.timeout(budget):
                await definition.execute(run)
        except asyncio.CancelledError:
            uncancel()
            if run.fenced:
                return None
            if run.was_stopped():
                return Outcome(state="stopped")
            if definition.resumes:
                return None
            return Outcome(
                state="interrupted",
                error=cut_off(run, "AutoBot was shut down while this was being written."),
            )
        except TimeoutError:
            spent = DeadlineExceeded(f"This took longer than its budget of {budget:.0f} s.")
            return Outcome(state="failed", error=failure_of(spent, run.context.correlation_id))
        except Interrupted as error:
            return Outcome(state="interrupted", error=failure_of(error, run.context.correlation_id))
        except Exception as error:  # noqa: BLE001 - whatever a definition raises is the run's outcome
            if run.fenced or (self._closing.is_set() and definition.resumes):
                return None
            self._tell(run, "failed", type(error).__name__, error)
            return Outcome(state="failed", error=failure_of(error, run.context.correlation_id))
        finally:
            run.executing = False
        return Outcome(state="completed")

    async def _unwind(self, run: Run, definition: Definition, outcome: Outcome) -> Outcome | None:
        """Let the definition undo what it must, however long that takes; None when a shutdown cut it off."""
        run.undoing = True
        try:
            if definition.resumes and outcome.state != "completed" and not run.history.committed:
                await self._writer.show(run, open_document(run, definition, "compensating"))
            return await definition.unwind(run, outcome)
        except asyncio.CancelledError:
            uncancel()
            return None
        finally:
            run.undoing = False

    async def _conclude(self, run: Run, definition: Definition, outcome: Outcome) -> None:
        """Write how a run stands now, however long the way to the store is broken."""
        close = self._end if run.history.stuck is None else self._park
        await patiently(lambda: close(run, definition, outcome), failing=self._writer.unless_closing)

    async def _park(self, run: Run, definition: Definition, outcome: Outcome) -> None:
        """Put a run aside until a person decides."""
        write = document_of(
            run, started_of(run), definition.table, outcome.state, group=STUCK, error=outcome.error
        )
        await self._writer.show(run, write, over=True)
        self._tell(run, outcome.state, outcome.error.code if outcome.error else "")
        if self._listener is not None:
            self._listener.counted("runs_stuck_total", 1.0, (("definition", definition.name),))

    async def _end(self, run: Run, definition: Definition, outcome: Outcome) -> None:
        told = await definition.finish(run, outcome)
        erase = forget(run) if told.forget else ()
        write = end_document(run, definition, told.outcome, self._clock.now())
        await self._writer.append(run, end_fact(run, told.outcome, told.message_id), write=write, erase=erase)
        self._tell(run, told.outcome.state, told.outcome.error.code if told.outcome.error else "")

    # ----------------------------------------------------------------------------------------- recovery

    async def _ours(self, past: Past) -> Past | None:
        """Return the past of a run that we may carry; None when it has ended, or another engine carries it."""
        if past.started.run_id in self._runs or past.started.definition not in self._definitions:
            return None
        return past if self._sharing is None else await self._sharing.claimed(past, self._shelf.load)

    def _take(self, past: Past) -> None:
        run = self._make(past.started, past.context, past.history, past.first_time)
        run.fence = past.fence
        hear(run)
        self._enqueue(run)

    def _tell(self, run: Run, state: str, reason: str, error: BaseException | None = None) -> None:
        if self._listener is not None:
            change = Change(
                kind="run", subject=f"run:{run.id}", before="", after=state, reason=reason, error=error
            )
            self._listener.changed(change)
