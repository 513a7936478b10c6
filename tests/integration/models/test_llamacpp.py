"""The local model file: a real llama.cpp server in its child process, asked through a real link."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.llamacpp.file import LlamaFile, LlamaOptions
from autobot.adapters.llamacpp.model import LlamaModels
from autobot.adapters.system.clock import SystemClock
from autobot.contracts.models import (
    Finished,
    GenerateRequest,
    ModelMessage,
    TextDelta,
    ToolCallsDelta,
    ToolSpec,
)
from autobot.kernel.core.errors import Absent, ConnectFailed, DeadlineExceeded, InvalidInput, NotFound
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of
from autobot.testing.models.links import http_link
from autobot.testing.models.tiny_gguf import Script, write_random, write_scripted
from autobot.testing.processes import lives

pytestmark = pytest.mark.anyio

TOOL = ToolSpec(
    name="current_time",
    description="The time.",
    parameters={"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
)
SCRIPT = Script(tool="current_time", arguments={"zone": "utc"})
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


@dataclass
class Running:
    """A served file."""

    models: LlamaModels
    server: Supervisor


@asynccontextmanager
async def serving(file: Path, window: int = 2048) -> AsyncIterator[Running]:
    """Serve a file for the block."""
    model_file = LlamaFile(LlamaOptions(file=file, window=window))
    server = Supervisor(model_file, SystemClock())
    async with http_link("ai-llamacpp", server.target) as link, asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        try:
            yield Running(LlamaModels(link, model_file, server), server)
        finally:
            running.cancel()


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that says one text and calls one tool."""
    return write_scripted(tmp_path_factory.mktemp("gguf") / "scripted.gguf", SCRIPT)


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights."""
    return write_random(tmp_path_factory.mktemp("gguf") / "random.gguf")


async def test_listing_starts_nothing_and_asking_starts_the_server(scripted: Path) -> None:
    """The file's window is known from its header; the process starts when it is first asked."""
    async with serving(scripted) as run:
        (info,) = await run.models.models(CONTEXT)
        assert (info.id, info.window, run.server.pid) == ("scripted", 2048, None)
        chunks = await collect(run.models.generate(ask("Hi", "scripted"), CONTEXT))
        assert text_of(chunks) == "Hello from a tiny model."
        end = chunks[-1]
        assert isinstance(end, Finished)
        assert (end.reason, end.usage.completion_tokens) == ("stop", 6)
        assert end.served_by is not None
        assert end.served_by.link == "ai-llamacpp"
        assert "loaded" in (await run.models.models(CONTEXT))[0].detail
        assert any("tiny" in line or "load" in line for line in run.server.log_tail())


async def test_a_tool_is_called_and_its_result_is_answered(scripted: Path) -> None:
    """The server's own template and grammar give a whole tool call; with the result there it speaks."""
    async with serving(scripted) as run:
        called, end = await collect(run.models.generate(ask("Hi", "scripted", tools=(TOOL,)), CONTEXT))
        assert isinstance(called, ToolCallsDelta)
        assert (called.calls[0].name, called.calls[0].arguments) == ("current_time", {"zone": "utc"})
        assert isinstance(end, Finished)
        assert end.reason == "tool_calls"
        messages = (
            ModelMessage(role="user", content="Hi"),
            ModelMessage(role="assistant", content="", tool_calls=called.calls),
            ModelMessage(role="tool", content="12:00", tool_call_id=called.calls[0].id, name="current_time"),
        )
        request = GenerateRequest(model="scripted", messages=messages, tools=(TOOL,))
        assert text_of(await collect(run.models.generate(request, CONTEXT))) == "Hello from a tiny model."


async def test_a_grammar_forces_json_out_of_a_model_that_babbles(babbling: Path) -> None:
    """A schema holds whatever the weights say; without one the model runs into its limit and says so."""
    async with serving(babbling) as run:
        request = ask("Hi", "random", json_schema=SCHEMA, max_tokens=200)
        text = text_of(await collect(run.models.generate(request, CONTEXT)))
        assert "".join(text.split()) in {'{"ok":true}', '{"ok":false}'}
        free = await collect(run.models.generate(ask("Hi", "random", max_tokens=2, seed=1), CONTEXT))
        assert isinstance(free[-1], Finished)
        assert free[-1].reason == "length"


async def test_stopping_an_answer_frees_the_server(babbling: Path) -> None:
    """Who closes an endless answer can ask again at once: there is one slot, and it is free."""
    async with serving(babbling) as run:
        chunks = run.models.generate(ask("Hi", "random"), CONTEXT)
        first = await anext(aiter(chunks))
        assert isinstance(first, TextDelta), "it streams: the endless answer has a beginning"
        await chunks.aclose()  # type: ignore[attr-defined]
        again = await collect(run.models.generate(ask("Hi", "random", max_tokens=3), CONTEXT))
        assert isinstance(again[-1], Finished)


