"""The read side: runs, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from autobot.contexts.agents.orchestrator import KINDS
from autobot.contexts.agents.ports import FoundRuns
from autobot.contracts import runs
from autobot.kernel.core.context import CallContext

ModelList = Callable[[CallContext], Awaitable[Sequence[runs.ModelChoice]]]


class RunQueries:
    """One method a query."""

    def __init__(self, found: FoundRuns, models: ModelList) -> None:
        self._found, self._models = found, models

    async def get(self, query: runs.GetRun, context: CallContext) -> runs.RunView:
        """Return a run, live or ended."""
        return await self._found.view(query.run_id)

    async def wait(self, query: runs.AwaitRun, context: CallContext) -> runs.RunView:
        """Return the run when it has ended, or as it is when the time is up."""
        await self._found.wait(query.run_id, query.seconds, context.deadline)
        return await self._found.view(query.run_id)

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
