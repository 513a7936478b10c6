"""Where words stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_LIKE: Final = str.maketrans({"\u0130": "i", "\u03c2": "\u03c3"})
"""Letters whose small form is longer than they are, or another one at the end of a word (Turkish İ, Greek ς)."""


def places_of(text: str, sought: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each place of `sought`, none for white space alone.

    Capitals do not matter, nor which white space stands between its words: lines of a page break anywhere. Places do
    not overlap.
    """
    words = _small(sought).split()
    if not words:
        return
    pattern = re.compile(r"\s+".join(re.escape(word) for word in words))
    for found in pattern.finditer(_small(text)):
        yield found.span()


def _small(text: str) -> str:
    """Return a text of the same length without capitals."""
    return text.translate(_LIKE).lower().replace("\u03c2", "\u03c3") if not text.isascii() else text.lower()
