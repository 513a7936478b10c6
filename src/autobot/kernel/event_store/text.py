"""What a word is in full-text search, and what is shown of a hit; the same for every store that keeps the text."""

from __future__ import annotations

import unicodedata
from typing import Final

EXCERPT: Final = 60
"""Characters before and after the match in an excerpt."""


def words(text: str, *, marks: bool = False) -> tuple[str, ...]:
    """Split `text` into folded words: runs of letters and digits, in lower case, without diacritics.

    Only the combining marks U+0300 to U+036F count as diacritics: other scripts' marks tell words apart, as part of them
    with `marks`, else by ending them.
    """
    decomposed = unicodedata.normalize("NFD", text.lower())
    plain = unicodedata.normalize(
        "NFC", "".join(one for one in decomposed if not "\u0300" <= one <= "\u036f")
    )
    within = "M" if marks else ""
    return tuple(
        "".join(
            one if one.isalnum() or (within and unicodedata.category(one)[0] == within) else " "
            for one in plain
        ).split()
    )


def excerpt(text: str, wanted: str) -> str:
    """Return what stands around the first word that matches, with that word in «»."""
    asked = words(wanted)
    start = 0
    for piece in text.split():
        start = text.index(piece, start)
        have = words(piece)
        if any(one in asked[:-1] or one.startswith(asked[-1]) for one in have):
            end = start + len(piece)
            left, right = max(0, start - EXCERPT), min(len(text), end + EXCERPT)
            return f"{'…' if left else ''}{text[left:start]}«{piece}»{text[end:right]}{'…' if right < len(text) else ''}"
        start += len(piece)
    return text[: 2 * EXCERPT]
