"""The Ollama adapter over a scripted link: what it sends, and how it reads what comes back."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.ollama.model import OllamaModels, OllamaOptions
from autobot.contracts.models import (
    Finished,
    GenerateRequest,
    ModelMessage,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    ToolSpec,
    Usage,
)
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteThrottled,
)
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask, collect, text_of
from autobot.testing.models.scripted_link import Reply, Script, ScriptedLink, always, by_path

pytestmark = pytest.mark.anyio

TARGET = "http://127.0.0.1:11434"
ANSWER = (
    json.dumps({"message": {"role": "assistant", "content": "Grüße, "}, "done": False}, ensure_ascii=False)
    + "\n"
    + json.dumps({"message": {"role": "assistant", "content": "🦊!"}, "done": False}, ensure_ascii=False)
    + "\n"
    + '{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
    '"prompt_eval_count":26,"eval_count":4}\n'
).encode()
SERVED = ServedBy(link="ai-scripted", target=TARGET, provider="ollama", model="tiny")


def adapter(script: Script, *, configured: bool = True) -> tuple[OllamaModels, ScriptedLink]:
    """An adapter and the link under it."""
    link = ScriptedLink(script)
    return OllamaModels(link, OllamaOptions(target=TARGET, configured=configured), CountingIds()), link


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at these places."""
    edges = [0, *sorted(cuts), len(stream)]
    return [stream[low:high] for low, high in itertools.pairwise(edges)]


async def test_a_streamed_answer_is_read_with_its_usage_and_who_served_it() -> None:
    """Text deltas come as written, then one end with the provider's own counts."""
    model, _ = adapter(always(ANSWER))
    assert await collect(model.generate(ask(), CONTEXT)) == [
        TextDelta(text="Grüße, "),
        TextDelta(text="🦊!"),
        Finished(
            reason="stop", usage=Usage(prompt_tokens=26, completion_tokens=4), served_by=SERVED, empty=False
        ),
    ]


async def test_every_chunk_boundary_gives_the_same_answer() -> None:
    """A boundary inside a JSON line or inside a UTF-8 character changes nothing."""
    for size in (1, 2, 3, 5, 7, 64):
        pieces = [ANSWER[index : index + size] for index in range(0, len(ANSWER), size)]
        model, _ = adapter(always(*pieces))
        assert text_of(await collect(model.generate(ask(), CONTEXT))) == "Grüße, 🦊!"


@given(cuts=st.lists(st.integers(0, len(ANSWER)), max_size=8))
async def test_any_cutting_gives_the_same_answer(cuts: list[int]) -> None:
    """Whatever the network does to the pieces, the answer stays the same."""
    model, _ = adapter(always(*cut(ANSWER, cuts)))
    assert text_of(await collect(model.generate(ask(), CONTEXT))) == "Grüße, 🦊!"


async def test_the_request_says_all_that_the_dialect_can_say() -> None:
    """Window, limits, sampling, stop words, schema, tools and effort reach the documented fields."""
    model, link = adapter(always(ANSWER))
    call = ToolCall(id="c1", name="clock", arguments={"zone": "utc"})
    request = GenerateRequest(
        model="tiny",
        messages=(
            ModelMessage(role="system", content="Be brief."),
            ModelMessage(role="assistant", content="", tool_calls=(call,)),
            ModelMessage(role="tool", content="12:00", tool_call_id="c1", name="clock"),
        ),
        tools=(ToolSpec(name="clock", description="The time.", parameters={"type": "object"}),),
        max_tokens=50,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        json_schema={"type": "object"},
        window=8192,
        reasoning="low",
    )
    await collect(model.generate(request, CONTEXT))
    assert link.sent[0].path == "/api/chat"
    assert json.loads(link.sent[0].body) == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "clock", "arguments": {"zone": "utc"}}}],
            },
            {"role": "tool", "content": "12:00", "tool_name": "clock"},
        ],
        "stream": True,
        "tools": [
            {
                "type": "function",
                "function": {"name": "clock", "description": "The time.", "parameters": {"type": "object"}},
            }
        ],
        "format": {"type": "object"},
        "think": "low",
        "options": {
            "num_ctx": 8192,
            "num_predict": 50,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 7,
            "stop": ["END"],
        },
    }


async def test_a_request_without_wishes_leaves_everything_to_the_server() -> None:
    """No option is invented."""
    model, link = adapter(always(ANSWER))
    await collect(model.generate(ask(), CONTEXT))
    assert json.loads(link.sent[0].body) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }


