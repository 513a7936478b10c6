"""Follow-up questions: written anew by the model, once in a run, bounded, and never needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from autobot.contexts.agents import ports
from autobot.contexts.agents.agent import ChatAgent
from autobot.contexts.agents.rewriting import (
    QUESTION_MAX,
    SAID_MAX,
    TURNS,
    WITHIN_S,
    Rewriting,
    cleaned,
    talk_of,
)
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, ToolBox, documents_tool
from autobot.contracts.chat import Grounding, MessageView, Reply, Thread
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, ConnectionLost
from autobot.kernel.sagas.run import Run
from tests.unit.contexts.agents.kit import FERNS, GARDEN, OneAnswer, Search, said
from tests.unit.kernel.sagas.test_engine import Script, accept, copy_of, engine
from tests.unit.kernel.support import World

pytestmark = pytest.mark.anyio

FOLLOW_UP = "And how often do they want it in winter?"
ALONE = "How often do ferns want water in winter?"


TALK = (
    said("user", "How often do ferns want water?"),
    said("assistant", "Twice a week."),
    said("user", FOLLOW_UP),
)


class Writer:
    """Writes this, or fails; keeps what it was asked and until when."""

    def __init__(self, text: str = ALONE, fails: AutoBotError | None = None) -> None:
        self.asked: list[tuple[ports.GenerateRequest, CallContext]] = []
        self._text, self._fails = text, fails

    async def generate(
        self, request: ports.GenerateRequest, context: CallContext
    ) -> AsyncIterator[ports.Chunk]:
        """Write."""
        self.asked.append((request, context))
        if self._fails:
            raise self._fails
        yield ports.ThinkingDelta(text="It is about ferns.")
        yield ports.TextDelta(text=self._text)
        yield ports.Finished(reason="stop")


def agent(
    world: World, writer: Writer, search: Search, model: OneAnswer | None = None, *, on: bool = True
) -> ChatAgent:
    """Return the agent that begins with documents."""
    tools = ToolBox((), lambda context, action: True).beside(documents_tool(search, GARDEN))
    rewriting = Rewriting(writer, world.clock, lambda: on)
    return ChatAgent(
        "small",
        model or OneAnswer(),
        tools,
        "",
        world.clock,
        begins_with=SEARCH_DOCUMENTS,
        rewriting=rewriting,
    )


async def answered(
    writer: Writer, search: Search, messages: Sequence[MessageView] = TALK, *, on: bool = True
) -> Reply:
    """Run the agent over a talk and return its reply."""
    world, replies = World(), list[Reply]()
    thread = Thread(session_id="s", owner="ann", model="small", messages=tuple(messages), documents=GARDEN)

    async def work(run: Run) -> None:
        replies.append(await agent(world, writer, search, on=on).execute(run, thread))

    async with engine(world, Script(work)) as made:
        await accept(made, "r1")
        await made.ended("r1")
    return replies[0]


async def test_a_follow_up_is_searched_as_the_model_wrote_it() -> None:
    """The model sees the talk and the question; what it wrote is searched, and the reply says what and who wrote it."""
    writer, search = Writer(), Search()
    reply = await answered(writer, search)
    assert [one for one, _ in search.asked] == [ALONE]
    assert reply.grounding == Grounding(question=ALONE, rewritten_by="small", found=1, given=1)
    ((request, context),) = writer.asked
    said = request.messages[-1].content
    assert "> Person: How often do ferns want water?\n> Assistant: Twice a week." in said
    assert said.endswith(FOLLOW_UP)
    assert (request.model, request.tools, request.no_store) == ("small", (), True)
    assert request.max_tokens is not None
    assert context.deadline == World().clock.monotonic() + WITHIN_S


async def test_a_first_question_needs_no_model() -> None:
    """Nothing was said before: it is searched as it is, and no model is asked for it."""
    writer, search = Writer(), Search()
    reply = await answered(writer, search, TALK[:1])
    assert [one for one, _ in search.asked] == [TALK[0].content]
    assert writer.asked == []
    assert reply.grounding == Grounding(found=1, given=1)


@pytest.mark.parametrize(
    ("writer", "on", "why"),
    [
        (Writer(fails=ConnectionLost("The model is gone.", link="ai-ollama")), True, "connection-lost"),
        (Writer("x" * (QUESTION_MAX + 1)), True, "not-a-question"),
        (Writer(" \n\u202e\x00"), True, "not-a-question"),
        (Writer(), False, "off"),
    ],
    ids=["gone", "too-long", "nothing", "off"],
)
async def test_without_it_the_question_is_searched_as_it_was_said(writer: Writer, on: bool, why: str) -> None:
    """A model that fails, one that writes something else, and a setting cost the rewriting alone; the reply says why."""
    search = Search()
    reply = await answered(writer, search, on=on)
    assert [one for one, _ in search.asked] == [FOLLOW_UP]
    assert reply.grounding == Grounding(not_rewritten=why, found=1, given=1)
    assert reply.status == "complete"
    assert bool(writer.asked) is on


async def test_what_it_wrote_is_recorded() -> None:
    """Killed while it searches, the next life searches for what was written then and asks no model for it, though the
    setting is another now."""
    world, writer, asked = World(), Writer(), asyncio.Event()
    thread = Thread(session_id="s", owner="ann", model="small", messages=TALK, documents=GARDEN)

    class Hangs(Search):
        async def __call__(self, *_: object) -> Sequence[object]:  # type: ignore[override]
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def dies(run: Run) -> None:
        await agent(world, writer, Hangs()).execute(run, thread)

    async with engine(world, Script(dies)) as made:
        await accept(made, "r1")
        await asked.wait()
        left = await copy_of(world)
    world.store = left
    again, search, replies = Writer("Something else?"), Search(), list[Reply]()

    async def goes_on(run: Run) -> None:
        replies.append(await agent(world, again, search, on=False).execute(run, thread))

    async with engine(world, Script(goes_on)) as made:
        await made.ended("r1")
    assert (len(writer.asked), again.asked) == (1, [])
    assert [one for one, _ in search.asked] == [ALONE]
    assert replies[0].grounding == Grounding(question=ALONE, rewritten_by="small", found=1, given=1)
    assert [one.source for one in replies[0].citations] == [FERNS.source]


def test_little_of_the_talk_is_shown() -> None:
    """The last few messages that say something, each shortened to one line; nothing of system messages."""
    long = [said("user", f"{n} " + "word\n" * 500) for n in range(20)]
    shown = talk_of([said("system", "Be brief."), *long, said("assistant", " "), said("user", "And?")])
    assert [one.split()[1] for one in shown] == [str(n) for n in range(20 - TURNS, 20)]
    assert all(len(one) <= SAID_MAX + len("Person: ") and "\n" not in one for one in shown)
    assert talk_of([said("assistant", "Hello."), said("user", "Hi")]) == []
    assert talk_of([said("user", "Hi")]) == []


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("How?", "How?"),
        ('\n  "How often?"\nBecause of winter.', "How often?"),
        ("«Wie oft?»", "Wie oft?"),
        ("a\x00b\u202ec\td", "a b c d"),
        ("...", None),
        ("", None),
        ("x" * QUESTION_MAX, "x" * QUESTION_MAX),
    ],
)
def test_what_a_model_writes_is_cleaned(text: str, question: str | None) -> None:
    """One line, without marks that nobody sees and quotation marks around it; what says nothing is no question."""
    assert cleaned(text) == question
