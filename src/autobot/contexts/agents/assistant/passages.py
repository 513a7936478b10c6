"""Cuts a guide written in Markdown into passages under their headings. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PASSAGE_MAX: Final = 1_200
"""Characters of a passage; a longer section is cut between paragraphs."""

_HEADING: Final = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_FENCE: Final = re.compile(r"\s*(```|~~~)")
_NOT_IN_ANCHOR: Final = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of the guide. `title` is the path of headings, `source` the page with the heading's anchor."""

    title: str
    source: str
    text: str


def passages_of(markdown: str, page: str) -> tuple[Passage, ...]:
    """Return the passages of a page. `page` is its name, `models.md`."""
    found: list[Passage] = []
    path: list[str] = []
    lines: list[str] = []
    fence: str | None = None

    def close() -> None:
        text = "\n".join(lines).strip()
        lines.clear()
        if text:
            title = " › ".join(path) or page
            source = f"{page}#{anchor(path[-1])}" if path else page
            found.extend(Passage(title=title, source=source, text=part) for part in parts_of(text))

    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark:
            fence = mark[1] if fence is None else None if mark[1] == fence else fence
        heading = _HEADING.fullmatch(line) if fence is None and not mark else None
        if heading:
            close()
            del path[len(heading[1]) - 1 :]
            path.append(heading[2])
        else:
            lines.append(line)
    close()
    return tuple(found)


def anchor(heading: str) -> str:
    """Return the anchor that Markdown renderers give a heading."""
    return _NOT_IN_ANCHOR.sub("", heading.lower()).replace(" ", "-")


def parts_of(text: str) -> list[str]:
    """Cut a text between paragraphs into parts of at most PASSAGE_MAX characters where that is possible.

    A fenced block stays whole with its paragraph.
    """
    parts: list[str] = []
    for paragraph in _paragraphs(text):
        if parts and len(parts[-1]) + len(paragraph) + 2 <= PASSAGE_MAX:
            parts[-1] += "\n\n" + paragraph
        else:
            parts.append(paragraph)
    return parts


def _paragraphs(text: str) -> list[str]:
    found: list[list[str]] = [[]]
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        if not line.strip() and not fenced:
            found.append([])
        else:
            found[-1].append(line)
    return ["\n".join(lines) for lines in found if lines]
