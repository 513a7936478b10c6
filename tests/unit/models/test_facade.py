"""The model facade over scripted providers: names, windows, failover, and who served."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from autobot.contexts.agents.catalogue import FRESH_S, Catalogue, windows_of
from autobot.contexts.agents.facade import ROW, ModelFacade, chain_of
from autobot.contexts.agents.ports import LanguageModel, ModelMessage
from autobot.contracts.models import Chunk, Finished, ModelInfo, TextDelta, ToolSpec
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    NotFound,
    RemoteError,
)
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import Answer, ScriptedModel, says
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

OPEN = CircuitOpen("The breaker is open.", link="ai-ollama", target="x", since=0.0, retry_after=5.0)
GONE = ConnectFailed("Nobody listens.")
TOOL = ToolSpec(name="clock", description="The time.", parameters={"type": "object"})


@dataclass
class House:
    """A facade with its parts."""

    facade: ModelFacade
    links: DirectLinks
    clock: ManualClock
    settings: dict[str, str | int | None] = field(default_factory=dict)

    async def generate(self, model: str, text: str = "Hello") -> list[Chunk]:
        return await collect(self.facade.generate(ask(text, model), CONTEXT))


def house(*providers: LanguageModel, rules: Sequence[str] = (), default: str | None = None) -> House:
    """A facade over these providers; its row is direct."""
    clock = ManualClock()
    links = DirectLinks(clock)
    catalogue = Catalogue(providers, clock, configured_default=lambda: default, window_limit=lambda: 2000)
    facade = ModelFacade(catalogue, links, lambda name: chain_of(rules, name))
    links.serve(ROW, DirectTransport(facade.calls, facade.streams))
    return House(facade, links, clock)


def ollama(*answers: Answer, **more: object) -> ScriptedModel:
    """An Ollama with the model `llama3:latest`."""
    return ScriptedModel("ollama", {"llama3:latest": answers or (says("from ollama"),)})


def openai(*answers: Answer) -> ScriptedModel:
    """A compatible server with the model `gpt`."""
    return ScriptedModel("openai", {"gpt": answers or (says("from openai"),)})


def end_of(chunks: list[Chunk]) -> Finished:
    """The end of an answer."""
    assert isinstance(chunks[-1], Finished)
    return chunks[-1]


@pytest.mark.parametrize("name", ["ollama:llama3:latest", "llama3:latest", "llama3"])
async def test_full_and_bare_names_reach_the_same_model(name: str) -> None:
    """A provider's prefix, a bare name, and a name without its tag mean the same model."""
    chunks = await house(ollama(), openai()).generate(name)
    served = end_of(chunks).served_by
    assert served is not None
    assert (served.provider, served.model, served.fallback) == ("ollama", "llama3:latest", False)


async def test_every_call_goes_over_the_row_of_the_matrix() -> None:
    """Generate, embed and list are counted on the Agents → LLM Interface row."""
    home = house(ollama())
    await home.generate("llama3")
    await home.facade.embed("llama3", ["a"], CONTEXT)
    await home.facade.list_models(CONTEXT)
    assert home.links.calls(ROW) == 3


async def test_an_unknown_name_is_not_found_and_says_who_could_not_be_asked() -> None:
    """A name that nobody has is not found; silence of a provider is told, and no other model steps in."""
    down = ScriptedModel("openai", {}, infos=GONE)
    home = house(ollama(), down)
    with pytest.raises(NotFound) as caught:
        await home.generate("gpt-9")
    assert "gpt-9" in caught.value.detail
    assert "OpenAI-compatible server could not be asked" in caught.value.detail


async def test_a_failover_chain_is_followed_before_the_first_chunk_and_the_answer_says_so() -> None:
    """The next model of the chain answers, marked as fallback, with none of the first one's text."""
    chunks = await house(ollama([OPEN]), openai(), rules=["ollama:llama3:latest > openai:gpt"]).generate(
        "llama3"
    )
    served = end_of(chunks).served_by
    assert served is not None
    assert (served.provider, served.fallback, text_of(chunks)) == ("openai", True, "from openai")


