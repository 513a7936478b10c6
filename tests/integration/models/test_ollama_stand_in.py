"""The Ollama adapter against the table of documented exchanges, over a real link and real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from autobot.adapters.ollama.model import OllamaModels, OllamaOptions
from autobot.contracts.models import (
    Finished,
    GenerateRequest,
    ModelMessage,
    ThinkingDelta,
    ToolCallsDelta,
    ToolSpec,
)
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    ConnectionLost,
    InvalidInput,
    NotFound,
    RemoteError,
)
from autobot.kernel.links.ports import HttpRequest
from autobot.kernel.links.registry import RowLink
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.testing.models import ollama_table as table
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask, collect, text_of
from autobot.testing.models.links import http_link
from autobot.testing.models.ollama import OllamaStandIn, ollama_stand_in

pytestmark = pytest.mark.anyio

TOOL = ToolSpec(name=table.TOOL_NAME, description="The time.", parameters={"type": "object"})


@dataclass
class Scene:
    """A stand-in, a link to it, and the adapter on the link."""

    server: OllamaStandIn
    link: RowLink
    model: OllamaModels


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Open one."""
    async with ollama_stand_in() as server, http_link("ai-ollama", server.url) as link:
        options = OllamaOptions(target=server.url, configured=True)
        yield Scene(server, link, OllamaModels(link, options, CountingIds()))


@pytest.mark.parametrize("model", ["fox", "bytewise", "one-piece", "thinker"])
async def test_the_text_is_the_same_however_it_is_cut(model: str) -> None:
    """Boundaries inside a JSON line and inside a character, or many lines at once: the same text."""
    async with scene() as at:
        chunks = await collect(at.model.generate(ask("Hi", model), CONTEXT))
        assert text_of(chunks) == table.SAID
        if model == "thinker":
            assert ThinkingDelta(text="A fox. ") in chunks


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("error-midway", RemoteError, "while it answered"),
        ("gone-midway", ConnectionLost, ""),
        ("no-done", ConnectionLost, "before its answer was done"),
        ("busy", RemoteError, "busy"),
        ("nobody", NotFound, "no model called nobody"),
    ],
)
async def test_each_documented_failure_has_its_error(
    model: str, kind: type[AutoBotError], words: str
) -> None:
    """An error line, a cut connection, a missing end, a full queue, an unknown model."""
    async with scene() as at:
        with pytest.raises(kind) as caught:
            await collect(at.model.generate(ask("Hi", model), CONTEXT))
        assert words in caught.value.detail
        if isinstance(caught.value, RemoteError) and model == "busy":
            assert caught.value.status == 503


@pytest.mark.parametrize(
    ("model", "reason", "empty"), [("cut-at-limit", "length", False), ("empty", "stop", True)]
)
async def test_a_cut_or_empty_answer_says_so(model: str, reason: str, empty: bool) -> None:
    """`done_reason` and an answer without a word."""
    async with scene() as at:
        end = (await collect(at.model.generate(ask("Hi", model), CONTEXT)))[-1]
        assert isinstance(end, Finished)
        assert (end.reason, end.empty) == (reason, empty)


async def test_a_silent_load_is_waited_for() -> None:
    """Not a byte until the model is loaded; then the answer, as if nothing had been."""
    async with scene() as at, asyncio.TaskGroup() as group:
        answer = group.create_task(collect(at.model.generate(ask("Hi", "slow-load"), CONTEXT)))
        await at.server.loading.wait()
        assert not answer.done()
        at.server.loaded.set()
        assert text_of(await answer) == table.SAID


async def test_a_tool_is_called_and_its_result_is_sent_back_by_name() -> None:
    """The call comes whole; the next request carries it and the result as documented."""
    async with scene() as at:
        called, end = await collect(at.model.generate(ask("Hi", "tooler", tools=(TOOL,)), CONTEXT))
        assert isinstance(called, ToolCallsDelta)
        assert isinstance(end, Finished)
        assert end.reason == "tool_calls"
        messages = (
            ModelMessage(role="user", content="Hi"),
            ModelMessage(role="assistant", content="", tool_calls=called.calls),
            ModelMessage(role="tool", content="12:00", tool_call_id="x", name=TOOL.name),
        )
        chunks = await collect(at.model.generate(GenerateRequest(model="tooler", messages=messages), CONTEXT))
        assert text_of(chunks) == table.SAID
        assert at.server.asked[-1][1]["messages"][-1] == {
            "role": "tool",
            "content": "12:00",
            "tool_name": TOOL.name,
        }


async def test_a_model_that_cannot_call_tools_is_told_apart() -> None:
    """The list says it beforehand; who offers tools all the same is told plainly."""
    async with scene() as at:
        found = {one.id: one.tools for one in await at.model.models(CONTEXT)}
        assert (found["fox"], found["toolless"]) == (True, False)
        with pytest.raises(InvalidInput, match="cannot call tools"):
            await collect(at.model.generate(ask("Hi", "toolless", tools=(TOOL,)), CONTEXT))


async def test_the_window_is_set_and_known() -> None:
    """`num_ctx` carries the window; the list knows what the model was trained for, or its Modelfile sets."""
    async with scene() as at:
        await collect(at.model.generate(ask("Hi", "fox", window=8192, max_tokens=50), CONTEXT))
        assert at.server.asked[-1][1]["options"] == {"num_ctx": 8192, "num_predict": 50}
        found = {one.id: one.window for one in await at.model.models(CONTEXT)}
        assert (found["fox"], found["thinker"]) == (table.TRAINED, 4096)


async def test_stopping_an_answer_closes_the_connection() -> None:
    """Ollama stops to compute when its client goes away, so a stopped answer goes away."""
    async with scene() as at:
        chunks = at.model.generate(ask("Hi", "bytewise"), CONTEXT)
        await anext(aiter(chunks))
        await chunks.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            await at.server.left.wait()
        assert at.server.gone == 1


async def test_the_stand_in_refuses_what_is_not_documented() -> None:
    """A request with a made-up field is an error, so the adapter cannot lean on what Ollama would overlook."""
    body = b'{"model":"fox","messages":[],"window":1}'
    made_up = HttpRequest(method="POST", path="/api/chat", headers={}, body=body)
    async with scene() as at:
        with pytest.raises(RemoteError) as caught:
            await at.link.call(Operation(name="chat", effect=Effect.FREE), made_up, CONTEXT)
        assert (caught.value.status, b"window" in caught.value.body) == (400, True)


async def test_nothing_at_the_usual_address_is_absent() -> None:
    """With no server there, and nobody who named the address, Ollama is absent with the step that adds it."""
    async with ollama_stand_in() as server:
        url = server.url
    async with http_link("ai-ollama", url) as link:
        model = OllamaModels(link, OllamaOptions(target=url), CountingIds())
        with pytest.raises(Absent) as caught:
            await model.models(CONTEXT)
        assert caught.value.hint


def test_every_row_of_the_table_names_its_section() -> None:
    """No exchange is made up: each says where it is documented, and each model has one row."""
    rows = [*table.CHAT, table.TOOL_CALLED, table.TOOL_ANSWERED]
    assert all(row.section for row in rows)
    assert len({row.model for row in table.CHAT}) == len(table.CHAT)
