"""The write side: runs are stopped."""

from __future__ import annotations

from autobot.contexts.agents.ports import FoundRuns
from autobot.contracts import runs
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.transaction import ANY
from autobot.kernel.sagas.facts import SignalSent, signals_of
from autobot.kernel.sagas.saga import STOP


class RunHandlers:
    """One method a command."""

    def __init__(self, found: FoundRuns) -> None:
        self._found = found

    async def stop(self, command: runs.StopRun, context: CallContext) -> Decision[runs.RunStopping]:
        """Ask a run to end. One that has ended stays as it is."""
        view = await self._found.view(command.run_id)
        by = context.principal.id
        here = self._found.stop(command.run_id, by)
        answer = runs.RunStopping(run_id=view.id, state=view.state)
        emits: tuple[Emit, ...] = ()
        if not here and view.ended_at is None:
            # Another process carries it, or will: the log brings it the word.
            told = SignalSent(run_id=view.id, name=STOP, by=by)
            emits = (Emit(stream=signals_of(view.id), expected=ANY, events=(told,)),)
        return Decision(answer=answer, emits=emits, object=f"run:{view.id}")