async def test_after_the_first_chunk_the_run_is_interrupted_and_nobody_else_is_asked() -> None:
    """A stream that breaks later ends as interrupted: another provider's text is never appended."""
    second = openai()
    broken = ollama([TextDelta(text="Once upon"), ConnectionLost("The connection broke.")])
    home = house(broken, second, rules=["openai:gpt"])
    seen: list[Chunk] = []

    async def listen() -> None:
        async for chunk in home.facade.generate(ask("Hello", "llama3"), CONTEXT):
            seen.append(chunk)

    with pytest.raises(Interrupted) as caught:
        await listen()
    assert text_of(seen) == "Once upon"
    assert second.asked == []
    assert "The connection broke." in caught.value.detail


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [
        (OPEN, True),
        (GONE, True),
        (Absent("x", "Not there.", hint="Add it."), True),
        (NotFound("Unknown."), True),
        (BadAnswer("Garbage."), True),
        (RemoteError("Failed.", status=503), True),
        (RemoteError("Refused the key.", status=401), True),
        (RemoteError("Refused the request.", status=400), False),
        (InvalidInput("Too long."), False),
        (DeadlineExceeded("Too late."), False),
    ],
)
async def test_only_what_another_provider_could_do_better_fails_over(
    error: AutoBotError, goes_on: bool
) -> None:
    """A request at fault, or time that is spent, is answered at once; a provider at fault is passed over."""
    second = openai()
    home = house(ollama([error]), second, rules=["openai:gpt"])
    if goes_on:
        assert text_of(await home.generate("llama3")) == "from openai"
    else:
        with pytest.raises(type(error)):
            await home.generate("llama3")
        assert second.asked == []


async def test_when_the_whole_chain_fails_the_asked_model_is_blamed_and_the_rest_named() -> None:
    """The error is that of the model that was asked for; the hint tells what else was tried."""
    home = house(ollama([OPEN]), openai([GONE]), rules=["openai:gpt", "openai:none"])
    with pytest.raises(CircuitOpen) as caught:
        await home.generate("llama3")
    assert caught.value.hint is not None
    assert "openai:gpt: Nobody listens." in caught.value.hint
    assert "openai:none" in caught.value.hint


async def test_without_a_chain_nobody_steps_in() -> None:
    """Failover happens only where an operator set it; the built-in assistant replaces no model."""
    assistant = ScriptedModel("assistant", {"agent:assistant": [says("I am no model.")]})
    home = house(ollama([OPEN]), assistant)
    with pytest.raises(CircuitOpen):
        await home.generate("llama3")
    assert assistant.asked == []


async def test_the_assistant_answers_to_its_own_name_only() -> None:
    """`agent:assistant` is the built-in assistant; no bare name and no default reaches it."""
    assistant = ScriptedModel("assistant", {"agent:assistant": [says("I am no model.")]})
    home = house(assistant)
    assert text_of(await home.generate("agent:assistant")) == "I am no model."
    for name in ("assistant", "", "llama3"):
        with pytest.raises(NotFound):
            await home.generate(name)


async def test_an_alternative_with_too_small_a_window_is_passed_over() -> None:
    """A prompt is never cut to make it fit a substitute."""
    small = ScriptedModel("llamacpp", {"file": [says("small")]}, infos=[ModelInfo(id="file", window=100)])
    home = house(openai([GONE]), small, rules=["llamacpp:file"])
    with pytest.raises(ConnectFailed) as caught:
        await home.generate("gpt", "word " * 500)
    assert "does not fit" in str(caught.value.hint)
    assert small.asked == []


async def test_the_window_is_set_where_the_server_lets_us_and_bounded_by_the_operator() -> None:
    """Ollama is told its window: the model's own, at most the operator's limit. Others keep theirs."""
    infos = [ModelInfo(id="big", window=128_000), ModelInfo(id="small", window=1000), ModelInfo(id="dumb")]
    answers = {info.id: [says("x")] for info in infos}
    provider = ScriptedModel("ollama", answers, infos=infos)
    other = ScriptedModel("openai", {"gpt": [says("x")]}, infos=[ModelInfo(id="gpt", window=4000)])
    home = house(provider, other)
    for name in ("big", "small", "dumb", "gpt"):
        await home.generate(name)
    assert [one.window for one in provider.asked] == [2000, 1000, 2000]
    assert other.asked[0].window is None


