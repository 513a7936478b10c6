"""Reading a document: its stretches say on which page they begin, pages and passages are found by number, words by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.finding import places_of
from autobot.contexts.knowledge.ports.parsing import Parsed, keep_parsed
from autobot.contracts.knowledge import reading
from autobot.contracts.knowledge.reading import SOUGHT_MAX, TextStretch
from autobot.kernel.core.errors import Conflict, InvalidInput, NotFound
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import World

pytestmark = pytest.mark.anyio
PAGES = ("Ferns grow.\n\n", "", "In the\n  shade, ferns.\n\n", "Mosses, too.")


@pytest.fixture
def world() -> World:
    """The context."""
    return World(HashingEmbedder(HandClock()))


async def paged(world: World) -> str:
    """Have a document read whose text has pages, one of them empty."""
    async with world.working():
        made = await world.add("".join(PAGES))
        await world.settled(made.id)
    starts = [sum(len(one) for one in PAGES[:number]) for number in range(len(PAGES))]
    parsed = Parsed(text="".join(PAGES), media_type="application/pdf", pages=tuple(starts))
    await keep_parsed(world.blobs, made.id, 1, parsed)
    return str(made.id)


async def test_a_stretch_says_on_which_page_it_begins(world: World) -> None:
    """In the middle of a page, too; and how many there are."""
    made = await paged(world)
    for start, page in ((0, 1), (12, 1), (13, 3), (20, 3), (len("".join(PAGES)), 4), (10_000, 4)):
        text = await world.ask(reading.GetDocumentText(id=made, start=start, length=5))
        assert (text.page, text.page_count) == (page, 4), start


async def test_a_page_and_a_passage_are_found_by_number(world: World) -> None:
    """Pages from 1 and passages from 0, as everywhere; what is not there is told with what is."""
    made, whole = await paged(world), "".join(PAGES)
    for number, text in enumerate(PAGES, 1):
        at = await world.ask(reading.GetPlace(id=made, page=number))
        assert whole[at.start : at.end] == text
    passage = (await world.index.of_document(made, 1))[0]
    at = await world.ask(reading.GetPlace(id=made, passage=0))
    assert (at.start, at.end) == (passage.start, passage.end)
    with pytest.raises(NotFound) as told:
        await world.ask(reading.GetPlace(id=made, page=5))
    assert told.value.hint == "It has 4, counted from 1."
    for absent in ({"passage": 99}, {"page": 1, "version": 7}):
        with pytest.raises(NotFound):
            await world.ask(reading.GetPlace(id=made, **absent))
    for both in ({}, {"page": 1, "passage": 0}):
        with pytest.raises(InvalidInput):
            await world.ask(reading.GetPlace(id=made, **both))


async def test_words_are_found_in_a_document(world: World) -> None:
    """In capitals or not and over the end of a line; from a place on, from a number on, and around the end."""
    made, whole = await paged(world), "".join(PAGES)

    async def find(text: str, **asked: int) -> reading.Occurrences:
        found = await world.ask(reading.FindInDocument(id=made, text=text, **asked))
        assert isinstance(found, reading.Occurrences)
        return found

    found = await find("FERNS")
    assert [whole[one.start : one.end] for one in found.items] == ["Ferns", "ferns"]
    assert (found.count, found.more, found.first, found.version) == (2, False, 0, 1)
    assert [whole[one.start : one.end] for one in (await find("the shade")).items] == ["the\n  shade"]
    second = found.items[1]
    assert (await find("ferns", start=1)).items == (second,)
    assert (await find("ferns", start=second.start)).first == 1
    assert (await find("ferns", start=second.start + 1)).first == 0
    assert (await find("ferns", skip=1)).items == (second,)
    assert (await find("ferns", skip=9)).items == ()
    assert (await find("ferns", limit=1)).count == 2
    for nothing in ("lichen", "  ", "sh ade", "fern.s"):
        assert await find(nothing) == reading.Occurrences(version=1, count=0, more=False, first=0, items=())


async def test_very_many_places_are_not_all_counted(world: World) -> None:
    """It is told that there are more."""
    async with world.working():
        made = await world.add("a" * 3 + " b" * (SOUGHT_MAX + 1))
        await world.settled(made.id)
    found = await world.ask(reading.FindInDocument(id=made.id, text="b", skip=SOUGHT_MAX - 1))
    at = 2 + 2 * SOUGHT_MAX
    assert (found.count, found.more, found.first) == (SOUGHT_MAX, True, SOUGHT_MAX - 1)
    assert found.items == (TextStretch(start=at, end=at + 1),)


async def test_nothing_is_found_in_what_was_not_read(world: World) -> None:
    """A document that waits has no text to look into."""
    made = await world.add("ferns")
    with pytest.raises(Conflict):
        await world.ask(reading.FindInDocument(id=made.id, text="ferns"))


@given(st.text(), st.text(alphabet="aAbßİΣσς é(*\n", min_size=1))
def test_places_hold_what_was_sought(text: str, sought: str) -> None:
    """A text is found in any text around it, whatever its letters are, and places never lie outside."""
    whole = f"{text} {sought} {text}"
    found = list(places_of(whole, sought))
    assert all(0 <= start < end <= len(whole) for start, end in found)
    assert bool(found) == bool(sought.strip())
    assert list(places_of(whole, sought.upper())) == found or len(sought.upper()) != len(sought)


def test_letters_that_grow_leave_places_true() -> None:
    """The Turkish İ has a longer small form, and Greek has another one at the end of a word."""
    assert list(places_of("İstanbul, ΟΔΟΣ οδος", "οδοσ")) == [(10, 14), (15, 19)]
    assert list(places_of("İİ istanbul", "İstanbul")) == [(3, 11)]
