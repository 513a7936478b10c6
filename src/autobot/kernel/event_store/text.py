"""What a word is in full-text search; the same for every store."""

from __future__ import annotations

import unicodedata


def words(text: str) -> tuple[str, ...]:
    """Split `text` into folded words: runs of letters and digits, in lower case, without diacritics.

    Only the combining marks U+0300 to U+036F count as diacritics: other scripts' marks tell words apart.
    """
    decomposed = unicodedata.normalize("NFD", text.lower())
    plain = unicodedata.normalize(
        "NFC", "".join(one for one in decomposed if not "\u0300" <= one <= "\u036f")
    )
    return tuple("".join(one if one.isalnum() else " " for one in plain).split())
