"""Words of scripts that put no space between words: Han, Kana, Hangul, Thai, Lao, Khmer, Burmese. Pure.

A run of their letters is read as overlapping pairs, as search engines without a dictionary do (CJK bigrams; Hangul has
spaces, but its particles cling to words). In texts a letter that can be a word stands by itself too, so that a question of
one letter finds it. Words of other scripts stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

Cut = Callable[[Sequence[str]], list[str]]

READING: Final = 2
"""Version of how texts are read into words. Who keeps words makes them anew when theirs is another."""

_HAN: Final = (
    "\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
_KANA: Final = (
    "\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\U0001aff0-\U0001afff\U0001b000-\U0001b16f"
)
_HANGUL: Final = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
_SOUTH_EAST: Final = "".join(
    letter
    for first, last in (
        ("\u0e01", "\u0ede"),
        ("\u1000", "\u109d"),
        ("\u1780", "\u17dd"),
        ("\ua9e0", "\uaa7f"),
    )
    for letter in map(chr, range(ord(first), ord(last) + 1))
    if unicodedata.category(letter)[0] in "LM" and not "\uaa00" <= letter <= "\uaa5f"
)
"""Letters and marks of Thai and Lao, Burmese, Khmer, and Burmese's extensions."""
_MARKS: Final = "".join(one for one in _SOUTH_EAST if unicodedata.category(one)[0] == "M")
_STACKS: Final = "\u1039\u17d2"
"""After these a letter is written below the one before."""

_FOLDED: Final = re.compile("[\u2f00-\u2fd5\u3200-\u33ff\uff01-\uffef]+")
"""Letters in another width, in a frame, or as a radical: they are read as what they stand for (Unicode's NFKC)."""
_UNSEEN: Final = re.compile(
    "[\u00ad\u0332-\u036f\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4"
    "\u06e7\u06e8\u06ea-\u06ed]+"
)
"""What makes no other word: hidden hyphens, joiners, diacritics, choices of a shape, and the points and strokes of Hebrew and
Arabic, which most writers leave out."""
_SIGNS: Final = re.compile("[\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Marks of symbols: they end a word."""
_RUN: Final = re.compile(f"[{_HAN}{_KANA}{_HANGUL}{_SOUTH_EAST}]+")
_LETTER: Final = re.compile(f"[^{_MARKS}](?:[{_MARKS}]|(?<=[{_STACKS}]).)*")
_SOUND: Final = re.compile(f"[{_KANA}]")
_ANY: Final = re.compile("|".join(one.pattern for one in (_FOLDED, _UNSEEN, _SIGNS, _RUN)))


def spaced(text: str) -> str:
    """Return a text to be indexed, with spaces between all that is a word for a search. Most texts stay as they are."""
    return _read(text, _of_text)


def asked(text: str) -> str:
    """Return a question with spaces between its words, each of which `spaced` has made of a text that holds them."""
    return _read(text, _of_question)


def _read(text: str, cut: Cut) -> str:
    if text.isascii() or not _ANY.search(text):
        return text
    folded = _FOLDED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    plain = _SIGNS.sub(" ", _UNSEEN.sub("", folded))
    return _RUN.sub(lambda found: f" {' '.join(cut(_letters(found[0])))} ", plain)


def _letters(run: str) -> list[str]:
    """Return the letters of a run, each with its marks."""
    return _LETTER.findall(unicodedata.normalize("NFKC", run))


def _pairs(letters: Sequence[str]) -> list[str]:
    return [one + other for one, other in pairwise(letters)]


def _of_text(letters: Sequence[str]) -> list[str]:
    """Return the words of a run in a text: pairs, and letters by themselves; one of Kana is a word only where it is alone."""
    alone = [one for one in letters if len(letters) == 1 or not _SOUND.match(one)]
    return _pairs(letters) + alone


def _of_question(letters: Sequence[str]) -> list[str]:
    """Return the words of a run in a question: pairs, or its only letter."""
    return _pairs(letters) or list(letters)
