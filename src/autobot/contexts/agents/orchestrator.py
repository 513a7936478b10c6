"""The orchestrator: a strategy per intent decides which agent answers. First strategy that knows, wins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from autobot.contexts.agents.agent import CHAT, DOCUMENTS, Choice
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS
from autobot.contracts.chat import AS_ASKED, Route, Thread

ASSISTANT_MODEL: Final = "agent:assistant"
"""The built-in assistant's name: always listed, never chosen for another name."""

KINDS: Final = {
    CHAT: "Chat agent (a model with AutoBot's tools)",
    DOCUMENTS: "Documents agent (searches your documents, then a model answers by them)",
}
"""The kinds that the agent factory makes, with what people call them; programs ask for `agent:<kind>`."""


SLASH: Final = "slash command"

DefaultModel = Callable[[], Awaitable[str | None]]
"""Returns the name of the default model, None while no model is set up. Raises when that cannot be known now."""


class Strategy(Protocol):
    """Recognises one intent."""

    async def choose(self, thread: Thread, default_model: DefaultModel) -> Choice | None:
        """Return a choice, or None when the thread is none of this strategy's business."""
        ...


class SlashCommand:
    """A line that begins with `/` asks AutoBot itself, whatever model the chat has."""

    async def choose(self, thread: Thread, default_model: DefaultModel) -> Choice | None:
        """Take slash commands."""
        if thread.messages[-1].content.lstrip().startswith("/"):
            return Choice(agent=CHAT, model=ASSISTANT_MODEL, why=SLASH)
        return None


class ChosenModel:
    """The chat's own model, or the default one."""

    async def choose(self, thread: Thread, default_model: DefaultModel) -> Choice | None:
        """Take every chat that has a model."""
        model = thread.model or await default_model()
        return Choice(agent=CHAT, model=model, why="chosen model") if model else None


class NoModel:
    """While no model is set up the built-in assistant answers, and says that it is no model."""

    async def choose(self, thread: Thread, default_model: DefaultModel) -> Choice | None:
        """Take what is left."""
        return Choice(agent=CHAT, model=ASSISTANT_MODEL, why="no model is set up")


STRATEGIES: Final[tuple[Strategy, ...]] = (SlashCommand(), ChosenModel(), NoModel())


RouteOf = Callable[[str], Awaitable[Route | None]]
"""Says what a question is about."""


async def nowhere(_: str) -> Route | None:
    """Route nothing: what those get that were given no router."""
    return None


async def choose(
    thread: Thread,
    default_model: DefaultModel,
    strategies: Sequence[Strategy] = STRATEGIES,
    route: RouteOf = nowhere,
) -> Choice:
    """Return the choice of the first strategy that has one; the default model is asked for only where it counts.

    What a model answers is routed by its intent first; a command and the built-in assistant need no route. Who asks
    for documents, by the chat's choice or by what the question surely is about, gets the agent that begins with them.

    Raises ValueError for an empty thread, and what asking for the default model raises.
    """
    if not thread.messages:
        raise ValueError("a thread to answer has at least one message")
    for strategy in strategies:
        choice = await strategy.choose(thread, default_model)
        if choice is not None:
            return await _with_documents(choice, thread, route)
    raise ValueError("no strategy chose an agent")


async def _with_documents(choice: Choice, thread: Thread, route: RouteOf) -> Choice:
    use = thread.documents
    if choice.model == ASSISTANT_MODEL:
        # It searches all documents by itself; here it is told in which.
        asked = choice.why != SLASH and use != AS_ASKED
        return replace(choice, agent=DOCUMENTS, documents=use) if asked else choice
    found = await route(thread.messages[-1].content)
    asked = use.first or (found is not None and found.sure and found.intent == SEARCH_DOCUMENTS)
    return replace(choice, agent=DOCUMENTS if asked else choice.agent, route=found, documents=use)
