"""What a question is about: by meaning where a model embeds, by words where none does, and honest about which."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autobot.contexts.agents.agent import Choice
from autobot.contexts.agents.orchestrator import choose
from autobot.contexts.agents.routing import (
    REST_S,
    SHIPPED,
    TALK,
    Mode,
    Router,
    Rules,
    decided,
    intents_of,
)
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, standard_tools
from autobot.contracts.chat import MessageView, Route, Thread
from autobot.contracts.models import Embeddings, Usage
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, InvalidInput
from autobot.testing.models.contexts import CONTEXT
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

EXAMPLES = ("clock: tick tock", "clock: what hour", "chat: sing a song", "chat: write verse")
PLACES = {"tick": 0, "tock": 0, "hour": 0, "clock": 0, "sing": 1, "song": 1, "verse": 1}


class Embedder:
    """Embeds by known words: one dimension a topic, one for everything else. `model` can change, or be away."""

    def __init__(self) -> None:
        self.model: str | None = "toy"
        self.asked: list[int] = []

    async def __call__(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        if self.model is None:
            raise Absent("embeddings", "No model embeds.", hint="add one")
        self.asked.append(len(texts))
        return Embeddings(model=self.model, vectors=[self._vector(one) for one in texts], usage=Usage())

    def _vector(self, text: str) -> list[float]:
        found = [0.0, 0.0, 0.1]
        for word in text.lower().split():
            found[PLACES.get(word, 2)] += 1.0 if word in PLACES else 0.2
        return found


def router(
    embed: Any,
    mode: Mode = "meaning",
    examples: Sequence[str] = EXAMPLES,
    clock: ManualClock | None = None,
) -> Router:
    """A router over the examples."""
    rules = Rules(intents=intents_of(examples), mode=mode, threshold=0.6)
    return Router(lambda: rules, embed, clock or ManualClock())


async def route(at: Router, text: str) -> Route:
    """Route a question that must have a route."""
    found = await at.route(text, CONTEXT)
    assert found is not None
    return found


async def test_meaning_decides_and_the_examples_are_embedded_once() -> None:
    """The nearest intent is told with its confidence; another model embeds the examples anew."""
    embed = Embedder()
    at = router(embed)
    found = await route(at, "tock hour")
    assert (found.intent, found.by, found.sure, found.model) == ("clock", "meaning", True, "toy")
    assert found.confidence > 0.6
    assert (await route(at, "a song")).intent == "chat"
    assert embed.asked == [4, 1, 1]
    embed.model = "other"
    assert (await route(at, "tock")).by == "words"
    assert (await route(at, "tock")).model == "other"
    assert embed.asked == [4, 1, 1, 1, 4, 1]


async def test_what_is_near_nothing_is_not_sure() -> None:
    """Below the threshold, and where two intents are as near, the nearest is told and nothing follows from it."""
    at = router(Embedder())
    assert not (await route(at, "something else entirely")).sure
    between = await route(at, "tick song")
    assert not between.sure
    assert decided({"a": 0.9, "b": 0.895}, 0.5, "meaning", "m").sure is False
    assert decided({"a": 0.9, "b": 0.2}, 0.5, "meaning", "m").sure is True


async def test_without_a_model_words_decide_and_the_route_says_so() -> None:
    """While nothing embeds the route is by words; when a model is there again it is by meaning."""
    embed = Embedder()
    embed.model = None
    at = router(embed)
    found = await route(at, "what hour")
    assert (found.intent, found.by, found.model, found.sure) == ("clock", "words", None, True)
    embed.model = "toy"
    assert (await route(at, "tock")).by == "meaning"
    assert (await route(router(embed, "words"), "what hour")).by == "words"
    assert await router(embed, "off").route("what hour", CONTEXT) is None


async def test_an_embedding_that_takes_too_long_is_not_waited_for_again_at_once() -> None:
    """Words decide after the time is up, and for a while nobody is asked; then meaning decides again."""
    embed, clock = Embedder(), ManualClock()
    slow: list[bool] = [True]
    asked: list[bool] = []

    async def sometimes(texts: Sequence[str], context: CallContext) -> Embeddings:
        asked.append(slow[0])
        if slow[0]:
            raise TimeoutError
        return await embed(texts, context)

    at = router(sometimes, clock=clock)
    slow[0] = False
    assert (await route(at, "what hour")).by == "meaning"
    slow[0] = True
    asked.clear()
    assert (await route(at, "what hour")).by == "words"
    slow[0] = False
    assert (await route(at, "what hour")).by == "words"
    clock.advance(REST_S)
    assert (await route(at, "what hour")).by == "meaning"
    assert asked == [True, False]


async def test_a_model_that_loads_is_not_waited_for() -> None:
    """Words decide while the examples are embedded for the first time, which goes on by itself; then meaning decides."""
    embed, loaded, began = Embedder(), asyncio.Event(), asyncio.Event()

    async def loading(texts: Sequence[str], context: CallContext) -> Embeddings:
        began.set()
        await loaded.wait()
        return await embed(texts, context)

    at = router(loading)
    assert (await route(at, "what hour")).by == "words"
    assert began.is_set()
    assert (await route(at, "what hour")).by == "words"
    loaded.set()
    assert (await route(at, "what hour")).by == "meaning"
    assert embed.asked == [4, 1]
    await at.close()

    stuck = router(loading)
    loaded.clear()
    assert (await route(stuck, "what hour")).by == "words"
    await stuck.close()


def thread(text: str, model: str | None = "ollama:tiny") -> Thread:
    """A chat with one question."""
    message = MessageView(
        id="m", role="user", content=text, created_at="", run_id=None, parent_id=None, status="complete"
    )
    return Thread(session_id="s", owner="o", model=model, messages=(message,))


async def test_the_orchestrator_routes_what_a_model_answers() -> None:
    """A question to a model has a route, whose tool comes first when it is sure; commands and the assistant have none."""
    at = router(Embedder())

    async def default() -> str | None:
        return None

    async def chosen(text: str, model: str | None = "ollama:tiny") -> Choice:
        return await choose(thread(text, model), default, route=lambda said: at.route(said, CONTEXT))

    assert (await chosen("tick tock")).first_tool == "clock"
    assert (await chosen("something else entirely")).first_tool == ""
    assert (await chosen("/help tick tock")).route is None
    assert (await chosen("tick tock", None)).route is None


def test_shipped_examples_are_of_tools_that_there_are() -> None:
    """Each intent is the name of a tool or `chat`, has several examples, and none of them is in the labelled set."""

    async def read(key: str, context: CallContext) -> Any:
        return None

    tools = {one.spec.name for one in standard_tools(ManualClock(), read, lambda _: ())}
    intents = intents_of(SHIPPED)
    assert intents.keys() == {*tools, SEARCH_DOCUMENTS, TALK}
    assert min(map(len, intents.values())) >= 5
    path = Path(__file__).parents[3] / "bench" / "data" / "intents.jsonl"
    held_out = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(held_out) >= 60
    assert {one["intent"] for one in held_out} == intents.keys()
    assert not {one["text"].lower() for one in held_out} & {
        text.lower() for own in intents.values() for text in own
    }


@pytest.mark.parametrize("rule", ["", "time", "Time: x", "time:", "1time: x"])
def test_what_is_no_example_is_refused(rule: str) -> None:
    """A rule that is misspelt is an error."""
    with pytest.raises(InvalidInput):
        intents_of((rule,))
