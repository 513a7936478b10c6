"""Every provider of models keeps what the port promises: the same suite for all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.llamacpp.file import LlamaFile, LlamaOptions
from autobot.adapters.llamacpp.model import LlamaModels
from autobot.adapters.ollama.model import OllamaModels, OllamaOptions
from autobot.adapters.openai.model import OpenAIModels, OpenAIOptions
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.agents.assistant.answering import answer
from autobot.contexts.agents.assistant.model import NAME, Assistant
from autobot.contexts.agents.assistant.passages import Passage
from autobot.contexts.agents.assistant.ranking import Guide
from autobot.contracts.models import Finished, ModelInfo, ToolCall, ToolCallsDelta, ToolSpec
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.testing.conformance.language_model import LanguageModelSuite, Subject
from autobot.testing.models.contexts import CONTEXT, CountingIds
from autobot.testing.models.links import http_link
from autobot.testing.models.ollama import ollama_stand_in
from autobot.testing.models.ollama_table import SAID
from autobot.testing.models.scripted_model import ScriptedModel, says
from autobot.testing.models.tiny_gguf import Script, write_scripted

TOOL = ToolSpec(
    name="current_time",
    description="The time.",
    parameters={"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
)
SPOKEN = "Hello from a tiny model."


class TestScripted(LanguageModelSuite):
    """The scripted model of the test kit."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subject]:
        call = ToolCallsDelta(calls=(ToolCall(id="a", name="current_time", arguments={"zone": "utc"}),))
        answers = {
            "tiny": [says("Hello", " from", " a script.")],
            "caller": [[call, Finished(reason="tool_calls")]],
        }
        infos = [ModelInfo(id="tiny", window=100, embeds=True), ModelInfo(id="caller")]
        yield Subject(
            model=ScriptedModel("ollama", answers, infos),
            context=CONTEXT,
            name="tiny",
            text="Hello from a script.",
            tool=TOOL,
            arguments={"zone": "utc"},
            tool_model="caller",
            embedder="tiny",
            limits=False,
        )


class TestAssistant(LanguageModelSuite):
    """The built-in assistant."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subject]:
        guide = Guide([Passage(title="Saying", source="x.md", text="You say it.")])
        yield Subject(
            model=Assistant(guide, {}),
            context=CONTEXT,
            name=NAME,
            text=answer("Say it. 🦊", guide).text,
            limits=False,
            window=False,
        )


class TestOllama(LanguageModelSuite):
    """Ollama's dialect, spoken by the stand-in, over a real link."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subject]:
        async with ollama_stand_in() as server, http_link("ai-ollama", server.url) as link:
            options = OllamaOptions(target=server.url, configured=True)
            yield Subject(
                model=OllamaModels(link, options, CountingIds()),
                context=CONTEXT,
                name="fox",
                text=SAID,
                tool=TOOL,
                arguments={"zone": "utc"},
                tool_model="tooler",
                embedder="embedder",
            )


@pytest.fixture(scope="module")
def scripted_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that says one text and calls one tool."""
    script = Script(tool="current_time", arguments={"zone": "utc"})
    return write_scripted(tmp_path_factory.mktemp("gguf") / "scripted.gguf", script)


@asynccontextmanager
async def llama_server(file: Path) -> AsyncIterator[tuple[LlamaFile, Supervisor]]:
    """Run a real llama.cpp server for the block."""
    served = LlamaFile(LlamaOptions(file=file, window=1024, parallel=3))
    server = Supervisor(served, SystemClock())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        try:
            yield served, server
        finally:
            running.cancel()


class _OnFile(LanguageModelSuite):
    @pytest.fixture(autouse=True)
    def _file(self, scripted_file: Path) -> None:
        self.file = scripted_file


class TestLlamaCpp(_OnFile):
    """A model file in its child process."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subject]:
        async with (
            llama_server(self.file) as (file, server),
            http_link("ai-llamacpp", server.target) as link,
        ):
            yield Subject(
                model=LlamaModels(link, file, server),
                context=CONTEXT,
                name="scripted",
                text=SPOKEN,
                deltas=1,
                tool=TOOL,
                arguments={"zone": "utc"},
                tool_model="scripted",
            )


class TestOpenAI(_OnFile):
    """The OpenAI dialect, spoken by a real llama.cpp server, over a real link with the row's retries."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Subject]:
        # This server closes connections after a stream without a word, and answers to any model's name.
        retried = PipelineOptions(retry=RetryOptions(max=2, delay=0.05))
        async with (
            llama_server(self.file) as (_, server),
            http_link("ai-openai", server.target, options=retried) as link,
        ):
            await server.ready()
            yield Subject(
                model=OpenAIModels(link, OpenAIOptions(target=server.target)),
                context=CONTEXT,
                name="scripted",
                text=SPOKEN,
                deltas=1,
                tool=TOOL,
                arguments={"zone": "utc"},
                tool_model="scripted",
                any_name=True,
            )
