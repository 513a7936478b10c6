"""The whole product with real models: a file served by llama.cpp, the Ollama stand-in, the official client."""

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess, run_cli
from autobot.testing.models.ollama import OllamaStandIn, ollama_stand_in
from autobot.testing.models.ollama_table import SAID
from autobot.testing.models.tiny_gguf import Script, write_scripted

SPOKEN = "Hello from a tiny model."
CHAIN = ["ollama:busy", "llamacpp:talker"]


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaStandIn]:
    """A stand-in on a thread of its own."""
    started, end = threading.Event(), threading.Event()
    found: list[OllamaStandIn] = []

    async def serve() -> None:
        async with ollama_stand_in() as server:
            found.append(server)
            started.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait(10)
    yield found[0]
    end.set()
    thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ollama: OllamaStandIn) -> Iterator[ServerProcess]:
    """AutoBot with a model file and the stand-in."""
    folder = tmp_path_factory.mktemp("product")
    file = write_scripted(folder / "talker.gguf", Script(tool="current_time", arguments={}))
    given = {
        "AUTOBOT_MODEL_FILE": str(file),
        "AUTOBOT_OLLAMA_URL": ollama.url,
        "AUTOBOT_MODEL": "llamacpp:talker",
    }
    with ServerProcess(folder / "data", given) as running:
        yield running


@pytest.fixture
def admin(server: ServerProcess) -> Iterator[Client]:
    """The administrator, signed in."""
    with Client(server.address) as client:
        client.sign_in("admin", PASSWORD).expect(200)
        yield client


def reply_of(admin: Client, text: str, model: str | None = None) -> dict[str, Any]:
    """Ask in a new chat and return the whole reply."""
    body = {} if model is None else {"model": model}
    session = admin.post("/api/v1/chat/sessions", body).expect(201).json
    path = f"/api/v1/chat/sessions/{session['id']}/messages"
    answer: dict[str, Any] = (
        admin.post(path, {"content": text}, headers={"prefer": "wait=50"}).expect(200).json
    )
    return answer


def test_a_chat_gets_its_answer_from_a_real_model_after_a_real_tool_call(admin: Client) -> None:
    """The model file is loaded when it is first asked, calls a tool, reads its result, and answers."""
    reply = reply_of(admin, "What time is it?")
    assert reply["status"] == "complete"
    assert reply["content"] == SPOKEN
    (call,) = reply["tool_calls"]
    assert (call["name"], call["state"]) == ("current_time", "completed")
    assert call["result"].endswith("Z")
    assert (reply["served_by"]["link"], reply["served_by"]["provider"]) == ("ai-llamacpp", "llamacpp")
    assert reply["usage"]["completion_tokens"] > 0
    rows = {one["id"]: one for one in admin.get("/api/v1/system/links").expect(200).json["items"]}
    for row in ("orchestrator-agents", "agents-llm", "ai-llamacpp"):
        assert rows[row]["calls"] > 0


def test_the_support_bundle_has_what_an_engineer_asks_for_first(admin: Client) -> None:
    """Besides info, counts and rows: what each dependency said last, and what llama.cpp wrote; no prompt in it."""
    reply_of(admin, "perhapssecretprompt")
    body = admin.get("/api/v1/system/diagnostics").expect(200).body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        read = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {one["name"] for one in json.loads(read["health.json"])} >= {"store", "ollama", "llamacpp"}
    assert "talker.gguf" in read["local-model.log"]
    assert "perhapssecretprompt" not in "".join(read.values())


def test_ollama_is_asked_with_its_window_and_says_who_it_is(admin: Client, ollama: OllamaStandIn) -> None:
    """A chat with a model of Ollama is told its window, and the answer names link and provider."""
    reply = reply_of(admin, "Hi", "ollama:fox")
    assert reply["content"] == SAID
    assert reply["served_by"]["link"] == "ai-ollama"
    asked = next(body for path, body in reversed(ollama.asked) if path == "/api/chat")
    assert asked["options"]["num_ctx"] == 8192


