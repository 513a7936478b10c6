"""What the built-in assistant says: passages of the guide as they stand, with their places. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.assistant.languages import ENGLISH, Question, question_of
from autobot.contexts.agents.assistant.ranking import Found, Guide, words_of
from autobot.contexts.agents.ports import Citation
from autobot.contexts.agents.tools import Excerpt, shortened

NO_MODEL: Final = "I am AutoBot's built-in assistant, not a language model: I look things up in AutoBot's guide and in your documents, and run commands."
NEXT_STEP: Final = (
    "To talk to a language model, start Ollama on this machine, or name a model server or a GGUF file in the "
    "settings; then choose the model above the chat. `/help` lists what I can do."
)
COVERAGE_MIN: Final = 0.4
TITLED_MIN: Final = 0.25
"""A passage that has less of the question than this does not answer it: less is asked of one whose heading
speaks of it."""

SHARE_MIN: Final = 0.5
"""A passage of a document answers a question when it has this share of its words: more than it where many words were left
out as only asking in another language than English, since few are left."""

RELATED_MIN: Final = 0.6
"""Share of the best score from which a further passage is named too."""

SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer in Markdown, and what it rests on."""

    text: str
    citations: tuple[Citation, ...] = ()


def answer(question: str, guide: Guide, searched: str = "The guide says") -> Said:
    """Answer from the guide, or say that nothing fits in what was `searched`."""
    if not words_of(question):
        return Said(text=f"{NO_MODEL}\n\nAsk me about AutoBot. {NEXT_STEP}")
    found = [one for one in guide.search(question, SHOWN_MAX) if _fits(one)]
    if not found:
        return Said(
            text=f"{NO_MODEL}\n\n{searched} nothing that fits this question, and I do not guess. {NEXT_STEP}"
        )
    best = found[0]
    shown = [one for one in found if one.score >= best.score * RELATED_MIN]
    parts = [NO_MODEL, "From the guide:", *(_quoted(one) for one in shown[:2])]
    if len(shown) > 2:
        parts.append("See also: " + ", ".join(f"*{one.passage.title}*" for one in shown[2:]) + ".")
    return Said(text="\n\n".join(parts), citations=tuple(_cited(one) for one in shown))


def _fits(found: Found) -> bool:
    return found.coverage >= (TITLED_MIN if found.titled else COVERAGE_MIN)


def _quoted(found: Found) -> str:
    return f"### {found.passage.title}\n\n{found.passage.text}"


def _cited(found: Found) -> Citation:
    passage = found.passage
    return Citation(title=passage.title, source=f"guide/{passage.source}", excerpt=shortened(passage.text))


def best_of(question: str, guide: Guide, found: Sequence[Excerpt]) -> Said:
    """Answer from the guide, or from the person's documents where these have more of the question's words."""
    asked = question_of(question)
    fitting = [one for one in found if _answers(asked, one)]
    of_guide = [one.passage for one in guide.search(question, 1) if _fits(one)]
    known = max((asked.share(one.title, one.text) for one in of_guide), default=0.0)
    if not any(asked.share(one.title, one.text) > known for one in fitting):
        return answer(question, guide, "The guide and your documents say" if found else "The guide says")
    shown = fitting[:SHOWN_MAX]
    quoted = [f"**{one.title}**\n\n{_quotation(one.text)}" for one in shown[:2]]
    citations = tuple(
        Citation(title=one.title, source=one.source, excerpt=shortened(one.text)) for one in shown
    )
    return Said(text="\n\n".join([NO_MODEL, "From your documents:", *quoted]), citations=citations)


def _answers(asked: Question, passage: Excerpt) -> bool:
    share = asked.share(passage.title, passage.text)
    return share > SHARE_MIN or (share == SHARE_MIN and asked.language == ENGLISH)


def _quotation(text: str) -> str:
    """Return a text as a quotation in Markdown: a document's headings are its own, none of the answer's."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
