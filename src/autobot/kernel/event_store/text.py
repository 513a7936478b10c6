"""What a word is in full-text search; the same for every store."""

from __future__ import annotations

import unicodedata


def words(text: str) -> tuple[str, ...]:
    """Split `text` into folded words: runs of letters and digits, without case and without diacritics."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    kept = (one for one in decomposed if not unicodedata.combining(one))
    return tuple("".join(one if one.isalnum() else " " for one in kept).split())
