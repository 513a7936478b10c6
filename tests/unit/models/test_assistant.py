"""The built-in assistant: search, honest answers, slash commands with the caller's rights."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autobot
from autobot.config import KNOWN, LATER
from autobot.contexts.agents.assistant.answering import NO_MODEL, answer
from autobot.contexts.agents.assistant.commands import Commands, links_text, standard_commands, table
from autobot.contexts.agents.assistant.model import NAME, Assistant
from autobot.contexts.agents.assistant.passages import PASSAGE_MAX, Passage, anchor, passages_of
from autobot.contexts.agents.assistant.ranking import Guide, stem, words_of
from autobot.contracts import settings, system
from autobot.contracts.models import Finished, GenerateRequest, ModelMessage
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, Forbidden, InvalidInput, NotFound
from autobot.testing.models.contexts import CONTEXT, ask, collect, text_of

pytestmark = pytest.mark.anyio

PAGES = sorted((Path(autobot.__file__).parent / "guide").glob("*.md"))
GUIDE = Guide([one for page in PAGES for one in passages_of(page.read_text("utf-8"), page.name)])

PAGE = """# Models

Intro.

## Ollama
Start it.

```
# not a heading
```

### Windows
Text about windows.

# Backup
Copy it.
"""


class TestPassages:
    """Markdown into passages."""

    def test_headings_make_the_title_and_the_place(self) -> None:
        """Each section is a passage with the path of its headings; a comment in code is no heading."""
        found = passages_of(PAGE, "guide.md")
        assert [(one.title, one.source) for one in found] == [
            ("Models", "guide.md#models"),
            ("Models › Ollama", "guide.md#ollama"),
            ("Models › Ollama › Windows", "guide.md#windows"),
            ("Backup", "guide.md#backup"),
        ]
        assert "# not a heading" in found[1].text

    def test_a_long_section_is_cut_between_paragraphs(self) -> None:
        """Parts stay below the limit where paragraphs allow it, and nothing is lost."""
        text = "\n\n".join(f"Paragraph {index} " + "word " * 60 for index in range(12))
        parts = passages_of(f"# Long\n{text}", "x.md")
        assert len(parts) > 2
        assert all(len(one.text) <= PASSAGE_MAX for one in parts)
        assert "\n\n".join(one.text for one in parts) == text.strip()

    @given(markdown=st.text(alphabet="#`~ \nab", max_size=300))
    def test_no_text_is_lost_whatever_the_markdown(self, markdown: str) -> None:
        """Every word outside of headings is in a passage, for any input."""
        found = " ".join(one.text for one in passages_of(markdown, "x.md"))
        for line in markdown.splitlines():
            if not line.lstrip().startswith("#"):
                for word in line.split():
                    assert word in found

    def test_anchors_are_those_of_renderers(self) -> None:
        """Lower case, no punctuation, dashes for spaces."""
        assert anchor("Who answered, and why?") == "who-answered-and-why"


class TestSearch:
    """BM25 over passages."""

    def test_the_rarer_word_and_the_heading_weigh_more(self) -> None:
        """A passage whose heading has the rare word comes first."""
        common = [Passage(title=f"P{n}", source=f"{n}", text="the server answers") for n in range(8)]
        rare = Passage(title="Breaker", source="b", text="the server opens")
        found = Guide([*common, rare]).search("server breaker")
        assert found[0].passage is rare
        assert found[0].coverage == 1.0
        assert found[0].titled

    def test_no_shared_word_finds_nothing(self) -> None:
        """There is no best of what does not fit."""
        assert GUIDE.search("xylophone") == ()
        assert Guide([]).search("anything") == ()

    def test_endings_do_not_matter(self) -> None:
        """Singular, plural and verb forms meet."""
        assert {stem(word) for word in ("link", "links", "linked", "linking")} == {"link"}
        assert words_of("What is THE retries-policy?") == ["retri", "policy"]

    @given(text=st.text(max_size=100))
    def test_any_question_is_borne(self, text: str) -> None:
        """Scores are ordered, coverage is a share, for any input."""
        found = GUIDE.search(text)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        assert all(0 < one.coverage <= 1 for one in found)


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("How do I connect Ollama?", "models.md#ollama"),
        ("How do I use a GGUF file?", "models.md#a-gguf-file"),
        ("I forgot my password", "first-steps.md#i-lost-the-sign-in-link-or-forgot-the-password"),
        ("what is a circuit breaker", "links.md#what-a-breaker-does"),
        ("back up my data", "backup.md#make-a-backup"),
        ("Caddy setup", "reverse-proxy.md#caddy"),
        ("create an API key", "openai-api.md#api-keys"),
        ("delete a chat", "chat.md#deleting-a-chat"),
        ("can it use PostgreSQL?", "backup.md#postgresql-in-place-of-the-file"),
        ("is my data safe when the server crashes?", "chat.md#what-happens-when-i-close-the-tab"),
        ("add a user", "accounts.md#add-a-person"),
        ("use vLLM", "models.md#openai-and-compatible-servers"),
    ],
)
def test_questions_of_newcomers_find_their_place_in_the_guide(question: str, source: str) -> None:
    """The first citation is the section that answers, and the text is quoted from it."""
    said = answer(question, GUIDE)
    assert said.citations[0].source == f"guide/{source}"
    assert said.text.startswith(NO_MODEL)
    assert said.citations[0].title in said.text


@pytest.mark.parametrize(
    "question", ["What is the capital of France?", "Write me a poem about the sea", "42"]
)
def test_what_the_guide_does_not_say_is_not_guessed(question: str) -> None:
    """It says that nothing fits, that it is no model, and how to get one."""
    said = answer(question, GUIDE)
    assert said.citations == ()
    assert "not a language model" in said.text
    assert "nothing that fits" in said.text
    assert "Ollama" in said.text


@pytest.mark.parametrize("question", ["hello", "", "who are you?"])
def test_a_greeting_is_answered_with_what_it_is(question: str) -> None:
    """Without a word to look for it introduces itself."""
    assert "not a language model" in answer(question, GUIDE).text


LINK = {
    "id": "ai-ollama",
    "state": "in-use",
    "calls": 3,
    "failures": 1,
    "p95_ms": 12.5,
    "targets": [{"breaker_state": "open"}],
}


async def answers(query: Any, context: CallContext) -> Any:
    """What the bus would answer."""
    match query:
        case system.GetStatus():
            return {"position": 7, "links": {"in-use": 3}}
        case system.GetHealth():
            return system.Health(
                status="ok",
                checks=(
                    system.HealthCheck(
                        name="database",
                        state="ok",
                        detail="a|b",
                        checked_at=None,
                        age_seconds=1,
                        latency_ms=1,
                    ),
                ),
            )
        case system.ListLinks():
            return (LINK,)
        case settings.GetSetting(key="no.such"):
            raise NotFound("There is no setting no.such.", hint="GET /api/v1/settings lists them.")
        case settings.GetSetting():
            return settings.SettingView(
                key="openai.api_key",
                title="Key",
                description="The key.",
                group="Models",
                type="secret",
                value=settings.MASK,
                default=None,
                source="environment",
                locked_by="AUTOBOT_OPENAI_API_KEY",
            )
        case system.ListEvents():
            raise Forbidden("events:read is not allowed.")
    raise AssertionError(query)


async def models(_: CallContext) -> Sequence[ModelChoice]:
    """Two models."""
    return (
        ModelChoice(
            id="ollama:m", label="m", provider="ollama", link="ai-ollama", state="ready", default=True
        ),
        ModelChoice(id="llamacpp", label="f", provider="llamacpp", link="ai-llamacpp", state="absent"),
    )


COMMANDS: Commands = standard_commands(answers, models)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/help", ["/status", "/events [TYPE]"]),
        ("/status", ["Health: **ok**", "3 in-use", r"a\|b"]),
        ("/links", ["ai-ollama", "open", "12.5"]),
        ("/links browser", ["No link has"]),
        ("/models", ["ollama:m (default)", "absent"]),
        ("/settings openai.api_key", [settings.MASK, "environment, AUTOBOT_OPENAI_API_KEY"]),
        ("/settings no.such", ["did not work", "GET /api/v1/settings"]),
        ("/events", ["`/events` did not work: events:read is not allowed."]),
        ("/EVIL <b>", ["There is no command `/EVIL`", "/help"]),
    ],
)
async def test_slash_commands_ask_the_product_itself(command: str, words: list[str]) -> None:
    """Each command is answered in Markdown; a refusal is told with its reason."""
    said = text_of(await collect(Assistant(GUIDE, COMMANDS).generate(ask(command, NAME), CONTEXT)))
    for word in words:
        assert word in said


def test_values_cannot_break_out_of_a_table() -> None:
    """Pipes and line breaks in a value stay in their cell."""
    assert table(("A",), [("x|y\nz",)]).splitlines()[-1] == r"| x\|y z |"
    assert "ai-ollama" in links_text([LINK], "OLLAMA")


async def test_as_a_model_it_says_what_it_is_and_refuses_what_it_cannot() -> None:
    """Listed under its own name; no JSON, no vectors, no other name; an honest end with citations."""
    assistant = Assistant(GUIDE, COMMANDS)
    assert [one.id for one in await assistant.models(CONTEXT)] == [NAME]
    end = (await collect(assistant.generate(ask("use vLLM", NAME), CONTEXT)))[-1]
    assert isinstance(end, Finished)
    assert end.served_by is not None
    assert (end.served_by.provider, end.citations[0].source.startswith("guide/")) == ("assistant", True)
    with pytest.raises(NotFound):
        await collect(assistant.generate(ask("x", "llama3"), CONTEXT))
    with pytest.raises(InvalidInput):
        await collect(assistant.generate(ask("x", NAME, json_schema={}), CONTEXT))
    with pytest.raises(Absent):
        await assistant.embed(NAME, ["x"], CONTEXT)


async def test_only_the_last_question_counts() -> None:
    """Earlier messages, and what models said, are not looked up."""
    messages = (
        ModelMessage(role="user", content="create an API key"),
        ModelMessage(role="assistant", content="…"),
        ModelMessage(role="user", content="delete a chat"),
    )
    request = GenerateRequest(model=NAME, messages=messages)
    end = (await collect(Assistant(GUIDE, COMMANDS).generate(request, CONTEXT)))[-1]
    assert isinstance(end, Finished)
    assert end.citations[0].source == "guide/chat.md#deleting-a-chat"


def test_the_guide_s_list_of_variables_is_the_code_s() -> None:
    """Every environment variable that the code reads is explained, and no other."""
    page = next(one for one in PAGES if one.name == "settings.md").read_text("utf-8")
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`([A-Z_]+)`", rows))
    assert explained == set(KNOWN) - set(LATER)
