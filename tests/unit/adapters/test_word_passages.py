"""Passages by lists of words: what full text search finds, never the truth, gone with what was erased, and made anew."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path

import pytest

from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.postings.passages import ListOptions, WordPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.knowledge.ports.index import Hit, PassageIndex, Where
from autobot.contexts.knowledge.ports.listed import BEHIND
from autobot.kernel.core.scripts import READING
from autobot.testing.conformance.passage_index_base import ids, labels, passages_of, version_of
from tests.unit.adapters.mapping import gone_but_mapped

pytestmark = pytest.mark.anyio

WORDS = [f"word{one}" for one in range(400)]
WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))
EVERYWHERE = Where()


def text(chance: random.Random, size: int) -> str:
    """Return words, few of which come often, as in a language."""
    return " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=size))


async def put(index: PassageIndex, name: str, *texts: str, **fields: object) -> None:
    """Index a document with these texts."""
    version = version_of(name, **fields)
    await index.put(version, passages_of(version, *texts), None)


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[SqlitePassages]:
    """Yield a store whose words FTS5 finds."""
    store = await SqlitePassages.open(folder / "passages.db")
    try:
        yield store
    finally:
        await store.close()


def same(found: Sequence[Hit], expected: Sequence[Hit]) -> None:
    """Both are the same passages with the same scores; passages of one score may come in another order."""
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-9)
    last = expected[-1].score if expected else 0.0
    assert {one.passage_id for one in found if one.score > last + 1e-9} == {
        one.passage_id for one in expected if one.score > last + 1e-9
    }


async def fill(index: PassageIndex, chance: random.Random, documents: range) -> None:
    """Index documents of 25 passages each, in two collections, every third with a tag."""
    for number in documents:
        texts = [text(chance, chance.randint(3, 60)) for _ in range(25)]
        tags = ("third",) if number % 3 == 0 else ()
        shelf = "red" if number % 7 == 0 else "blue"
        await put(index, f"d{number}", *texts, collection=shelf, tags=tags, position=10 + number)


CONDITIONS = (
    EVERYWHERE,
    Where(collections=("red",)),
    Where(collections=("red",), tags=("third",)),
    Where(collections=()),
    Where(documents=("d3", "d21")),
    Where(as_of=40),
)


@pytest.mark.parametrize("seed", range(4))
async def test_it_finds_what_full_text_search_finds(tmp_path: Path, seed: int) -> None:
    """For any question and condition: the passages and scores of FTS5's BM25, from lists of a file and of memory."""
    chance = random.Random(seed)
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=100))
        await fill(store, chance, range(60))
        assert await index.tend()
        assert not await index.tend()
        await fill(index, chance, range(60, 64))
        await index.retire("d5", 200)
        await put(index, "d6", text(chance, 20), version=2, position=300)
        again = WordPassages(store, tmp_path, ListOptions(least=100))
        for _ in range(25):
            question = text(chance, chance.choice((1, 2, 6, 12, 80)))
            limit = chance.choice((1, 10, 100))
            for where in CONDITIONS:
                expected = await store.lexical(question, where, limit)
                same(await index.lexical(question, where, limit), expected)
                same(await again.lexical(question, where, limit), expected)


async def test_commonest_words_alone_are_answered_too(tmp_path: Path) -> None:
    """Words that every passage holds say next to nothing, and still find passages, in the order of their places."""
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=1))
        await put(index, "a", *["the same"] * 30)
        await index.tend()
        assert ids(await index.lexical("the", EVERYWHERE, 3)) == ["a.1.0", "a.1.1", "a.1.2"]
        assert await index.lexical("unheard", EVERYWHERE, 3) == []
        assert await index.lexical("…", EVERYWHERE, 3) == []


async def test_a_word_that_reads_as_several_is_left_to_the_store(tmp_path: Path) -> None:
    """Where full text search asks for words that stand together, the lists, which know no order, do not answer."""
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=1))
        await put(index, "a", "plain", "x\u2e2fy")
        await index.tend()
        question = "x\u2e2fy plain"
        assert ids(await index.lexical(question, EVERYWHERE, 9)) == ids(
            await store.lexical(question, EVERYWHERE, 9)
        )


async def test_what_came_since_is_found_at_once(tmp_path: Path) -> None:
    """A new passage is in the next answer, also when more came than a search reads itself; `tend` reads the rest."""
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=1, growth=1))
        await put(index, "old", *["some text"] * (3 * BEHIND))
        assert await index.tend()
        await put(index, "new", "quaint text")
        assert ids(await index.lexical("quaint", EVERYWHERE, 9)) == ["new.1.0"]
        await put(index, "many", *["more text"] * (2 * BEHIND), "rare text")
        assert ids(await index.lexical("rare", EVERYWHERE, 9)) == [f"many.1.{2 * BEHIND}"]
        assert not await index.tend()
        assert ids(await index.lexical("rare", EVERYWHERE, 9)) == [f"many.1.{2 * BEHIND}"]