def test_a_failover_chain_steps_in_before_the_first_word_and_says_so(admin: Client) -> None:
    """A provider that is busy is passed over for the next of the operator's order."""
    admin("PUT", "/api/v1/settings/model.failover", {"value": CHAIN}).expect(200)
    try:
        reply = reply_of(admin, "Hi", "ollama:busy")
    finally:
        admin("DELETE", "/api/v1/settings/model.failover").expect(200)
    assert reply["content"] == SPOKEN
    assert reply["served_by"]["fallback"] is True


def forgive_ollama(server: ServerProcess, key: str) -> None:
    """Close the breaker: failures were asked for, and the next exchange shall meet the server, not the breaker."""
    order = {"action": "close", "reason": "the failures before were asked for"}
    with server.client(key=key) as operator:
        operator.post("/api/v1/system/links/ai-ollama/breaker", order).expect(200)


def test_the_official_client_talks_to_every_provider(server: ServerProcess) -> None:
    """The `openai` package over a real socket: list, whole, stream, tools, embeddings, errors."""
    import openai

    key = run_cli(server.folder, "keys", "create", "official", "--scope", "*").stdout.strip()
    forgive_ollama(server, key)
    with openai.OpenAI(api_key=key, base_url=f"{server.address}/v1", max_retries=0) as client:
        names = [one.id for one in client.models.list()]
        assert {"llamacpp:talker", "ollama:fox", "agent:assistant"} <= set(names)
        hello: Any = [{"role": "user", "content": "Hi"}]
        for model, said in (("llamacpp:talker", SPOKEN), ("ollama:fox", SAID), ("fox", SAID)):
            whole = client.chat.completions.create(model=model, messages=hello)
            assert whole.choices[0].message.content == said
            stream = client.chat.completions.create(model=model, messages=hello, stream=True)
            assert "".join(one.choices[0].delta.content or "" for one in stream if one.choices) == said
        schema = {"type": "object", "properties": {"zone": {"type": "string"}}}
        tools: Any = [{"type": "function", "function": {"name": "current_time", "parameters": schema}}]
        called = client.chat.completions.create(model="ollama:tooler", messages=hello, tools=tools)
        assert called.choices[0].message.tool_calls[0].function.name == "current_time"  # type: ignore[index,union-attr]
        vectors = client.embeddings.create(model="ollama:embedder", input=["abc", "d"])
        assert [one.embedding[0] for one in vectors.data] == [3.0, 1.0]
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model="ollama:nobody", messages=hello)
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.InternalServerError) as busy:
            client.chat.completions.create(model="ollama:busy", messages=hello)
        assert busy.value.status_code in {502, 503}
        forgive_ollama(server, key)
        broken = client.chat.completions.create(model="ollama:error-midway", messages=hello, stream=True)
        with pytest.raises(openai.APIError):
            list(broken)
        assistant = client.chat.completions.create(
            model="agent:assistant", messages=[{"role": "user", "content": "How do I make a backup?"}]
        )
        assert "autobot backup" in str(assistant.choices[0].message.content)


def test_slash_commands_are_answered_from_the_running_product(admin: Client) -> None:
    """`/links` and `/models` show what is there, whatever model the chat has."""
    assert "ai-llamacpp" in reply_of(admin, "/links")["content"]
    assert "ollama:fox" in reply_of(admin, "/models", "ollama:fox")["content"]


def test_the_picker_shows_every_model_with_its_state(admin: Client) -> None:
    """File, Ollama and assistant are ready; the server that nobody named is absent with the step that adds it."""
    items = admin.get("/api/v1/chat/models").expect(200).json["items"]
    found = {one["id"]: one for one in items}
    assert found["llamacpp:talker"]["state"] == "ready"
    assert found["llamacpp:talker"]["default"] is True
    assert found["ollama:fox"]["window"] == 8192
    assert found["agent:assistant"]["state"] == "ready"
    assert found["openai"]["state"] == "absent"
    assert "OPENAI_BASE_URL" in found["openai"]["detail"]
