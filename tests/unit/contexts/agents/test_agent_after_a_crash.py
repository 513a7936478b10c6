"""What an agent's run has recorded holds, whatever was changed between a crash and the next start."""

from __future__ import annotations

import asyncio

import pytest

from autobot.contexts.agents.agent import ChatAgent
from autobot.contexts.agents.tools import ToolBox
from autobot.kernel.sagas.run import Run
from tests.unit.contexts.agents.kit import OneAnswer, thread
from tests.unit.kernel.sagas.test_engine import Script, accept, copy_of, engine
from tests.unit.kernel.support import World

pytestmark = pytest.mark.anyio

THREAD = thread("Say hello.")


async def test_a_recorded_answer_outlives_another_system_prompt() -> None:
    """The model had answered when the process died, and the system prompt was changed since: the run ends with that
    answer, and the model is not asked again."""
    world, model, answered = World(), OneAnswer(), asyncio.Event()
    tools = ToolBox((), lambda context, action: True)

    def agent(prompt: str) -> ChatAgent:
        return ChatAgent("small", model, tools, prompt, world.clock)

    async def dies(run: Run) -> None:
        await agent("Be brief.").execute(run, THREAD)
        answered.set()
        await asyncio.Event().wait()

    async with engine(world, Script(dies)) as made:
        await accept(made, "r1")
        await answered.wait()
        left = await copy_of(world)
    world.store = left
    texts: list[str] = []

    async def goes_on(run: Run) -> None:
        texts.append((await agent("Be a gardener.").execute(run, THREAD)).content)

    script = Script(goes_on)
    async with engine(world, script) as made:
        await made.ended("r1")
    assert [one.state for _, one, _ in script.outcomes] == ["completed"]
    assert texts == ["Hello."]
    assert [one.messages[0].content for one in model.asked] == ["Be brief."]
