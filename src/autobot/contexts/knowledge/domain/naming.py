"""What a document is called: what somebody said, else what it calls itself, else its file or address. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import unquote, urlsplit

from autobot.contracts.knowledge.documents import Original, file_title
from autobot.contracts.knowledge.words import FILENAME_MAX, PLACE_MAX, TITLE_MAX, Source

_JOINERS: Final = "\u200c\u200d"
"""They belong to words of some scripts; all else that is not seen could make a title look like another one."""
_PROGRAMS: Final = ("microsoft word - ", "microsoft powerpoint - ", "microsoft excel - ")
"""What printing into a file puts before its name."""
_NOTHING: Final = frozenset(
    [
        "untitled",
        "untitled document",
        "untitled-1",
        "unspecified",
        "anonymous",
        "(anonymous)",
        "document",
        "document1",
        "dokument1",
        "word document",
        "presentation",
        "powerpoint presentation",
        "title",
        "index",
        "none",
        "null",
    ]
)
"""What programs write when nobody gave a title."""


UNTITLED: Final = "Untitled"


def titled(text: str) -> str:
    """Return a title that somebody gave, as one line of letters that are seen."""
    return _line(text) or UNTITLED


def _line(text: str) -> str:
    seen = "".join(
        " " if one.isspace() else one
        for one in text
        if one.isspace() or one in _JOINERS or unicodedata.category(one)[0] != "C"
    )
    return " ".join(seen.split())


def name_in_address(url: str) -> str:
    """Return the name of the file that an address leads to, empty when it names none."""
    return file_name(unquote(urlsplit(url).path.rpartition("/")[2]))


def file_name(name: str) -> str:
    """Return a file's name as letters that are seen: what hides its ending would deceive who saves it."""
    return _line(name)[-FILENAME_MAX:].strip()


def place_name(path: str) -> str:
    """Return a path below a watched folder as letters that are seen, of a long one its end."""
    return _line(path)[-PLACE_MAX:].strip()


def own_title(text: str) -> str:
    """Return what a file calls itself, as one line of letters that are seen; empty when that says nothing."""
    line = _line(text)
    for program in _PROGRAMS:
        if line.lower().startswith(program):
            line = line[len(program) :]
    line = line[:TITLE_MAX].strip()
    says = any(one.isalnum() for one in line) and line.lower() not in _NOTHING
    return line if says else ""


def named_by_place(title: str, source: Source, original: Original | None) -> bool:
    """Return whether a title is only the name of the file or the address that a document came from."""
    if source == "url":
        return title.startswith(("http://", "https://"))
    if original is None:
        return False
    if source == "folder":
        name = titled(original.file.filename)
        return title == name or title.endswith(f"/{name}")
    return source == "upload" and title == titled(file_title(original.file.filename))
