"""Questions in other languages than English: what they are about, and how often a document answers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.agents.assistant.answering import best_of
from autobot.contexts.agents.assistant.languages import Question, question_of
from autobot.contexts.agents.assistant.passages import passages_of
from autobot.contexts.agents.assistant.ranking import Guide, words_of
from autobot.contexts.agents.tools import Excerpt
from bench.documents_questions import judged, shares

pytestmark = pytest.mark.anyio

GUIDE = Guide(passages_of("# Backups\n\nMake a backup with `autobot backup`.", "backups.md"))
HIT_MIN, WRONG_MAX = 0.75, 0.05


async def test_documents_answer_questions_in_their_language(tmp_path: Path) -> None:
    """Of each language three in four questions are answered from the right passage, and hardly any that none answers."""
    index = await SqlitePassages.open(tmp_path / "passages.db")
    found = shares(await judged(index))
    await index.close()
    assert {language for language, _ in found} == {"de", "fr", "es", "en", "zh", "ja", "ko", "th"}
    for (language, there), (count, hit, wrong) in found.items():
        assert count >= 4, language
        assert hit >= (HIT_MIN if there else 0.0), language
        assert wrong <= WRONG_MAX, language


def test_a_persons_name_is_found_by_a_german_question() -> None:
    """The words that ask are no part of what must stand in the passage; endings and compounds meet."""
    passage = Excerpt(
        title="Hausordnung",
        source="/knowledge/documents/d1",
        text="Wartung der Heizungsanlage: Frau Petra Lindner.",
    )
    for question in (
        "Wer ist der Ansprechpartner für die Wartung der Heizung?",
        "Bei wem muss ich mich melden, wenn die Heizung gewartet werden soll?",
    ):
        about = question_of(question)
        assert about.language == "de"
        assert not about.words & {"wer", "ist", "der", "fur", "wem", "muss"}
    assert (
        best_of("Wer ist für die Wartung der Heizung da?", GUIDE, (passage,)).citations[0].source
        == passage.source
    )
    assert best_of("Wer ist der Koch der Kantine?", GUIDE, (passage,)).citations == ()


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Wie lang ist die Kündigungsfrist?", "de", {"kundigungsfri"}),
        ("Où se trouve le carnet ?", "fr", {"carnet"}),
        ("¿Dónde está la llave?", "es", {"llav"}),
        ("Where is the key?", "en", {"key"}),
        ("batteries die", "en", {"batteri", "die"}),
        ("服务器几点备份?", "en", {"服务", "务器", "点备", "备份"}),
        ("図書館では本を何冊借りられますか?", "en", {"図書", "書館", "本", "借"}),
        ("Wer ist das?", "de", set()),
        ("", "en", set()),
    ],
)
def test_what_a_question_is_about(text: str, language: str, words: set[str]) -> None:
    """Its words without those that only ask, by the endings of its language."""
    assert question_of(text) == Question(frozenset(words), language)


@pytest.mark.parametrize(
    "text",
    ["How do I make a backup?", "what is a circuit breaker", "the retries-policy of links", "XYZ 42 die"],
)
def test_english_is_read_as_ever(text: str) -> None:
    """By the words and endings that the guide is searched by."""
    assert question_of(text) == Question(frozenset(words_of(text)), "en")


def test_a_question_about_nothing_has_no_share() -> None:
    """No passage answers one that only asks."""
    assert question_of("Wer ist das?").share("Wer", "ist das") == 0.0
