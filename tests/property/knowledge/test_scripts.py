"""Words of scripts without spaces: what a question reads, a text has; all other texts are read as ever."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.scripts import asked, spaced
from autobot.kernel.event_store.text import words

LETTERS = (
    "本司报销截止期東京都機械学習𠮷𩸽",
    "あいうえおかガギパーッ",
    "회사휴가를신청하려면",
    ("น้ำ", "ดื่", "ม", "กิ", "น", "ข้", "า", "ว", "เ", "ที่", "ไ"),
    ("ខ្ញុំ", "រៀ", "ន", "ភា", "សា", "ខ្មែ"),
    ("ကျွ", "န်", "မာ", "စာ", "မြ"),
)
"""Letters with their marks."""
AM = "น้ำ"
"""Ends with a sign that is a mark and a letter in one."""
KANA = frozenset("あいうえおかガギパーッ")
PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cf", "Cs", "Co", "Mn", "Mc", "Me"), max_codepoint=0x52F)
)


def read(text: str) -> tuple[str, ...]:
    """Return the words of a text that is spaced already."""
    return words(text, marks=True)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[str], int, int]:
    """Letters of one run in one or two scripts, and where a piece of it begins and ends."""
    pool = [
        one for script in draw(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=2)) for one in script
    ]
    letters = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=20))
    start = draw(st.integers(0, len(letters) - 1))
    return letters, start, draw(st.integers(start + 1, len(letters)))


@given(sentences(), st.sampled_from(["", " ", "Tシ", "100", "。", "abc "]))
def test_any_piece_of_a_run_is_found_in_a_text_that_holds_it(
    sentence: tuple[list[str], int, int], before: str
) -> None:
    """All words of a piece are words of the text around it; a single Kana, which is no word, may not be."""
    letters, start, end = sentence
    piece, text = "".join(letters[start:end]), before + "".join(letters) + "です"
    found = read(asked(piece))
    assert found
    if end - start > 1 or piece not in KANA:
        assert set(found) <= set(read(spaced(text)))


@given(sentences())
def test_words_have_at_most_two_letters_of_a_run(sentence: tuple[list[str], int, int]) -> None:
    """A run of n letters is n - 1 pairs in a question, and these and at most n single letters in a text."""
    letters = ["น" if one == AM else one for one in sentence[0]]
    run = "".join(letters)
    assert len(read(asked(run))) == max(len(letters) - 1, 1)
    alone = [one for one in letters if len(letters) == 1 or one not in KANA]
    assert len(read(spaced(run))) == len(letters) - 1 + len(alone)


@given(PLAIN)
def test_texts_of_other_scripts_stay_as_they_are(text: str) -> None:
    """Latin, Greek and Cyrillic, signs and numbers: the very same text, and so the same words and scores."""
    assert spaced(text) is text
    assert asked(text) is text
    assert read(text) == words(text)


@given(PLAIN)
def test_decomposed_letters_are_the_same_words(text: str) -> None:
    """Diacritics that stand by themselves change nothing."""
    assert read(spaced(unicodedata.normalize("NFD", text))) == words(text)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    """Nothing is refused, no blank is a word, and a question has only words of a text that is the same."""
    known = set(read(spaced(text)))
    assert set(read(asked(text))) <= known
    assert not any(one.isspace() or not one for one in known)


def test_width_frames_and_shapes_are_folded() -> None:
    """The same letters are the same words however wide they are drawn."""
    for one, same in (
        ("ﾊﾟｿｺﾝ", "パソコン"),
        ("ＡＢＣ１２", "ABC12"),
        ("㈱", "(株)"),
        ("か\u3099くせい", "がくせい"),
        ("\u1112\u1161\u11ab글", "한글"),
        ("葛\U000e0100城", "葛城"),
        ("⼈生", "人生"),
        ("神社", "神社"),
    ):
        assert read(spaced(one)) == read(spaced(same)), one


def test_marks_stay_with_their_letters() -> None:
    """Words of scripts with vowel signs are whole; points that most writers leave out, and hidden hyphens, are no part."""
    assert read(spaced("हिन्दी किताब")) == ("हिन्दी", "किताब")
    assert read(spaced("הַסֵּפֶר الكِتَابُ الطـــاولة")) == ("הספר", "الكتاب", "الطاولة")
    assert read(spaced("Donau\u00addampf\u00adschiff")) == ("donaudampfschiff",)
    assert read(spaced("x\u20d7y 1\ufe0f\u20e3")) == ("x", "y", "1")
