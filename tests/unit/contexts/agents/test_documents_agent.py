"""The documents agent: a search comes before the model, is a recorded step, and reaches every kind of model."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from autobot.contexts.agents import ports
from autobot.contexts.agents.agent import CHAT, DOCUMENTS, ChatAgent, Choice, Prompt
from autobot.contexts.agents.orchestrator import ASSISTANT_MODEL, choose
from autobot.contexts.agents.spoken import in_words
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, ToolBox, documents_tool
from autobot.contracts.chat import DocumentUse, Reply, Route, Thread
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.sagas.run import Run
from tests.unit.contexts.agents.kit import FERNS, GARDEN, QUESTION, OneAnswer, Search, thread
from tests.unit.kernel.sagas.test_engine import Script, accept, copy_of, engine
from tests.unit.kernel.support import World

pytestmark = pytest.mark.anyio


def agent(world: World, model: OneAnswer, search: Search, use: DocumentUse = GARDEN) -> ChatAgent:
    """Return the agent as the factory makes it."""
    tools = ToolBox((), lambda context, action: True).beside(documents_tool(search, use))
    return ChatAgent("small", model, tools, "", world.clock, begins_with=SEARCH_DOCUMENTS)


async def answered(model: OneAnswer, search: Search) -> Reply:
    """Run the agent and return its reply."""
    world, replies = World(), list[Reply]()

    async def work(run: Run) -> None:
        replies.append(await agent(world, model, search).execute(run, thread(QUESTION, GARDEN)))

    async with engine(world, Script(work)) as made:
        await accept(made, "r1")
        await made.ended("r1")
    return replies[0]


async def test_documents_are_searched_before_the_model_is_asked() -> None:
    """The question is looked for in the chat's collections; the model is asked once, with what was found; the reply
    shows the search and cites the passage."""
    model, search = OneAnswer(), Search()
    reply = await answered(model, search)
    assert search.asked == [(QUESTION, ("garden",))]
    (request,) = model.asked
    assert [one.role for one in request.messages] == ["user", "assistant", "tool"]
    assert FERNS.source in request.messages[-1].content
    assert [one.name for one in request.tools] == [SEARCH_DOCUMENTS]
    assert [(one.name, one.state) for one in reply.tool_calls] == [(SEARCH_DOCUMENTS, "completed")]
    assert [one.source for one in reply.citations] == [FERNS.source]


async def test_a_search_that_fails_is_told_to_model_and_person() -> None:
    """The model answers all the same, knowing what was wrong; nothing is cited."""
    model = OneAnswer()
    reply = await answered(model, Search(Absent("index", "The index is away.", hint="wait")))
    assert "The index is away." in model.asked[0].messages[-1].content
    assert [(one.state, one.result) for one in reply.tool_calls] == [("failed", "The index is away.")]
    assert (reply.status, reply.citations) == ("complete", ())


async def test_what_was_found_is_recorded() -> None:
    """Killed before the model is asked, the next life asks the model with what was found then, and does not search again."""
    world, found, asked = World(), Search(), asyncio.Event()

    class Hangs(OneAnswer):
        async def prepare(
            self,
            model: str,
            messages: tuple[tuple[str, ports.ModelMessage], ...],
            tools: tuple[ports.ToolSpec, ...],
            context: CallContext,
        ) -> Prompt:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def dies(run: Run) -> None:
        await agent(world, Hangs(), found).execute(run, thread(QUESTION, GARDEN))

    async with engine(world, Script(dies)) as made:
        await accept(made, "r1")
        await asked.wait()
        left = await copy_of(world)
    world.store = left
    again, model, replies = Search(Absent("index", "Not again.", hint="wait")), OneAnswer(), list[Reply]()

    async def goes_on(run: Run) -> None:
        replies.append(await agent(world, model, again).execute(run, thread(QUESTION, GARDEN)))

    async with engine(world, Script(goes_on)) as made:
        await made.ended("r1")
    assert (len(found.asked), again.asked) == (1, [])
    assert FERNS.source in model.asked[0].messages[-1].content
    assert [one.source for one in replies[0].citations] == [FERNS.source]


async def chosen(of: Thread, route: Route | None = None) -> Choice:
    """Return the orchestrator's choice for a question that is about this."""

    async def default() -> str | None:
        return None

    async def routed(_: str) -> Route | None:
        return route

    return await choose(of, default, route=routed)


async def test_the_orchestrator_chooses_it_by_the_chat_and_by_intent() -> None:
    """A chat that wants documents first gets it, and a question that is surely about documents; no other does."""
    asked = DocumentUse(collections=("garden",))
    sure = Route(intent=SEARCH_DOCUMENTS, confidence=0.9, sure=True, by="meaning")
    assert (await chosen(thread(QUESTION, GARDEN))).agent == DOCUMENTS
    by_intent = await chosen(thread(QUESTION, asked), sure)
    assert (by_intent.agent, by_intent.documents, by_intent.first_tool) == (DOCUMENTS, asked, "")
    assert (await chosen(thread(QUESTION, asked))).agent == CHAT
    assert (await chosen(thread(QUESTION, asked), replace(sure, sure=False))).agent == CHAT
    other = await chosen(thread(QUESTION, asked), replace(sure, intent="current_time"))
    assert (other.agent, other.first_tool) == (CHAT, "current_time")


async def test_the_built_in_assistant_is_told_where_to_look() -> None:
    """It searches by itself unless the chat names documents; a command never searches."""
    assert await chosen(thread(QUESTION, model=None)) == Choice(
        agent=CHAT, model=ASSISTANT_MODEL, why="no model is set up"
    )
    assert (
        await chosen(thread(QUESTION, DocumentUse(collections=("garden",)), model=None))
    ).agent == DOCUMENTS
    assert (await chosen(thread("/status", GARDEN, model=None))).agent == CHAT


def test_models_without_tools_get_what_was_found_in_words() -> None:
    """It stands behind the question as a quotation that no document can end; ids of messages and other turns stay."""
    call = ports.ToolCall(id="first", name=SEARCH_DOCUMENTS, arguments={"query": "q"})
    before = (
        ("m1", ports.ModelMessage(role="user", content="Hello")),
        ("m2", ports.ModelMessage(role="assistant", content="Hi")),
        ("m3", ports.ModelMessage(role="user", content="Ferns?")),
    )
    used = (
        ("", ports.ModelMessage(role="assistant", content="", tool_calls=(call,))),
        ("", ports.ModelMessage(role="tool", content=FERNS.text, tool_call_id="first", name=call.name)),
    )
    said = in_words((*before, *used))
    assert said[:2] == before[:2]
    ((name, question),) = said[2:]
    assert (name, question.role) == ("m3", "user")
    lines = question.content.splitlines()
    assert lines[0] == "Ferns?"
    assert lines[3:] == [f"> {one}" for one in FERNS.text.splitlines()]
    assert in_words(before) == before
