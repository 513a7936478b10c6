"""Makes passages of what was read from a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autobot.contexts.knowledge.domain.chunking import cut
from autobot.contexts.knowledge.ports.parsing import Parsed
from autobot.contracts.knowledge.passages import Passage, passage_id
from autobot.kernel.core.errors import TooLarge

PASSAGES_MAX: Final = 50_000
"""Passages of one document."""


def passages_of(document_id: str, version: int, title: str, parsed: Parsed) -> Sequence[Passage]:
    """Return the passages of a version in order. Raises TooLarge when there are too many."""
    found: list[Passage] = []
    for number, one in enumerate(cut(parsed.text, parsed.headings, parsed.pages)):
        if number == PASSAGES_MAX:
            raise TooLarge(f"It has more than {PASSAGES_MAX} passages.", hint="Split the document.")
        found.append(
            Passage(
                id=passage_id(document_id, version, number),
                document_id=document_id,
                version=version,
                number=number,
                title=title,
                heading=one.heading,
                text=parsed.text[one.start : one.end],
                start=one.start,
                end=one.end,
                page=one.page,
            )
        )
    return found
