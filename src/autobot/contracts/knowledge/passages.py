"""Passages: the pieces of a document that are searched, shown and cited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

DIGITS: Final = 9
"""Of a version, or a passage's number in it, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of one version of a document.

    Attributes:
        id: `<document_id>.<version>.<number>` (`passage_id`).
        version: from 1; each new upload of a document makes the next.
        number: its place in that version, from 0.
        title: of the document.
        heading: the headings above it, outermost first, ` > ` between; empty for none.
        start: first code point in the document's extracted text.
        end: one past the last.
        page: of the original, from 1; None where it has no pages.
    """

    id: str
    document_id: str
    version: int
    number: int
    title: str
    heading: str
    text: str
    start: int
    end: int
    page: int | None = None


Place: TypeAlias = tuple[str, int, int]
"""Where a passage lies: document, version of it, and number in that."""


def said(passage: Passage) -> str:
    """Return what models read of a passage: what it stands under belongs to what it says."""
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text


def passage_id(document_id: str, version: int, number: int) -> str:
    """Return the id of a passage."""
    return f"{document_id}.{version}.{number}"


def place_of(id: str) -> Place | None:  # noqa: A002 - the field's own word
    """Return where the passage of an id lies; None for what is none."""
    document, _, rest = id.partition(".")
    version, _, number = rest.partition(".")
    if not document or not _counts(version) or not _counts(number):
        return None
    return document, int(version), int(number)


def _counts(text: str) -> bool:
    """Return whether a text is a count that any store can hold. Ids come from files of other programs, too."""
    return len(text) <= DIGITS and text.isascii() and text.isdecimal()