async def test_a_forced_tool_call_is_refused_because_the_dialect_has_none() -> None:
    """`tool_choice=required` is said to be impossible, not ignored."""
    model, link = adapter(always(ANSWER))
    tool = ToolSpec(name="clock", description="", parameters={})
    with pytest.raises(InvalidInput):
        await collect(model.generate(ask(tools=(tool,), tool_choice="required"), CONTEXT))
    assert link.sent == []


async def test_thoughts_and_tool_calls_are_told_apart_from_text() -> None:
    """Thinking is its own delta; a tool call without an id gets one; the end says tool_calls."""
    lines = [
        {"message": {"thinking": "Let me look."}, "done": False},
        {"message": {"tool_calls": [{"function": {"name": "clock", "arguments": {"zone": "utc"}}}]}},
        {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    ]
    model, _ = adapter(always(*[json.dumps(line).encode() + b"\n" for line in lines]))
    thought, called, end = await collect(model.generate(ask(), CONTEXT))
    assert thought == ThinkingDelta(text="Let me look.")
    assert isinstance(called, ToolCallsDelta)
    assert (called.calls[0].name, called.calls[0].arguments) == ("clock", {"zone": "utc"})
    assert called.calls[0].id.startswith("call_")
    assert isinstance(end, Finished)
    assert (end.reason, end.empty) == ("tool_calls", False)


@pytest.mark.parametrize(
    ("line", "reason", "empty"),
    [
        ({"message": {"content": "Once"}, "done": True, "done_reason": "length"}, "length", False),
        ({"message": {"content": ""}, "done": True, "done_reason": "stop"}, "stop", True),
        ({"message": {"content": ""}, "done": True, "done_reason": "length"}, "length", True),
        ({"done": True}, "stop", True),
    ],
    ids=["cut at the limit", "empty", "all thought", "no message"],
)
async def test_an_answer_that_is_cut_or_empty_says_so(line: dict[str, Any], reason: str, empty: bool) -> None:
    """`done_reason` length and an answer without a word are both marked."""
    model, _ = adapter(always(json.dumps(line).encode()))
    end = (await collect(model.generate(ask(), CONTEXT)))[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.empty) == (reason, empty)


FIRST = b'{"message":{"content":"So far"},"done":false}\n'


@pytest.mark.parametrize(
    ("pieces", "error", "kind"),
    [
        ((FIRST, b'{"error":"model runner has unexpectedly stopped"}\n'), None, RemoteError),
        ((FIRST,), None, ConnectionLost),
        ((), None, ConnectionLost),
        ((FIRST,), ConnectionLost("broke"), ConnectionLost),
        ((FIRST, b"<html>oops</html>\n"), None, BadAnswer),
        ((FIRST, b'{"message":{"content":7}}\n'), None, BadAnswer),
        ((FIRST, b"[1,2]\n"), None, BadAnswer),
        ((FIRST, b"{}\n"), None, BadAnswer),
        ((FIRST, b"\xff\xfe\n"), None, BadAnswer),
        ((FIRST, b"x" * (1 << 20) + b"yyy"), None, BadAnswer),
        ((b'{"message":{"tool_calls":[{"function":{"name":""}}]},"done":true}\n',), None, BadAnswer),
    ],
    ids=[
        "error line",
        "no done",
        "nothing",
        "broken connection",
        "not JSON",
        "wrong type",
        "no object",
        "no member",
        "no UTF-8",
        "endless line",
        "nameless call",
    ],
)
async def test_a_broken_answer_is_named_with_its_hop(
    pieces: tuple[bytes, ...], error: Exception | None, kind: type[AutoBotError]
) -> None:
    """What the dialect does not allow raises an error of the tree that names link and target."""
    model, _ = adapter(always(*pieces, error=error))
    with pytest.raises(kind) as caught:
        await collect(model.generate(ask(), CONTEXT))
    assert (caught.value.link, caught.value.target) == ("ai-scripted", TARGET)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, b'{"error":"model \'tiny\' not found"}', NotFound, "no model called tiny"),
        (503, b'{"error":"server busy"}', RemoteError, "busy"),
        (429, b'{"error":"slow"}', RemoteThrottled, "slow down"),
        (400, b'{"error":"tiny does not support tools"}', InvalidInput, "cannot call tools"),
        (400, b'{"error":"/home/me/secret"}', RemoteError, "refused the request"),
        (401, b"{}", RemoteError, "refused access"),
        (500, b"panic: secret", RemoteError, "status 500"),
    ],
)
async def test_an_error_answer_means_what_the_documentation_says(
    status: int, body: bytes, kind: type[AutoBotError], words: str
) -> None:
    """Each status becomes its error, with our words and never the server's."""
    model, _ = adapter(always(body, status=status))
    with pytest.raises(kind) as caught:
        await collect(model.generate(ask(), CONTEXT))
    assert words in caught.value.detail
    assert "secret" not in caught.value.detail
    if kind is NotFound:
        assert caught.value.hint == "ollama pull tiny"
    if isinstance(caught.value, RemoteError):
        assert caught.value.status == status