async def test_a_prompt_beyond_the_window_is_refused_with_its_size(scripted: Path) -> None:
    """The server's refusal becomes our words: how long, how large."""
    async with serving(scripted, window=256) as run:
        with pytest.raises(InvalidInput, match="tokens of 256"):
            await collect(run.models.generate(ask("word " * 300, "scripted"), CONTEXT))


async def test_a_killed_server_is_started_again_and_the_next_answer_comes(scripted: Path) -> None:
    """A crash costs the answer that was running; whoever asks next gets one."""
    async with serving(scripted) as run:
        await collect(run.models.generate(ask("Hi", "scripted"), CONTEXT))
        first = run.server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while run.server.state == "ready":
            await asyncio.sleep(0)
        chunks = await collect(run.models.generate(ask("Hi", "scripted"), CONTEXT))
        assert text_of(chunks) == "Hello from a tiny model."
        assert run.server.pid not in {None, first}


async def test_a_file_that_cannot_be_served_is_named_with_the_step_that_helps(
    tmp_path: Path, scripted: Path
) -> None:
    """Missing, foreign and cut files: each has its own sentence, in the list and in the answer."""
    foreign, cut, half = tmp_path / "text.gguf", tmp_path / "cut.gguf", tmp_path / "half.gguf"
    foreign.write_text("This is no model.")
    whole = scripted.read_bytes()
    cut.write_bytes(whole[:40])
    half.write_bytes(whole[: len(whole) // 2])
    for file, words in (
        (tmp_path / "none.gguf", "There is no file"),
        (foreign, "does not begin with GGUF"),
        (cut, "cut off"),
        (half, "could not load"),
    ):
        async with serving(file) as run:
            if file is not half:
                with pytest.raises(Absent, match=words):
                    await run.models.models(CONTEXT)
            with pytest.raises(Absent, match=words) as caught:
                await collect(run.models.generate(ask("Hi", file.stem), CONTEXT))
            assert caught.value.hint


async def test_another_name_and_vectors_are_not_there(scripted: Path) -> None:
    """One file is one model, and one that writes does not embed."""
    async with serving(scripted) as run:
        with pytest.raises(NotFound):
            await collect(run.models.generate(ask("Hi", "llama3"), CONTEXT))
        with pytest.raises(Absent):
            await run.models.embed("scripted", ["x"], CONTEXT)
        assert run.server.pid is None


async def test_an_embedding_model_embeds_and_writes_nothing(tmp_path: Path) -> None:
    """A file whose header says how it pools gives vectors: one a text, the same for the same text, of the length
    that the model has; it is listed as what it is, and writes nothing."""
    async with serving(write_random(tmp_path / "vectors.gguf", embeds=True)) as run:
        (info,) = await run.models.models(CONTEXT)
        assert (info.embeds, info.generates) == (True, False)
        found = await run.models.embed("vectors", ["one", "two", "one"], CONTEXT)
        one, two, again = found.vectors
        assert (len(one), one == again, one == two) == (64, True, False)
        assert found.served_by is not None
        assert found.served_by.provider == "llamacpp"
        assert (found.usage.prompt_tokens or 0) > 3
        long = await run.models.embed("vectors", ["word " * 300], CONTEXT)
        assert len(long.vectors[0]) == 64
        with pytest.raises(InvalidInput):
            await run.models.embed("vectors", ["word " * 3000], CONTEXT)
        with pytest.raises(InvalidInput):
            await collect(run.models.generate(ask("Hi", "vectors"), CONTEXT))


async def test_the_wait_for_loading_ends_with_the_caller_s_time(scripted: Path) -> None:
    """A deadline that is over ends the wait, and closing ends it for everyone."""
    file = LlamaFile(LlamaOptions(file=scripted))
    server = Supervisor(file, SystemClock())
    async with http_link("ai-llamacpp", server.target) as link:
        model = LlamaModels(link, file, server)
        with pytest.raises(DeadlineExceeded):
            await collect(model.generate(ask("Hi", "scripted"), CONTEXT.within(0.0)))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.run())
            while server.state != "starting":
                await asyncio.sleep(0)
            running.cancel()
        with pytest.raises(ConnectFailed):
            await server.ready()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc whether a process lives")
async def test_the_server_dies_with_its_parent(scripted: Path) -> None:
    """A parent that is killed leaves no server behind."""
    code = (
        "import asyncio,sys\n"
        "from pathlib import Path\n"
        "from autobot.adapters.child.supervisor import Supervisor\n"
        "from autobot.adapters.llamacpp.file import LlamaFile, LlamaOptions\n"
        "from autobot.adapters.system.clock import SystemClock\n"
        "async def main():\n"
        f"    file = LlamaFile(LlamaOptions(file=Path({str(scripted)!r}), window=256))\n"
        "    server = Supervisor(file, SystemClock())\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(server.run())\n"
        "        await server.ready()\n"
        "        print(server.pid, flush=True)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(10):
        while lives(pid):
            await asyncio.sleep(0)
