"""Cuts a text into passages along its own structure, and says where each stands. Pure.

A heading begins a passage. Between headings a passage ends where the text pauses longest: between paragraphs, else at
a line's end, a sentence's end, a space; in the middle of a word only where there is none of these. Nothing of the
text is left out but the white space around passages, and nothing stands in two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PAUSES: Final = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<=[.!?;:\u061f\u06d4])[\"')\]\u00bb\u201d]*\s+|(?<=[\u3002\uff01\uff1f])"),
    re.compile(r"\s+"),
)
"""Where a text pauses, the longest pause first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How long passages are, in code points: not below `least` unless their section is, about `target`, never above
    `most`. Raises ValueError unless 1 ≤ least ≤ target ≤ most."""

    least: int = 300
    target: int = 900
    most: int = 1200

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.target <= self.most:
            raise ValueError("passages need 1 <= least <= target <= most")


SHIPPED: Final = Cutting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading at code point `start`; `level` 1 is the highest."""

    start: int
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage as code points of the text: `start`, and one past the last.

    `heading` is the path of headings above it, ` > ` between; `page` counts from 1, None without pages.
    """

    start: int
    end: int
    heading: str
    page: int | None


def cut(
    text: str, headings: Sequence[Heading] = (), pages: Sequence[int] = (), how: Cutting = SHIPPED
) -> Iterator[Piece]:
    """Yield the passages of a text in order. `headings` and `pages` (where each begins) are in order, too."""
    path: list[Heading] = []
    page = 0
    for begin, end, heading in _sections(text, headings):
        if heading is not None:
            path = [*(one for one in path if one.level < heading.level), heading]
        said = " > ".join(one.text for one in path)
        for start, stop in _stretches(text, begin, end, how):
            while page < len(pages) and pages[page] <= start:
                page += 1
            yield Piece(start=start, end=stop, heading=said, page=page or None)


def _sections(text: str, headings: Sequence[Heading]) -> Iterator[tuple[int, int, Heading | None]]:
    first = headings[0].start if headings else len(text)
    if first > 0:
        yield 0, first, None
    for number, one in enumerate(headings):
        end = headings[number + 1].start if number + 1 < len(headings) else len(text)
        yield one.start, end, one


def _stretches(text: str, start: int, end: int, how: Cutting) -> Iterator[tuple[int, int]]:
    while True:
        while start < end and text[start].isspace():
            start += 1
        if start >= end:
            return
        stop = end if end - start <= how.most else _pause(text, start, how)
        last = stop
        while last > start and text[last - 1].isspace():
            last -= 1
        yield start, last
        start = stop


def _pause(text: str, start: int, how: Cutting) -> int:
    """Return where a passage that begins at `start` ends: at the pause that is nearest to the target."""
    low, high = start + how.least, start + how.most
    for pause in PAUSES:
        found = [one.end() for one in pause.finditer(text, low, high) if one.end() > low]
        if found:
            return min(found, key=lambda at: abs(at - start - how.target))
    # No pause at all: between two characters, and never between a letter and its marks.
    for at in range(high, max(low, high - 16), -1):
        if not unicodedata.combining(text[at]):
            return at
    return high
