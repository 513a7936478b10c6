"""What the built-in assistant says: passages of the guide as they stand, with their places. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.assistant.ranking import Found, Guide, words_of
from autobot.contexts.agents.ports import Citation

NO_MODEL: Final = "I am AutoBot's built-in assistant, not a language model: I look things up in AutoBot's guide and run commands."
NEXT_STEP: Final = (
    "To talk to a language model, start Ollama on this machine, or name a model server or a GGUF file in the "
    "settings; then choose the model above the chat. `/help` lists what I can do."
)
COVERAGE_MIN: Final = 0.4
TITLED_MIN: Final = 0.25
"""A passage that has less of the question than this does not answer it: less is asked of one whose heading
speaks of it."""

RELATED_MIN: Final = 0.6
"""Share of the best score from which a further passage is named too."""

EXCERPT_MAX: Final = 300
SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer in Markdown, and what it rests on."""

    text: str
    citations: tuple[Citation, ...] = ()


def answer(question: str, guide: Guide) -> Said:
    """Answer from the guide, or say that nothing in it fits."""
    if not words_of(question):
        return Said(text=f"{NO_MODEL}\n\nAsk me about AutoBot. {NEXT_STEP}")
    found = [one for one in guide.search(question, SHOWN_MAX) if _fits(one)]
    if not found:
        return Said(
            text=f"{NO_MODEL}\n\nThe guide says nothing that fits this question, and I do not guess. {NEXT_STEP}"
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
    text = " ".join(found.passage.text.split())
    excerpt = text if len(text) <= EXCERPT_MAX else text[: EXCERPT_MAX - 1].rstrip() + "…"
    return Citation(title=found.passage.title, source=f"guide/{found.passage.source}", excerpt=excerpt)
