"""What a question is about, in the languages that people ask in: its words without those that only ask. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.assistant.ranking import STOP
from autobot.kernel.core import scripts
from autobot.kernel.core.ranking import stem
from autobot.kernel.event_store.text import words

ENGLISH: Final = "en"
ASKING: Final = {
    "de": "aber als am an auch auf aus bei beim bekomme bin bis bitte da damit dann darf das dass dem den der des dich die "
    "dies diese diesem diesen dieser dieses dir doch du durch ein eine einem einen einer eines er es etwas fur geht gibt "
    "hab habe haben hast hat hatte heisst hier ich ihm ihn ihr ihre ihrem ihren im in ins ist ja kann kannst kein keine "
    "konnen konnte macht man mein meine meinem meinen meiner mich mir mit moglich muss mussen nach nicht noch nur ob oder "
    "ohne sein seine sich sie sind so soll sollte thema uber um und uns unser unsere vom von vor wann war waren warum was "
    "welche welchem welchen welcher welches wem wen wenden wenn wer werde werden wessen wie wieso wieviel wird wir wo wohin "
    "wurde zu zum zur lange lang viel viele heißt",
    "fr": "a ai apres as au aupres aux avec avez avoir c ce cela ces cette combien comment d dans de des dois doit doivent donc "
    "du elle elles en est et etait etes etre faire fait faut il ils j je l la le les leur leurs lequel laquelle lui m ma mais "
    "me mes moi mon n ne nos notre nous on ont ou par pas peut peux plus pour pourquoi puis qu quand que quel quelle quelles "
    "quels qui quoi s sa sans se ses si son sont suis sur t ta te tes toi ton tous tout toute trouve tu un une vers vos votre "
    "vous y est-ce",
    "es": "a adonde al algo antes como con cual cuales cuando cuanta cuantas cuanto cuantos de del desde donde dos el ella "
    "ellas ellos en entre era es esa ese eso esta estan estas este esto estos fue ha hace hacia hacer han hasta hay la las le "
    "les lo los mas me mi mis muy no nos nuestra nuestro o para pero por porque puede pueden puedo que quien quienes se sea "
    "ser si sin sobre son soy su sus tambien te tengo tiene tienen tu tus un una uno unos y ya yo",
}
"""Words that ask and join and say nothing of what is asked for, as `words` folds them."""
_FUNCTION: Final = {language: frozenset(found.split()) for language, found in ASKING.items()}
ENDINGS: Final = {
    "de": ("ern", "em", "en", "er", "es", "in", "st", "e", "n", "s", "t"),
    "fr": ("ent", "ees", "es", "ee", "er", "ez", "s", "x", "e"),
    "es": ("ando", "ar", "er", "ir", "as", "es", "os", "an", "en", "a", "e", "o", "s"),
}
"""Commonest endings of inflected words, the longest first; one after the other is taken off."""
SURE: Final = 2
"""Asking words of a language from which on a question is in it: one alone may be a word of another."""
LEFT_MIN: Final = 4
"""Letters that a word keeps at least."""
COMPOUNDING: Final = frozenset(["de"])
PART_MIN: Final = 5
"""Letters of a word from which on it may be the beginning or the end of a compound."""
_UNSPACED: Final = re.compile(
    # Japanese writes what asks and joins in Hiragana.
    "[ぁ-ゖ]+|何[時日曜冊人]*|誰|"
    "什么时候|什么|怎么样|怎么办|怎么|如何|哪[里个些家]|多[久少长]|[几谁吗呢的了是在由]|要不要|能不能|有没有|应该|可以|请问|"
    "언제|어디로?|누구(?:에게)?|누가|무엇|어떻게|며칠|얼마|몇|까지|하나요|합니까|입니까|습니까|있나요|해야|동안|[은는이가을를에의](?= |$)|"
    "กี่|ใคร|อะไร|ที่ไหน|ไหน|เมื่อไร|อย่างไร|เท่าไร|ทำ|ต้อง|ให้|เป็น"
)
"""The same in scripts that put no space between words."""


@dataclass(frozen=True, slots=True)
class Question:
    """The words that a question is about, and the language that it is asked in."""

    words: frozenset[str]
    language: str

    def share(self, title: str, text: str) -> float:
        """Return the share of its words that a passage has."""
        if not self.words:
            return 0.0
        have = {_stem(one, self.language) for one in words(scripts.spaced(f"{title} {text}"), marks=True)}
        met = self.words & have
        if self.language in COMPOUNDING:
            met |= {one for one in self.words - met if len(one) >= PART_MIN and _part(one, have)}
        return len(met) / len(self.words)


def question_of(text: str) -> Question:
    """Read a question. One that only asks is about nothing."""
    found = words(scripts.asked(_UNSPACED.sub(" ", text)), marks=True)
    language = _language(found)
    asking = STOP if language == ENGLISH else _FUNCTION[language]
    return Question(frozenset(_stem(one, language) for one in found if one not in asking), language)


def _language(found: Sequence[str]) -> str:
    """Return the language most of whose asking words are there; English when no other has two, and more than it."""
    counts = {ENGLISH: sum(one in STOP for one in found)}
    counts |= {language: sum(one in of for one in found) for language, of in _FUNCTION.items()}
    most = max(counts, key=lambda one: counts[one])
    return most if counts[most] >= SURE else ENGLISH


def _stem(word: str, language: str) -> str:
    if language == ENGLISH:
        return stem(word)
    while ending := next((one for one in ENDINGS[language] if word.endswith(one)), ""):
        if len(word) - len(ending) < LEFT_MIN:
            break
        word = word[: -len(ending)]
    return word


def _part(word: str, have: Iterable[str]) -> bool:
    return any(one.startswith(word) or one.endswith(word) for one in have)
