"""Questions that mean the same get an earlier answer where an operator wants it, and never anybody else's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ROW, ModelFacade
from autobot.contexts.agents.similar import KEPT_S, SimilarAnswers
from autobot.contracts.models import (
    Chunk,
    Embeddings,
    Finished,
    ModelMessage,
    ServedBy,
    ToolCall,
    ToolCallsDelta,
    ToolSpec,
    Usage,
    came,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import Answer, ScriptedModel, says
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

BOB = replace(CONTEXT, principal=replace(CONTEXT.principal, id="bob", user_id="bob"))
TOOL = ToolSpec(name="clock", description="The time.", parameters={"type": "object"})
DIRECTIONS = {"sky": [1.0, 0.0], "heaven": [0.98, 0.2], "sea": [0.0, 1.0]}


class House:
    """A facade whose similar answers are kept above a cosine of 0.95."""

    def __init__(self, *answers: Answer) -> None:
        self.clock = ManualClock()
        self.threshold, self.away = 0.95, False
        self.model = ScriptedModel("openai", {"gpt": answers or [says("blue"), says("wet"), says("third")]})
        self.counted: list[ServedBy] = []
        links = DirectLinks(self.clock)
        self.facade = ModelFacade(Catalogue((self.model,), self.clock), links)
        self.similar = self.facade.similar = SimilarAnswers(
            lambda: self.threshold, self.embed, self.clock, lambda _, by: self.counted.append(by)
        )
        links.serve(ROW, DirectTransport(self.facade.calls, self.facade.streams))

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed by the one word that is known."""
        if self.away:
            raise Absent("embeddings", "Nothing embeds.", hint="add it")
        word = next(one for one in DIRECTIONS if one in texts[0])
        return Embeddings(model="toy", vectors=[DIRECTIONS[word]], usage=Usage())

    async def ask(self, text: str, context: CallContext = CONTEXT, **more: Any) -> list[Chunk]:
        """Ask a question."""
        return await collect(self.facade.generate(ask(text, "gpt", **more), context))


def how(chunks: list[Chunk]) -> str:
    """What the end says of a cache."""
    end = chunks[-1]
    assert isinstance(end, Finished)
    assert end.served_by is not None
    return end.served_by.cached


async def test_a_question_that_means_the_same_gets_the_earlier_answer_and_says_so() -> None:
    """Near enough: the same words, `similar`, counted, no second question; another meaning is asked."""
    home = House()
    assert how(await home.ask("Why is the sky so?")) == ""
    again = await home.ask("Why is heaven so?")
    assert (text_of(again), how(again), came(again[0])) == ("blue", "similar", "similar")
    assert [one.cached for one in home.counted] == ["similar"]
    assert text_of(await home.ask("Why is the sea so?")) == "wet"
    assert len(home.model.asked) == 2


async def test_it_is_off_unless_set_and_the_threshold_counts_at_once() -> None:
    """With 0 nothing is kept or given; a higher threshold asks again."""
    home = House()
    home.threshold = 0.0
    await home.ask("sky")
    await home.ask("sky")
    assert len(home.model.asked) == 2
    home.threshold = 0.95
    await home.ask("sky")
    home.threshold = 0.999
    assert how(await home.ask("heaven")) == ""
    assert how(await home.ask("sky")) == "similar"


async def test_nobody_gets_anothers_answer_nor_one_to_another_conversation() -> None:
    """Another person, another message before, another limit of the answer: each is asked."""
    home = House()
    await home.ask("sky")
    assert how(await home.ask("sky", BOB)) == ""
    assert how(await home.ask("sky", max_tokens=5)) == ""
    before = (ModelMessage(role="system", content="Be brief."), ModelMessage(role="user", content="sky"))
    assert (
        how(await collect(home.facade.generate(replace(ask("sky", "gpt"), messages=before), CONTEXT))) == ""
    )
    assert how(await home.ask("sky")) == "similar"


async def test_tools_and_no_store_always_reach_the_model() -> None:
    """A question with tools, one that forbids it, and an answer with tool calls are neither given nor kept."""
    called = (
        ToolCallsDelta(calls=(ToolCall(id="a", name="clock", arguments={}),)),
        Finished(reason="tool_calls"),
    )
    home = House(says("blue"), called, says("more"))
    await home.ask("sky", tools=(TOOL,))
    await home.ask("sky", no_store=True)
    assert len(home.model.asked) == 2
    assert how(await home.ask("sky")) == ""
    tooled = House(called, says("blue"))
    await tooled.ask("sky")
    assert how(await tooled.ask("sky")) == ""


async def test_what_was_known_is_forgotten() -> None:
    """After documents or models changed, also while the answer was being made, and after an hour, it is asked again."""
    home = House()
    await home.ask("sky")
    home.similar.forget()
    assert how(await home.ask("sky")) == ""
    home.similar.forget()
    asking = home.facade.generate(ask("sky", "gpt"), CONTEXT)
    await anext(asking)
    home.similar.forget()
    await collect(asking)
    assert how(await home.ask("sky")) == ""
    assert how(await home.ask("sky")) == "similar"
    home.clock.advance(KEPT_S)
    assert how(await home.ask("sky")) == ""


async def test_without_a_model_that_embeds_questions_are_asked() -> None:
    """While nothing can be compared the cache is as if it were not there."""
    home = House()
    await home.ask("sky")
    home.away = True
    assert how(await home.ask("sky")) == ""
    home.away = False
    assert how(await home.ask("sky")) == "similar"
