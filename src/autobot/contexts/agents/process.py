"""The run that answers a message: read the thread, let an agent write, record the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from autobot.contexts.agents.agent import AgentFactory, Choice, with_status
from autobot.contexts.agents.orchestrator import choose
from autobot.contexts.agents.routing import Router
from autobot.contracts import chat
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.kernel.links.ports import Links
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.sagas.acting import as_service
from autobot.kernel.sagas.facts import RunState
from autobot.kernel.sagas.run import Ended, Outcome, PlainRun, Run

NAME: Final = "chat-reply"
EXECUTE: Final = Operation(name="execute", effect=Effect.UNSAFE)

Ask = Callable[[Any, CallContext], Awaitable[Any]]
Dispatch = Callable[[Any, CallContext, str], Awaitable[Any]]
"""Runs a command under an idempotency key and returns its answer."""

STATES: Final[dict[chat.MessageStatus, RunState]] = {
    "complete": "completed",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
}
"""How a run ended whose reply stands so."""


class ChatReply(PlainRun):
    """The definition. `ask` and `dispatch` reach the chat context by its contracts.

    `budget`: seconds that a reply may take, waits for a loading model included.
    """

    name = NAME

    def __init__(
        self,
        ask: Ask,
        dispatch: Dispatch,
        links: Links,
        default_model: Callable[[CallContext], Awaitable[str | None]],
        *,
        router: Router | None = None,
        budget: float = 1800.0,
    ) -> None:
        self._router = router
        self._ask, self._dispatch, self._links = ask, dispatch, links
        self._default_model, self.budget = default_model, budget

    async def execute(self, run: Run) -> None:
        """Choose an agent once (it is a step: a restart keeps the choice) and let it answer."""
        thread: chat.Thread = await self._ask(
            chat.GetThread(session_id=run.input["session_id"], message_id=run.input["parent_id"]),
            as_service(run.context, "ai", run.owner),
        )

        async def decide() -> Choice:
            model = run.input.get("model") or thread.model
            wanted = replace(thread, model=model)

            async def route(text: str) -> chat.Route | None:
                return await self._router.route(text, run.context) if self._router else None

            return await choose(wanted, lambda: self._default_model(run.context), route=route)

        choice = await run.step("choose", "decision", decide, Choice, resumable=True)
        link = self._links.link("orchestrator-agents")
        reply: chat.Reply = await link.call(EXECUTE, (choice, run, thread), run.context)
        run.result = replace(reply, route=choice.route)

    async def finish(self, run: Run, outcome: Outcome) -> Ended:
        """Record the reply, whole or cut off; one that stands there already decides how the run ended.

        A chat that was deleted meanwhile needs none, and nothing of the answer stays.
        """
        message_id = str(run.input["message_id"])
        reply: chat.Reply = run.result or chat.Reply(content=run.text, status="complete")
        if outcome.state != "completed":
            reply = with_status(reply, outcome.state, outcome.error)
        record = chat.RecordReply(
            session_id=run.input["session_id"], message_id=message_id, run_id=run.id, reply=reply
        )
        try:
            recorded: chat.Recorded = await self._dispatch(
                record, as_service(run.context, "ai", run.owner), run.key_for("reply", reply)
            )
        except NotFound:
            return Ended(outcome=outcome, forget=True)
        held = Outcome(state=STATES[recorded.status], error=recorded.error)
        return Ended(outcome=held, message_id=message_id)


def execute_agent(factory: AgentFactory) -> Callable[[Any, CallContext], Coroutine[Any, Any, chat.Reply]]:
    """Return the handler behind the Orchestrator → Agent Pool row."""

    async def execute(payload: Any, context: CallContext) -> chat.Reply:
        choice, run, thread = payload
        return await factory.create(choice).execute(run, thread)

    return execute
