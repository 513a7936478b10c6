"""How many answers of a model are made at a time."""

import asyncio

import pytest

from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ROW, ModelFacade, chain_of
from autobot.contexts.agents.limits import Load, ModelLimits, limits_of
from autobot.contracts.models import Chunk, TextDelta
from autobot.kernel.core.errors import BulkheadFull, InvalidInput
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import ScriptedModel, says
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio


def facade_with(*rules: str, chain: tuple[str, ...] = ()) -> tuple[ModelFacade, ModelLimits]:
    """A facade over two models, with these limits."""
    clock = ManualClock()
    limits = ModelLimits(lambda: limits_of(rules), clock)
    models = ScriptedModel("ollama", {"tiny": [says("one", "two")], "other": [says("other")]})
    links = DirectLinks(clock)
    facade = ModelFacade(
        Catalogue((models,), clock), links, lambda name: chain_of(chain, name), limits=limits
    )
    links.serve(ROW, DirectTransport(facade.calls, facade.streams))
    return facade, limits


async def test_who_finds_no_place_waits_and_goes_on_when_one_is_free() -> None:
    """With a limit of one the second question waits until the first answer is done."""
    facade, limits = facade_with("ollama:tiny=1+1")
    first = facade.generate(ask("Hi", "tiny"), CONTEXT)
    assert await anext(first) == TextDelta(text="one")
    async with asyncio.TaskGroup() as group:
        second = group.create_task(collect(facade.generate(ask("Hi", "tiny"), CONTEXT)))
        while limits.loads()["ollama:tiny"].waiting == 0:
            await asyncio.sleep(0)
        assert limits.loads() == {"ollama:tiny": Load(running=1, waiting=1, limit=1)}
        assert text_of(await collect(first)) == "two"
        assert text_of(await second) == "onetwo"
    assert limits.loads()["ollama:tiny"].running == 0


async def test_a_full_queue_refuses_at_once_and_the_chain_steps_in() -> None:
    """Without a queue the second question is refused with a time to come back; with a chain the next model answers."""
    facade, _ = facade_with("tiny=1+0")
    first = facade.generate(ask("Hi", "tiny"), CONTEXT)
    await anext(first)
    with pytest.raises(BulkheadFull) as caught:
        await collect(facade.generate(ask("Hi", "tiny"), CONTEXT))
    assert caught.value.retry_after is not None
    await collect(first)

    chained, _ = facade_with("tiny=1+0", chain=("ollama:tiny > ollama:other",))
    held = chained.generate(ask("Hi", "tiny"), CONTEXT)
    await anext(held)
    assert text_of(await collect(chained.generate(ask("Hi", "tiny"), CONTEXT))) == "other"
    await collect(held)


async def test_a_reader_that_leaves_gives_its_place_back() -> None:
    """Closing an answer before its end frees the place for the next."""
    facade, limits = facade_with("tiny=1+0")
    first = facade.generate(ask("Hi", "tiny"), CONTEXT)
    await anext(first)
    await first.aclose()  # type: ignore[attr-defined]
    found: list[Chunk] = await collect(facade.generate(ask("Hi", "tiny"), CONTEXT))
    assert text_of(found) == "onetwo"
    assert limits.loads()["ollama:tiny"].running == 0


@pytest.mark.parametrize("rule", ["tiny", "tiny=0", "=3", "tiny=2+", "tiny=a", "tiny=1+b"])
def test_what_is_no_limit_is_refused(rule: str) -> None:
    """A rule that says no number of answers is an error, not a model without a limit."""
    with pytest.raises(InvalidInput):
        limits_of((rule,))


def test_a_limit_without_a_queue_lets_as_many_wait() -> None:
    """`NAME=4` lets four wait, `NAME=4+16` sixteen."""
    found = limits_of(("a=4", "b:c=4+16"))
    assert [(name, one.limit, one.queue) for name, one in found.items()] == [("a", 4, 4), ("b:c", 4, 16)]
