"""The tools that agents of this process may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from autobot.bootstrap.guide import search_guide
from autobot.contexts.agents.tools import Excerpt, SearchDocuments, ToolBox, standard_tools
from autobot.contracts import settings
from autobot.contracts.chat import DocumentUse
from autobot.contracts.knowledge.search import QUERY_MAX, SearchAnswer, SearchKnowledge
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext

PASSAGES: Final = 6
"""Passages of documents that an agent sees at once."""


def toolbox(backend: Dispatcher, clock: Clock, allowed: Callable[[Any, str], bool]) -> ToolBox:
    """Return them: each use is allowed by the rights of the person for whom the agent works."""

    async def read_setting(key: str, context: CallContext) -> Any:
        return await backend.ask(settings.GetSetting(key=key), context)

    def permitted(context: CallContext, action: str) -> bool:
        return allowed(context.principal, action)

    tools = standard_tools(clock, read_setting, search_guide)
    return ToolBox(tools, permitted)


def document_search(ask: Callable[[Any, CallContext], Awaitable[Any]]) -> SearchDocuments:
    """Return what finds passages of documents that the caller may read, for agents."""

    async def search(question: str, use: DocumentUse, context: CallContext) -> Sequence[Excerpt]:
        query = SearchKnowledge(
            query=question[:QUERY_MAX] or " ", limit=PASSAGES, collections=use.collections
        )
        answer: SearchAnswer = await ask(query, context)
        return [
            Excerpt(
                title=" › ".join(filter(None, (one.title, one.heading))),
                source=f"/knowledge/documents/{one.document_id}"
                f"?version={one.version}&start={one.start}&end={one.end}",
                text=one.text,
            )
            for one in answer.items
        ]

    return search
