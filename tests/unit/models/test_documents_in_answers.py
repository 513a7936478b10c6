"""Answers by the person's documents: what the built-in assistant quotes, and what a reply of a model cites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import pytest

from autobot.contexts.agents.assistant.answering import NO_MODEL, best_of
from autobot.contexts.agents.assistant.passages import passages_of
from autobot.contexts.agents.assistant.ranking import Guide
from autobot.contexts.agents.tools import (
    EXCERPT_MAX,
    RESULT_MAX,
    Excerpt,
    ToolBox,
    ToolFailed,
    cited,
    documents_tool,
)
from autobot.contracts.chat import AS_ASKED, DocumentUse, ToolCallView
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import Absent

pytestmark = pytest.mark.anyio

GUIDE = Guide(passages_of("# Backups\n\nMake a backup with `autobot backup`.", "backups.md"))
CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
FERNS = Excerpt(
    title="Garden › Ferns",
    source="/knowledge/documents/d1?version=2&start=40&end=88",
    text="Ferns want water twice a week, in shade.",
)
OTHER = Excerpt(
    title="Pumps", source="/knowledge/documents/d2?version=1&start=0&end=17", text="A pump needs oil."
)


def test_a_fitting_passage_is_quoted_and_cited() -> None:
    """It says that it is no model, quotes the passage as it stands, and cites document and passage."""
    said = best_of("How often do ferns want water?", GUIDE, (FERNS, OTHER))
    assert said.text.startswith(NO_MODEL)
    assert "From your documents:" in said.text
    assert FERNS.text in said.text
    assert OTHER.text not in said.text
    assert [(one.title, one.source) for one in said.citations] == [(FERNS.title, FERNS.source)]


def test_a_passage_is_a_quotation() -> None:
    """Its headings and lists are its own: every line of it stands in the quotation."""
    passage = Excerpt(title="Ferns", source=FERNS.source, text="# Ferns\n\n- water twice a week\n- shade")
    said = best_of("How often do ferns want water?", GUIDE, (passage,))
    assert "**Ferns**\n\n> # Ferns\n>\n> - water twice a week\n> - shade" in said.text


def test_passages_that_do_not_fit_are_no_answer() -> None:
    """A passage with less than half of the question's words answers nothing; then it says so and does not guess."""
    said = best_of("Which colour has the moon over Lisbon tonight?", GUIDE, (FERNS, OTHER))
    assert said.citations == ()
    assert (
        "The guide and your documents say nothing that fits this question, and I do not guess." in said.text
    )
    assert "The guide says nothing that fits" in best_of("Which colour has the moon?", GUIDE, ()).text


def test_the_guide_answers_about_the_product() -> None:
    """Where the guide has as much of the question as the documents, it answers."""
    own = Excerpt(
        title="Notes", source="/knowledge/documents/d3?version=1&start=0&end=12", text="Make a copy."
    )
    said = best_of("How do I make a backup?", GUIDE, (own,))
    assert said.citations[0].source == "guide/backups.md#backups"
    assert best_of("", GUIDE, (own,)).citations == ()


def view(name: str, result: str | None, state: Any = "completed") -> ToolCallView:
    """Return a finished call of a tool."""
    return ToolCallView(id="1", name=name, arguments={}, state=state, result=result, duration_ms=1.0)


def test_a_reply_cites_the_passages_that_its_tool_found() -> None:
    """Each passage once, by its address; what other tools said, failed or cannot be read is none."""
    found = msgspec.json.encode([asdict(FERNS), asdict(OTHER)]).decode()
    calls = (
        view("search_documents", found),
        view("search_documents", found),
        view("search_documents", "No passage of the documents fits."),
        view("search_documents", found, "failed"),
        view("read_setting", found),
    )
    assert [one.source for one in cited(calls)] == [FERNS.source, OTHER.source]
    assert cited(()) == ()


def test_a_citation_shows_the_lines_of_its_passage() -> None:
    """Lists, code and paragraphs stay apart, with one empty line at most; what is long is cut."""
    text = "# Ferns  \n\n\n\n- damp\n    if dry:\n" + "water " * 100
    of = Excerpt(title="Ferns", source="/knowledge/documents/d1", text=text)
    result = msgspec.json.encode([asdict(of)]).decode()
    (cite,) = cited((view("search_documents", result),))
    assert cite.excerpt.startswith("# Ferns\n\n- damp\n    if dry:\nwater water")
    assert len(cite.excerpt) <= EXCERPT_MAX
    assert cite.excerpt.endswith("…")


def box_of(
    found: Sequence[Excerpt] | Exception, allowed: Callable[[CallContext, str], bool] = lambda _, __: True
) -> ToolBox:
    """Return the search of documents with this outcome, as one may use it."""

    async def search(question: str, use: DocumentUse, context: CallContext) -> Sequence[Excerpt]:
        if isinstance(found, Exception):
            raise found
        return found

    return ToolBox((), allowed).beside(documents_tool(search, AS_ASKED))


async def test_passages_come_whole_or_not_at_all() -> None:
    """However long passages are and whatever is in them, the best are in the result, and each of them can be cited."""
    for text in ("word " * 4_000, '\x01"\n' * 6_000, "💧" * 9_000):
        found = [Excerpt(title="Long", source=f"/knowledge/documents/d{n}", text=text) for n in range(9)]
        result = await box_of(found).call("search_documents", {"query": "ferns"}, CONTEXT)
        assert len(result) <= RESULT_MAX
        sources = [one.source for one in cited((view("search_documents", result),))]
        assert sources == [one.source for one in found[: len(sources)]]
        assert sources


async def test_the_tool_gives_passages_to_those_who_may_read() -> None:
    """A model gets passages with their addresses, or is told that none fits or what is wrong; without the right, nothing."""
    asked: Mapping[str, str] = {"query": "ferns"}
    box = box_of((FERNS,))
    assert [
        one.source
        for one in cited((view("search_documents", await box.call("search_documents", asked, CONTEXT)),))
    ] == [FERNS.source]
    empty = box_of(())
    assert "No passage" in await empty.call("search_documents", asked, CONTEXT)
    away = box_of(Absent("index", "The index is away.", hint="wait"))
    with pytest.raises(ToolFailed, match="away"):
        await away.call("search_documents", asked, CONTEXT)
    barred = box_of((FERNS,), lambda _, action: action != "knowledge:read")
    assert "search_documents" not in {one.name for one in barred.specs(CONTEXT)}
    with pytest.raises(ToolFailed):
        await barred.call("search_documents", asked, CONTEXT)