async def test_preparing_a_prompt_names_what_is_left_out() -> None:
    """Messages that do not fit are named by id; the model's window is told."""
    provider = ScriptedModel("ollama", {"m": [says("x")]}, infos=[ModelInfo(id="m", window=400, tools=False)])
    home = house(provider)
    thread = tuple((f"m{index}", ModelMessage(role="user", content="x" * 300)) for index in range(5))
    prompt = await home.facade.prepare("m", thread, (TOOL,), CONTEXT)
    assert prompt.left_out == ("m0", "m1", "m2")
    assert len(prompt.request.messages) == 2
    assert (prompt.window, prompt.first_target, prompt.request.model) == (400, "ollama:m", "ollama:m")
    assert prompt.request.tools == (), "this model cannot call tools"


async def test_a_provider_s_count_corrects_the_next_estimate() -> None:
    """After one answer with a count, the same thread is fitted by that provider's own measure."""
    provider = ScriptedModel(
        "ollama", {"m": [says("x", prompt_tokens=1696)]}, infos=[ModelInfo(id="m", window=2000)]
    )
    home = house(provider)
    thread = tuple((f"m{index}", ModelMessage(role="user", content="x" * 300)) for index in range(4))
    before = await home.facade.prepare("m", thread, (), CONTEXT)
    assert before.left_out == ()
    await collect(home.facade.generate(before.request, CONTEXT))
    after = await home.facade.prepare("m", thread, (), CONTEXT)
    assert after.left_out == ("m0",), "it counted four times what was estimated"


async def test_an_answer_without_its_end_is_not_taken_for_whole() -> None:
    """A provider that stops without an end, or goes on after it, is not believed."""
    with pytest.raises(Interrupted):
        await house(ollama([TextDelta(text="half")])).generate("llama3")
    with pytest.raises(BadAnswer):
        await house(ollama([])).generate("llama3")
    with pytest.raises(Interrupted):
        await house(ollama([*says("a"), TextDelta(text="b")])).generate("llama3")


async def test_closing_an_answer_closes_the_provider_s() -> None:
    """Stopping a run stops the provider's work."""
    provider = ollama(says("a", "b", "c"))
    chunks = house(provider).facade.generate(ask("Hello", "llama3"), CONTEXT)
    await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    assert provider.closed == 1


async def test_the_list_shows_each_state_and_keeps_what_was_last_said() -> None:
    """Ready, absent and unreachable are told apart; a list that could not be renewed shows its age."""
    provider = ScriptedModel(
        "ollama", {"m": [says("x")]}, infos=[ModelInfo(id="m", window=1000, detail="8B")]
    )
    file = ScriptedModel(
        "llamacpp", {}, infos=Absent("llamacpp", "No model file.", hint="autobot add local-llm")
    )
    assistant = ScriptedModel("assistant", {"agent:assistant": [says("no")]})
    home = house(provider, file, assistant)
    first = {one.id: one for one in await home.facade.list_models(CONTEXT)}
    assert (first["ollama:m"].state, first["ollama:m"].window, first["ollama:m"].default) == (
        "ready",
        1000,
        True,
    )
    assert (first["llamacpp"].state, first["llamacpp"].detail) == (
        "absent",
        "No model file. autobot add local-llm",
    )
    assert first["agent:assistant"].state == "ready"
    assert first["agent:assistant"].default is False
    provider.infos = GONE
    home.clock.advance(FRESH_S - 1)
    assert next(iter(await home.facade.list_models(CONTEXT))).state == "ready"
    home.clock.advance(2)
    again = {one.id: one for one in await home.facade.list_models(CONTEXT)}
    assert again["ollama:m"].state == "unreachable"
    assert again["ollama:m"].detail == f"8B, Nobody listens. Last listed {FRESH_S + 1:.0f} s ago."


async def test_one_question_serves_all_who_ask_at_once() -> None:
    """Ten pickers that open together ask a provider once."""
    provider = ollama()
    home = house(provider)
    await asyncio.gather(*(home.facade.list_models(CONTEXT) for _ in range(10)))
    assert provider.listed == 1


