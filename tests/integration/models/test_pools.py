"""Several servers behind one row: a model is asked where it is, and another server steps in before the first chunk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from autobot.adapters.ollama.model import OllamaModels, OllamaOptions
from autobot.contexts.agents.pool import PooledModels
from autobot.contracts.models import Finished
from autobot.kernel.core.errors import ConnectFailed, ConnectionLost, NotFound
from autobot.kernel.links.among import Among
from autobot.kernel.links.registry import RowLink
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.testing.models import ollama_table as table
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask, collect, text_of
from autobot.testing.models.links import http_link
from autobot.testing.models.ollama import OllamaStandIn, ollama_stand_in

pytestmark = pytest.mark.anyio

ROW = PipelineOptions(
    retry=RetryOptions(max=2, delay=0.0),
    breaker=BreakerOptions(failures=5, window=60.0),
    endpoint=EndpointOptions(policy="least_loaded", ejection=True, ejection_failures=3),
)


@dataclass
class Scene:
    """Stand-ins, the row to all of them, and the pool over it."""

    servers: list[OllamaStandIn]
    link: RowLink
    pool: PooledModels

    def chats(self, number: int) -> int:
        """How many questions for text a server got."""
        return sum(path == "/api/chat" for path, _ in self.servers[number].asked)


@asynccontextmanager
async def scene(*models: tuple[str, ...], options: PipelineOptions = ROW) -> AsyncIterator[Scene]:
    """Run a stand-in with each of these lists of models."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(ollama_stand_in()) for _ in models]
        for server, names in zip(servers, models, strict=True):
            server.models = names
        urls = [server.url for server in servers]
        link = await stack.enter_async_context(http_link("ai-ollama", *urls, options=options))
        yield Scene(servers, link, pool_of(link, urls))


def pool_of(link: RowLink, urls: list[str]) -> PooledModels:
    """The pool over a row."""

    def over(some: frozenset[str]) -> OllamaModels:
        shown = OllamaOptions(target=", ".join(sorted(some)), configured=True)
        return OllamaModels(Among(link, some), shown, CountingIds())

    return PooledModels({url: over(frozenset((url,))) for url in urls}, over)


async def served(at: Scene, model: str) -> str:
    """Ask a model and return the address that its end names."""
    end = (await collect(at.pool.generate(ask("Hi", model), CONTEXT)))[-1]
    assert isinstance(end, Finished)
    assert end.served_by is not None
    return end.served_by.target


async def test_a_model_is_only_asked_where_it_is() -> None:
    """Each of two servers has a model of its own; all questions go to the one that has it, and the end names it."""
    async with scene(("fox",), ("thinker", "embedder")) as at:
        assert [one.id for one in await at.pool.models(CONTEXT)] == ["fox", "thinker", "embedder"]
        assert {await served(at, "fox") for _ in range(6)} == {at.servers[0].url}
        assert {await served(at, "thinker") for _ in range(6)} == {at.servers[1].url}
        found = await at.pool.embed("embedder", ["a"], CONTEXT)
        assert found.served_by is not None
        assert found.served_by.target == at.servers[1].url
        assert (at.chats(0), at.chats(1)) == (6, 6)


async def test_a_model_that_came_later_is_found_and_one_that_left_is_looked_for_elsewhere() -> None:
    """A name that no list has, and one that its server denies, make the pool list again before it gives up."""
    async with scene(("fox",), ("thinker",)) as at:
        await at.pool.models(CONTEXT)
        at.servers[1].models = ("bytewise",)
        assert await served(at, "bytewise") == at.servers[1].url
        at.servers[0].models, at.servers[1].models = (), ("fox",)
        assert await served(at, "fox") == at.servers[1].url
        with pytest.raises(NotFound):
            await served(at, "nobody")


@pytest.mark.parametrize("status", [502, 503])
async def test_another_server_answers_before_the_first_chunk(status: int) -> None:
    """While one of two servers fails, every question for text and for vectors is answered by the other."""
    async with scene(("fox", "embedder"), ("fox", "embedder")) as at:
        await at.pool.models(CONTEXT)
        at.servers[0].failing = status
        assert [await served(at, "fox") for _ in range(8)] == [at.servers[1].url] * 8
        for _ in range(4):
            found = await at.pool.embed("embedder", ["a"], CONTEXT)
            assert found.served_by is not None
            assert found.served_by.target == at.servers[1].url


async def test_nothing_is_sent_again_after_the_first_chunk() -> None:
    """A stream that breaks in the middle raises what broke it, and the other server is not asked."""
    async with scene(("gone-midway",), ("gone-midway",)) as at:
        with pytest.raises(ConnectionLost):
            await collect(at.pool.generate(ask("Hi", "gone-midway"), CONTEXT))
        assert at.chats(0) + at.chats(1) == 1


async def test_who_fails_in_a_row_is_set_aside_and_only_the_other_is_asked() -> None:
    """After three failures in a row a server gets no first tries any more, before its breaker opens."""
    async with scene(("fox",), ("fox",)) as at:
        await at.pool.models(CONTEXT)
        at.servers[0].failing = 502
        for _ in range(30):
            assert await served(at, "fox") == at.servers[1].url
        assert at.link.pipeline is not None
        first, second = at.link.pipeline.snapshot().targets
        assert (first.ejected_until is not None, second.ejected_until) == (True, None)
        assert (first.breaker_state, at.chats(0)) == ("closed", 3)


async def test_a_busy_server_is_spared() -> None:
    """While one of two servers loads a model for somebody, the other one gets the questions."""
    async with scene(("fox", "slow-load"), ("fox",)) as at, asyncio.TaskGroup() as group:
        await at.pool.models(CONTEXT)
        waiting = group.create_task(collect(at.pool.generate(ask("Hi", "slow-load"), CONTEXT)))
        await at.servers[0].loading.wait()
        assert {await served(at, "fox") for _ in range(8)} == {at.servers[1].url}
        at.servers[0].loaded.set()
        assert text_of(await waiting) == table.SAID


async def test_a_server_that_is_down_hides_no_models_of_the_others() -> None:
    """One address where nobody listens: the list is that of the other, and when all are down their error is told."""
    async with ollama_stand_in() as server:
        server.models = ("fox",)
        urls = ["http://127.0.0.1:9", server.url]
        async with http_link("ai-ollama", *urls, options=replace(ROW, retry=None)) as link:
            at = Scene([server], link, pool_of(link, urls))
            assert [one.id for one in await at.pool.models(CONTEXT)] == ["fox"]
            assert await served(at, "fox") == server.url
    gone = ["http://127.0.0.1:9", "http://127.0.0.1:10"]
    async with http_link("ai-ollama", *gone, options=replace(ROW, retry=None)) as link:
        with pytest.raises(ConnectFailed) as caught:
            await pool_of(link, gone).models(CONTEXT)
        assert caught.value.target == gone[0]
