"""Equal questions without chance are asked once, kept where the row says so, and their answers say that."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ROW, ModelFacade, repeatable
from autobot.contexts.agents.metering import Meter, Rules, usage_rows
from autobot.contracts.models import MODELS_TAG, Chunk, Finished, TextDelta, ToolSpec
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask, collect, text_of
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import ScriptedModel, says
from autobot.testing.virtual_time import ManualClock
from tests.unit.gateway.edge import AUTHORIZED
from tests.unit.models.dialect import END, Models, chat, client

pytestmark = pytest.mark.anyio
TOOL = ToolSpec(name="clock", description="The time.", parameters={"type": "object"})
BOB = replace(CONTEXT, principal=replace(CONTEXT.principal, id="bob", user_id="bob"))


class House:
    """A facade over one model, with a row that keeps answers for `ttl` seconds."""

    def __init__(self, ttl: float) -> None:
        self.clock = ManualClock()
        self.store = MemoryEventStore(self.clock)
        self.model = ScriptedModel("openai", {"gpt": [says("one", "two", prompt_tokens=5)]})
        self.links = DirectLinks(self.clock, PipelineOptions(cache=CacheOptions(ttl=ttl, jitter=0.0)))
        self.meter = Meter(self.store, self.clock, CountingIds(), Rules)
        self.facade = ModelFacade(Catalogue((self.model,), self.clock), self.links, meter=self.meter)
        self.links.serve(ROW, DirectTransport(self.facade.calls, self.facade.streams))

    async def ask(self, context: Any = CONTEXT, **more: Any) -> list[Chunk]:
        """Ask, with temperature 0 unless told otherwise."""
        return await collect(self.facade.generate(ask("Hi", "gpt", **({"temperature": 0.0} | more)), context))


def cached(chunks: list[Chunk]) -> str:
    """What the end says of a cache."""
    end = chunks[-1]
    assert isinstance(end, Finished)
    assert end.served_by is not None
    return end.served_by.cached


async def test_an_equal_question_is_answered_again_and_says_so() -> None:
    """The second answer has the same text and says `hit`; other people, other questions and new models get their own."""
    home = House(60.0)
    first, second = await home.ask(), await home.ask()
    assert text_of(first) == text_of(second) == "onetwo"
    assert (cached(first), cached(second), len(home.model.asked)) == ("", "hit", 1)
    assert cached(await home.ask(BOB)) == ""
    assert cached(await home.ask(seed=7)) == ""
    pipeline = home.links.link(ROW).pipeline
    assert pipeline is not None
    pipeline.invalidate(MODELS_TAG)
    assert cached(await home.ask()) == ""
    assert len(home.model.asked) == 4


async def test_equal_questions_at_the_same_time_are_one() -> None:
    """A row without a ttl still joins them: one question reaches the model, and the second answer says `joined`."""
    home = House(0.0)
    first, second = await asyncio.gather(home.ask(), home.ask())
    assert text_of(first) == text_of(second) == "onetwo"
    assert ([cached(first), cached(second)], len(home.model.asked)) == (["", "joined"], 1)
    assert cached(await home.ask()) == ""


async def test_a_cached_answer_costs_no_tokens_and_is_counted() -> None:
    """The meter has two calls, one of them cached, and the tokens of one."""
    home = House(60.0)
    await home.ask()
    await home.ask()
    await home.meter.flush()
    row = (await usage_rows(home.store, "0000-00-00", "9999-99-99"))[0].document
    assert (row["calls"], row["cached"], row["prompt_tokens"]) == (2, 1, 5)


@pytest.mark.parametrize(
    ("more", "shared"),
    [
        ({"temperature": 0.0}, True),
        ({"seed": 1}, True),
        ({}, False),
        ({"temperature": 0.7}, False),
        ({"temperature": 0.0, "tools": (TOOL,)}, False),
        ({"temperature": 0.0, "no_store": True}, False),
    ],
)
async def test_only_what_has_no_chance_in_it_is_shared(more: dict[str, Any], shared: bool) -> None:
    """Temperature 0 or a seed, no tools, and nobody who said `no-store`."""
    request = ask("Hi", "gpt", **more)
    assert repeatable(request) is shared
    home = House(60.0)
    for _ in range(2):
        await collect(home.facade.generate(request, CONTEXT))
    assert len(home.model.asked) == (1 if shared else 2)


async def test_the_dialect_says_so_in_the_header_and_takes_no_store() -> None:
    """`Cache-Status` (RFC 9211) tells of a kept answer, and `Cache-Control: no-store` reaches the models."""
    assert END.served_by is not None
    hit = Models((TextDelta(text="x"), replace(END, served_by=replace(END.served_by, cached="hit"))))
    plain = Models()
    reply = await client(hit)("POST", "/v1/chat/completions", headers=AUTHORIZED, json_body=chat())
    assert reply["cache-status"] == "AutoBot; hit"
    assert reply.json["autobot"]["served_by"]["cached"] == "hit"
    headers = {**AUTHORIZED, "cache-control": "max-age=0, no-store"}
    reply = await client(plain)("POST", "/v1/chat/completions", headers=headers, json_body=chat())
    assert "cache-status" not in dict(reply.headers)
    assert plain.asked[0].no_store


async def test_a_streamed_answer_from_the_cache_has_the_header_too() -> None:
    """The header is sent before the first word, by what the row tells."""
    home = House(60.0)

    class Facade(Models):
        """The facade as the dialect sees it."""

        def generate(self, request: Any, context: Any) -> Any:
            return home.facade.generate(request, context)

    body = chat(model="gpt", temperature=0, stream=True)
    for expected in (None, "AutoBot; hit"):
        reply = await client(Facade())("POST", "/v1/chat/completions", headers=AUTHORIZED, json_body=body)
        assert dict(reply.headers).get("cache-status") == expected
    assert len(home.model.asked) == 1