async def test_the_default_is_the_operator_s_else_the_first_model_that_is_there() -> None:
    """Without a setting, the first ready model of the first provider answers to no name."""
    home = house(ollama(), openai())
    await home.facade.list_models(CONTEXT)
    assert text_of(await home.generate("")) == "from ollama"
    assert text_of(await house(ollama(), openai(), default="gpt").generate("")) == "from openai"


async def test_embedding_goes_to_the_named_model_and_never_fails_over() -> None:
    """Vectors of two models cannot be compared, so no other model embeds."""
    home = house(ollama(), openai(), rules=["openai:gpt"])
    assert (await home.facade.embed("llama3", ["abc"], CONTEXT)).vectors == [[3.0, 1.0]]
    with pytest.raises(NotFound):
        await home.facade.embed("ollama:none", ["abc"], CONTEXT)
    for texts in ([], ["x"] * 2049):
        with pytest.raises(InvalidInput):
            await home.facade.embed("llama3", texts, CONTEXT)


async def test_a_prompt_that_surely_does_not_fit_is_refused_not_cut() -> None:
    """A request through the OpenAI dialect is not fitted, so what is far too long is refused."""
    provider = ollama()
    with pytest.raises(InvalidInput):
        await house(provider).generate("llama3", "x" * 20_000)
    assert provider.asked == []


def test_rules_of_failover_are_read_as_written() -> None:
    """Plain names are one order for everyone; a model's own rule comes before it; nobody follows itself."""
    order = ["a", "b", "c"]
    assert chain_of(order, "a") == ("b", "c")
    assert chain_of(order, "c") == ()
    assert chain_of(order, "other") == ("a", "b", "c")
    assert chain_of(["a > c > b > a", *order], "a") == ("c", "b")
    assert chain_of([], "a") == ()
    for bad in ("> b", "a >", ""):
        with pytest.raises(InvalidInput):
            chain_of([bad], "a")


async def test_the_operator_s_own_windows_overrule_what_servers_say() -> None:
    """`NAME=TOKENS`, by full or bare name, also where the server does not say."""
    assert windows_of(["ollama:big=16384", "gpt = 4096"]) == {"ollama:big": 16384, "gpt": 4096}
    for bad in ("gpt", "=5", "gpt=x", "gpt=0"):
        with pytest.raises(InvalidInput):
            windows_of([bad])
    big = ScriptedModel("ollama", {"big": [says("x")]}, infos=[ModelInfo(id="big", window=128_000)])
    catalogue = Catalogue((big, openai()), ManualClock(), windows=lambda: {"ollama:big": 16384, "gpt": 4096})
    found = await catalogue.find("big", CONTEXT)
    assert (found.window, found.sets) == (16384, 16384)
    found = await catalogue.find("gpt", CONTEXT)
    assert (found.window, found.sets) == (4096, None)


async def test_nothing_stands_in_for_a_provider_that_was_never_reached() -> None:
    """Absent providers mean that no model is set up; one that is set up and out of reach says why it has no model."""
    clock = ManualClock()
    absent = ScriptedModel("ollama", {}, infos=Absent("ollama", "Not set up.", hint="Start Ollama."))
    assistant = ScriptedModel("assistant", {"agent:assistant": [says("no")]})
    assert await Catalogue((absent, assistant), clock).default_for(CONTEXT) is None
    away = ScriptedModel("openai", {}, infos=OPEN)
    catalogue = Catalogue((absent, away, assistant), clock)
    with pytest.raises(CircuitOpen):
        await catalogue.default_for(CONTEXT)
    assert await Catalogue((away, ollama()), clock).default_for(CONTEXT) == "ollama:llama3:latest"
    away.infos = [ModelInfo(id="gpt")]
    clock.advance(FRESH_S + 1)
    assert await catalogue.default_for(CONTEXT) == "openai:gpt"
    away.infos = OPEN
    clock.advance(FRESH_S + 1)
    assert await catalogue.default_for(CONTEXT) == "openai:gpt"
