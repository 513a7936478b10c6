"""Reading what documents say: stretches of their text, where pages and passages lie, and where words stand.

Places are code points of the text of one version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.words import Id

SOUGHT_MAX: Final = 10_000
"""Places of words in one document that are counted."""
Version = Annotated[int, Ge(1)]
"""Of a document; where none is given, the one that searches find."""
Sought = Annotated[str, Len(1, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDocumentText:
    """A stretch of the text that was read from a document: code points from `start`, at most `length`."""

    id: Id
    version: Version | None = None
    start: Annotated[int, Ge(0)] = 0
    length: Annotated[int, Ge(1)] = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMark:
    """A page of a document begins at code point `start`."""

    page: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """A stretch of a document's text, `start` to `end` of `total` code points, with the pages that begin in it.

    `page` is the one that `start` lies on, None where there are none; the document has `page_count`.
    """

    id: str
    version: int
    title: str
    start: int
    end: int
    total: int
    text: str
    pages: tuple[PageMark, ...]
    page: int | None = None
    page_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPlace:
    """Where a page (from 1) or a passage (`number`, from 0) of a document lies: one of the two is given."""

    id: Id
    version: Version | None = None
    page: Annotated[int, Ge(1)] | None = None
    passage: Annotated[int, Ge(0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStretch:
    """From code point `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindInDocument:
    """Where words stand in a document, in capitals or not, with whatever white space between them.

    `start`: answer from the first place at or behind this code point on; `skip`: from the place with this number on,
    from 0, in its stead.
    """

    id: Id
    text: Sought
    version: Version | None = None
    start: Annotated[int, Ge(0)] = 0
    skip: Annotated[int, Ge(0), Le(SOUGHT_MAX)] | None = None
    limit: Annotated[int, Ge(1), Le(500)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrences:
    """Places of words in a document, in its order: `items` are those from number `first` (from 0) of `count` on.

    `more`: there are more than were counted.
    """

    version: int
    count: int
    more: bool
    first: int
    items: tuple[TextStretch, ...]