async def test_passages_that_take_the_place_of_others_outgrow_lists(tmp_path: Path) -> None:
    """As many as before, but others, as when documents are embedded anew: what is held in memory counts."""
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=1, growth=0.5))
        await put(index, "a", *["some text"] * 20)
        await put(index, "b", *["some text"] * 20)
        assert await index.tend()
        await put(index, "a", *["other text"] * 20)
        assert not await index.tend()
        await put(index, "b", *["other text"] * 20)
        assert await index.tend()
        assert len(await index.lexical("other", EVERYWHERE, 50)) == 40


async def test_another_title_is_found_at_once(tmp_path: Path) -> None:
    """Words of a new title find a document, those of the old one do not any more."""
    async with stored(tmp_path) as store:
        index = WordPassages(store, tmp_path, ListOptions(least=1, growth=1))
        await put(index, "a", "x", "y", title="Harbour")
        await put(index, "b", "z")
        await index.tend()
        await index.label(labels("a", 20, title="Lighthouse"))
        assert ids(await index.lexical("lighthouse", EVERYWHERE, 9)) == ["a.1.0", "a.1.1"]
        assert await index.lexical("harbour", EVERYWHERE, 9) == []


class Asked(MemoryPassages):
    """Counts how often the store itself was asked for words."""

    times = 0

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        self.times += 1
        return await super().lexical(text, where, limit)


async def test_nothing_of_what_was_erased_stays(tmp_path: Path) -> None:
    """The file of lists goes at once with the first document that is erased. What is mapped of it is searched, and names
    nothing that is gone, until it comes anew without it; then that is let go."""
    store = Asked()
    index = WordPassages(store, tmp_path, ListOptions(least=1))
    await put(index, "a", "secret text")
    await put(index, "b", "open text")
    await index.tend()
    assert b"secret" in (tmp_path / "words.postings").read_bytes()
    assert all(one.stat().st_mode & 0o077 == 0 for one in tmp_path.iterdir())
    await index.erase("a")
    assert list(tmp_path.iterdir()) == []
    assert ids(await index.lexical("secret text", EVERYWHERE, 9)) == ["b.1.0"]
    assert await gone_but_mapped(tmp_path)
    assert await index.tend()
    assert not await gone_but_mapped(tmp_path)
    assert b"secret" not in (tmp_path / "words.postings").read_bytes()
    assert ids(await index.lexical("secret text", EVERYWHERE, 9)) == ["b.1.0"]
    assert store.times == 0


async def test_lists_that_cannot_be_made_anew_hold_no_room(tmp_path: Path) -> None:
    """When those after an erasure cannot be written, what is mapped of the old ones is let go, and the store answers."""
    index = WordPassages(MemoryPassages(), tmp_path, ListOptions(least=1))
    await put(index, "a", "secret text")
    await put(index, "b", "open text")
    await index.tend()
    await index.erase("a")
    (tmp_path / "words.partial").mkdir()
    with pytest.raises(OSError, match=r"words\.partial"):
        await index.tend()
    assert not await gone_but_mapped(tmp_path)
    assert ids(await index.lexical("text", EVERYWHERE, 9)) == ["b.1.0"]


@pytest.mark.parametrize("name", ["words.postings", "words.json"])
async def test_damaged_lists_cost_no_answer(tmp_path: Path, name: str) -> None:
    """A file that cannot be read counts as none: the store answers, and it is made anew."""
    store = MemoryPassages()
    index = WordPassages(store, tmp_path, ListOptions(least=1))
    await put(index, "a", "some text")
    await index.tend()
    (tmp_path / name).write_bytes(b"{}")
    again = WordPassages(store, tmp_path, ListOptions(least=1))
    assert ids(await again.lexical("text", EVERYWHERE, 9)) == ["a.1.0"]
    assert await again.tend()
    assert ids(await again.lexical("text", EVERYWHERE, 9)) == ["a.1.0"]


async def test_lists_of_another_store_are_not_believed(tmp_path: Path) -> None:
    """When the store was made anew, lists that were left beside it say nothing of it."""
    before = WordPassages(MemoryPassages(), tmp_path, ListOptions(least=1))
    await put(before, "a", "one two", "three four")
    await before.tend()
    index = WordPassages(MemoryPassages(), tmp_path, ListOptions(least=1))
    await put(index, "b", "five six", "seven eight")
    assert ids(await index.lexical("eight", EVERYWHERE, 9)) == ["b.1.1"]
    assert await index.lexical("four", EVERYWHERE, 9) == []
    assert await index.tend()
    assert ids(await index.lexical("eight", EVERYWHERE, 9)) == ["b.1.1"]


async def test_lists_of_another_way_of_reading_are_made_anew(tmp_path: Path) -> None:
    """Lists that were made when texts were read into other words are not believed."""
    store = MemoryPassages()
    before = WordPassages(store, tmp_path, ListOptions(least=1))
    await put(before, "a", "some text")
    await before.tend()
    told = tmp_path / "words.json"
    now = f'"reading":{READING}'
    assert now in told.read_text()
    told.write_text(told.read_text().replace(now, f'"reading":{READING - 1}'))
    assert await WordPassages(store, tmp_path, ListOptions(least=1)).tend()
    assert now in told.read_text()


@pytest.mark.parametrize("wrong", [{"least": 0}, {"growth": 0.0}, {"growth": 1.5}])
def test_options_outside_their_ranges_are_refused(wrong: dict[str, float]) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is"):
        ListOptions(**wrong)  # type: ignore[arg-type]
