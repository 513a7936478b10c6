"""Commands and queries about runs and models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from autobot.contexts.agents.orchestrator import KINDS
from autobot.contracts import runs
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NOT_YOURS, NotFound
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.stepping import waited
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Document
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.facts import RUNS, SignalSent, signals_of
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import STOP

CaughtUp = Callable[[], Awaitable[None]]
"""Returns when what was committed before has been reacted to: a run that was just asked for is there then."""
ModelList = Callable[[CallContext], Awaitable[Sequence[runs.ModelChoice]]]


class RunHandlers:
    """Looks at runs and stops them. The engine is given late: it needs the bus that needs these handlers."""

    def __init__(self, store: EventStore, models: ModelList, caught_up: CaughtUp) -> None:
        self._store, self._models, self._caught_up = store, models, caught_up
        self._engine: RunEngine | None = None

    def use(self, engine: RunEngine) -> None:
        """Take the engine; called once by the composition root."""
        self._engine = engine

    def _live(self, run_id: str) -> Run | None:
        return self._engine.live(run_id) if self._engine else None

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose run it is, None when there is no such run."""
        live = self._live(message.run_id)
        if live is not None:
            return live.owner
        stored = await self._stored(message.run_id)
        return stored.owner if stored else None

    async def _stored(self, run_id: str) -> Document | None:
        """Return a run's document; one that is not there yet may come with what was just committed."""
        stored = await self._store.get(RUNS, run_id)
        if stored is None:
            await self._caught_up()
            stored = await self._store.get(RUNS, run_id)
        return stored

    async def get(self, query: runs.GetRun, context: CallContext) -> runs.RunView:
        """Return a run, live or ended."""
        live = self._live(query.run_id)
        if live is not None and self._engine is not None:
            return live_view(live, self._engine.state(live.id) or "queued")
        stored = await self._stored(query.run_id)
        live = self._live(query.run_id)
        if live is not None and self._engine is not None:
            return live_view(live, self._engine.state(live.id) or "queued")
        if stored is None:
            raise NotFound(NOT_YOURS)
        document = stored.document
        error = document["error"]
        return runs.RunView(
            id=document["id"],
            session_id=document["input"].get("session_id", ""),
            message_id=document["input"].get("message_id", ""),
            state=document["state"],
            waiting_for=None,
            started_at=document["started_at"],
            ended_at=document["ended_at"],
            error=msgspec.convert(error, Failure) if error else None,
            text=document["text"],
        )

    async def wait(self, query: runs.AwaitRun, context: CallContext) -> runs.RunView:
        """Return the run when it has ended, or as it is when the time is up."""
        if self._engine is not None:
            await waited(self._engine.ended(query.run_id), query.seconds, context.deadline)
        return await self.get(runs.GetRun(run_id=query.run_id), context)

    async def stop(self, command: runs.StopRun, context: CallContext) -> Decision[runs.RunStopping]:
        """Ask a run to end. One that has ended stays as it is."""
        view = await self.get(runs.GetRun(run_id=command.run_id), context)
        by = context.principal.id
        here = self._engine is not None and self._engine.stop(command.run_id, by)
        answer = runs.RunStopping(run_id=view.id, state=view.state)
        emits: tuple[Emit, ...] = ()
        if not here and view.ended_at is None:
            # Another process carries it, or will: the log brings it the word.
            told = SignalSent(run_id=view.id, name=STOP, by=by)
            emits = (Emit(stream=signals_of(view.id), expected=ANY, events=(told,)),)
        return Decision(answer=answer, emits=emits, object=f"run:{view.id}")

    async def models(self, query: runs.ListModels, context: CallContext) -> tuple[runs.ModelChoice, ...]:
        """Return the models that a chat can choose."""
        return tuple(await self._models(context))

    async def agents(self, query: runs.ListAgents, context: CallContext) -> tuple[runs.AgentChoice, ...]:
        """Return the agents with the model that they use: the one that a new chat gets."""
        models = await self._models(context)
        model = next((one for one in models if one.default), None)
        unknown = any(one.state == "unreachable" for one in models)
        return tuple(
            runs.AgentChoice(
                id=f"agent:{kind}",
                label=label,
                state=model.state if model else ("unreachable" if unknown else "absent"),
                model=model.id if model else None,
                window=model.window if model else None,
            )
            for kind, label in KINDS.items()
        )


def live_view(run: Run, state: runs.RunState) -> runs.RunView:
    """Return a live run as screens show it."""
    waiting = run.waiting
    return runs.RunView(
        id=run.id,
        session_id=str(run.input.get("session_id", "")),
        message_id=str(run.input.get("message_id", "")),
        state=state,
        waiting_for=runs.WaitingFor(
            link=waiting.link, target=waiting.target, since=rfc3339(waiting.since), detail=waiting.detail
        )
        if waiting
        else None,
        started_at=rfc3339(run.started_at),
        ended_at=None,
        error=None,
        text=run.text,
    )
