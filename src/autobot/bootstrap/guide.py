"""The user guide as passages that can be searched. Read when it is first asked for: most starts never do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from autobot.contexts.agents.assistant.passages import passages_of
from autobot.contexts.agents.assistant.ranking import Found, Guide

FOLDER: Final = Path(__file__).parent.parent / "guide"


@cache
def read_guide() -> Guide:
    """Return the whole guide."""
    pages = sorted(FOLDER.glob("*.md"))
    return Guide([one for page in pages for one in passages_of(page.read_text(encoding="utf-8"), page.stem)])


class LazyGuide(Guide):
    """The guide, read at the first question."""

    def __init__(self) -> None:
        """Read nothing yet."""

    def __len__(self) -> int:
        """Return how many passages there are."""
        return len(read_guide())

    def search(self, text: str, limit: int = 4) -> tuple[Found, ...]:
        """Return the best passages."""
        return read_guide().search(text, limit)


def search_guide(text: str) -> Sequence[Mapping[str, str]]:
    """Return the passages of the guide that fit `text`, as a tool answers them."""
    return [
        {"title": one.passage.title, "source": f"guide/{one.passage.source}", "text": one.passage.text}
        for one in read_guide().search(text)
    ]
