"""What `PassageIndex` promises of words, numbers and who may be searched, for those who find by them."""

from __future__ import annotations

from typing import Any, Final

from autobot.contexts.knowledge.ports.index import Standing, Where
from autobot.contracts.knowledge.passages import Place
from autobot.testing.conformance.passage_index_base import (
    EVERYWHERE,
    MODEL,
    NORTH,
    Base,
    ids,
    labels,
    version_of,
)

UNBROKEN: Final = (
    ("本公司的报销截止日期为每月二十五日。", "截止日期", "报销", "日"),
    ("東京都の人口は約千四百万人です。", "東京都", "人口"),
    ("京都の紅葉は十一月が見頃である。", "京都の紅葉", "見頃"),
    ("ﾊﾟｿｺﾝの電源は、ＡＢＣ株式会社のＴシャツの隣。", "パソコン", "ABC", "電源", "シャツ"),
    ("회사의 휴가를 신청하려면 양식이 필요합니다.", "휴가", "신청", "양식"),
    ("น้ำดื่มอยู่ในห้องครัวชั้นสอง", "ห้องครัว", "น้ำ"),
    ("ຂ້ອຍຮັກພາສາລາວ", "ພາສາ"),
    ("ខ្ញុំរៀនភាសាខ្មែរ", "ភាសា", "ខ្មែរ"),
    ("ကျွန်တော်မြန်မာစာသင်တယ်", "မြန်မာ"),
    ("𠮷野家の𩸽は旨い", "𩸽", "𠮷野家"),
    ("हिन्दी की किताब मेज़ पर है", "किताब", "हिन्दी"),
    ("הַסֵּפֶר עַל הַשֻּׁלְחָן", "השלחן"),
    ("الكِتَابُ على الطـــاولة", "الكتاب", "الطاولة"),
    ("Unser Ansprech\u00adpartner ist im Urlaub.", "Ansprechpartner"),
)
"""Texts, and questions that each is the best for."""


class WordsSuite(Base):
    """Reading words by number, and asking by number."""

    def test_words_are_read_as_questions_are(self) -> None:
        """Each word of a question is one of those that a passage with it is counted by, and lengths count all words."""

        async def main() -> None:
            async with self.opened() as index:
                version = version_of("a", title="Ships")
                await self.put(index, version, "Engines, engines: the Café.", "Harbour", heading="Parts")
                first, second = await index.words(0, 9)
                asked = await index.asked("which engine is in a café?")
                assert asked is not None
                assert second.number > first.number
                counted = {word: first.counts[word] for word in asked if word in first.counts}
                assert sorted(counted.values()) == [1, 2]
                assert not any(word in second.counts for word in counted)
                assert (first.length, second.length) == (6, 3)
                for word in ("ship", "part"):
                    read = await index.asked(word)
                    assert read is not None
                    assert first.counts[read[0]] == second.counts[read[0]] == 1

        self.run(main())

    def test_words_are_found_where_a_script_puts_no_space_between_them(self) -> None:
        """One word of a sentence finds it, a single letter too, and a passage with more of a word's letters comes first."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a"), *(text for text, *_ in UNBROKEN))
                for number, (text, *questions) in enumerate(UNBROKEN):
                    for question in questions:
                        found = ids(await index.lexical(question, EVERYWHERE, 20))
                        assert found[:1] == [f"a.1.{number}"], (question, text)
                assert await index.lexical("鯨", EVERYWHERE, 20) == []
                # What was read by words is no longer found when it is gone.
                await index.erase("a")
                for _, *questions in UNBROKEN:
                    for question in questions:
                        assert await index.lexical(question, EVERYWHERE, 20) == [], question

        self.run(main())

    def test_a_question_in_a_script_without_spaces_is_read_as_texts_are(self) -> None:
        """Each of its words is one that a passage with it is counted by."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a"), *(text for text, *_ in UNBROKEN))
                counted = await index.words(0, 20)
                for stored, (_, *questions) in zip(counted, UNBROKEN, strict=True):
                    for question in questions:
                        asked = await index.asked(question)
                        assert asked, question
                        assert set(asked) <= stored.counts.keys(), question
                        assert stored.length >= len(stored.counts), question

        self.run(main())

    def test_a_question_without_words_has_none(self) -> None:
        """Signs and blanks are no words."""

        async def main() -> None:
            async with self.opened() as index:
                for text in ("", "\0", "…;--"):
                    assert await index.asked(text) == ()

        self.run(main())

    def test_words_of_the_past_are_read_and_those_of_the_erased_are_not(self) -> None:
        """Pages of words hold every version, in order of numbers, until it is erased."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(index, version_of("a"), "one")
                await self.put(index, version_of("b"), "two", "three")
                await self.put(index, version_of("a", 2, position=20), "four")
                numbers = [one.number for one in await index.words(0, 9)]
                assert numbers == sorted(set(numbers))
                assert len(numbers) == 4
                assert [one.number for one in await index.words(numbers[0], 2)] == numbers[1:3]
                assert await index.words(numbers[-1], 9) == []
                await index.erase("b")
                assert [one.number for one in await index.words(0, 9)] == [numbers[0], numbers[3]]

        self.run(main())

    def test_another_title_gives_passages_other_numbers(self) -> None:
        """Words under a number never change: with another title a passage has a new one, words and vector with it."""

        async def main() -> None:
            async with self.opened() as index:
                await self.put(
                    index, version_of("a", title="Old", model=MODEL), "x", "y", vectors=(NORTH, NORTH)
                )
                before = await index.words(0, 9)
                await index.label(labels("a", 20, title="New"))
                after = await index.words(0, 9)
                assert min(one.number for one in after) > max(one.number for one in before)
                asked = await index.asked("new")
                assert asked is not None
                assert all(one.counts[asked[0]] == 1 for one in after)
                assert [one.number for one in await index.stored(MODEL, 0, 9)] == [
                    one.number for one in after
                ]
                standing = await index.standing([one.number for one in (*before, *after)], EVERYWHERE)
                assert standing.places == dict(
                    zip([one.number for one in after], [("a", 1, 0), ("a", 1, 1)], strict=True)
                )
                assert standing.last == after[-1].number
                assert ids(await index.passages(["a.1.0", "a.1.1"])) == ["a.1.0", "a.1.1"]
                await index.label(labels("a", 30, title="New", tags=("t",)))
                assert [one.number for one in await index.words(0, 9)] == [one.number for one in after]

        self.run(main())

    def test_only_what_may_be_searched_stands(self) -> None:
        """Of passages by number those are told that a search with this condition could find, and the last number."""

        async def main() -> None:
            async with self.opened() as index:
                assert await index.standing([1], Where()) == Standing(places={}, last=0)
                await self.put(index, version_of("a", collection="red", tags=("t",)), "x", "y")
                await self.put(index, version_of("b", collection="blue"), "x")
                numbers = [one.number for one in await index.words(0, 9)]
                one, two, three = numbers
                red, blue = {one: ("a", 1, 0), two: ("a", 1, 1)}, {three: ("b", 1, 0)}

                async def standing(**condition: Any) -> dict[int, Place]:
                    found = await index.standing([*numbers, three + 100], Where(**condition))
                    assert found.last == three
                    return dict(found.places)

                assert await standing() == {**red, **blue}
                assert await standing(collections=("red",)) == red
                assert await standing(tags=("t",)) == red
                assert await standing(documents=("b",)) == blue
                assert (await index.standing([], Where())) == Standing(places={}, last=three)
                await index.retire("b", 20)
                assert await standing() == red
                assert await standing(as_of=15) == {**red, **blue}
                assert await standing(as_of=5) == {}

        self.run(main())