async def test_nobody_at_the_usual_address_is_absent_unless_an_operator_named_it() -> None:
    """An address that nobody set and where nothing listens is an absent part, not a failure."""
    refused = always(error=ConnectFailed("refused"))
    with pytest.raises(Absent):
        await adapter(refused, configured=False)[0].models(CONTEXT)
    with pytest.raises(ConnectFailed):
        await adapter(refused, configured=True)[0].models(CONTEXT)


async def test_models_are_listed_with_window_and_abilities_and_asked_once_for_each_digest() -> None:
    """The window is what the Modelfile sets, else what the model was trained for; unknown stays unknown."""

    def script(request: Any) -> Reply:
        if request.path == "/api/tags":
            tags = [
                {"name": "chat:8b", "digest": "d1", "details": {"parameter_size": "8B"}},
                {"name": "set:1b", "digest": "d2"},
                {"name": "nomic-embed-text", "digest": "d3"},
                {"name": "old", "digest": "d4"},
            ]
            return Reply(pieces=(json.dumps({"models": tags}).encode(),))
        shown = {
            "chat:8b": {
                "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
                "capabilities": ["completion", "tools"],
            },
            "set:1b": {
                "parameters": 'stop "a b"\nnum_ctx    4096',
                "model_info": {"x.context_length": 9},
                "capabilities": ["completion"],
            },
            "nomic-embed-text": {
                "model_info": {"bert.context_length": 2048},
                "capabilities": ["embedding"],
            },
        }
        name = json.loads(request.body)["model"]
        return Reply(pieces=(json.dumps(shown[name]).encode(),)) if name in shown else Reply(status=500)

    model, link = adapter(script)
    found = {one.id: one for one in await model.models(CONTEXT)}
    assert (found["chat:8b"].window, found["chat:8b"].tools, found["chat:8b"].detail) == (131072, True, "8B")
    assert (found["set:1b"].window, found["set:1b"].tools) == (4096, False)
    assert (found["nomic-embed-text"].embeds, found["nomic-embed-text"].generates) == (True, False)
    assert (found["old"].window, found["old"].tools) == (None, None)
    asked = len(link.sent)
    await model.models(CONTEXT)
    assert len(link.sent) - asked == 2, "the list and the one that would not say"


async def test_embeddings_are_checked_and_never_cut_silently() -> None:
    """Texts are sent with truncate off; a wrong number of vectors is a bad answer."""
    good = b'{"embeddings":[[0.1,0.2],[0.3,0.4]],"prompt_eval_count":5}'
    model, link = adapter(by_path({"/api/embed": Reply(pieces=(good,))}))
    found = await model.embed("tiny", ["a", "b"], CONTEXT)
    assert (found.vectors, found.usage.prompt_tokens) == ([[0.1, 0.2], [0.3, 0.4]], 5)
    assert json.loads(link.sent[0].body) == {"model": "tiny", "input": ["a", "b"], "truncate": False}
    with pytest.raises(BadAnswer):
        await model.embed("tiny", ["a"], CONTEXT)


async def test_closing_an_answer_early_stops_the_server() -> None:
    """Who stops reading closes the stream below, so that the server stops to compute."""
    model, link = adapter(always(FIRST, FIRST, ANSWER))
    chunks = model.generate(ask(), CONTEXT)
    await anext(aiter(chunks))
    await chunks.aclose()  # type: ignore[attr-defined]
    assert link.closed == 1


async def test_the_version_proves_that_it_is_there() -> None:
    """The probe asks for the version, and garbage is no version."""
    model, _ = adapter(by_path({"/api/version": Reply(pieces=(b'{"version":"0.12.3"}',))}))
    assert await model.version(CONTEXT) == "0.12.3"
    model, _ = adapter(by_path({"/api/version": Reply(pieces=(b"hello",))}))
    with pytest.raises(BadAnswer):
        await model.version(CONTEXT)
