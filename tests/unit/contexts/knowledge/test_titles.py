"""What documents are called: what somebody said, else what they call themselves, else their file or address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.naming import file_name, name_in_address, own_title
from autobot.contexts.knowledge.ports.fetching import Fetched
from autobot.contracts.knowledge import documents as contract
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import World

pytestmark = pytest.mark.anyio

FERNS = "# Care of ferns\n\nThey like shade."


@pytest.fixture
def world() -> World:
    """The context."""
    return World(HashingEmbedder(HandClock()))


async def title_of(world: World, document_id: str) -> str:
    """Return what a document is called, which its passages are called, too."""
    view = await world.settled(document_id)
    assert view.status == "ready"
    passages = await world.index.of_document(document_id, view.ready_version)
    assert {one.title for one in passages} == {view.title}
    return str(view.title)


async def test_a_file_that_nobody_named_is_called_as_it_calls_itself(world: World) -> None:
    """By its own title instead of its file's name, and words of it find it; a title that was given stays."""
    async with world.working():
        own = await world.add(FERNS, title="a")
        given_one = await world.add(FERNS + " Much.", title="Notes")
        none = await world.add("They like shade, too.", title="a")
        assert await title_of(world, own.id) == "Care of ferns"
        assert await title_of(world, given_one.id) == "Notes"
        assert await title_of(world, none.id) == "a"


async def test_what_somebody_calls_it_later_stays(world: World) -> None:
    """Also when it is read anew."""
    async with world.working():
        made = await world.add(FERNS, title="a")
        await title_of(world, made.id)
        await world.do(contract.ChangeDocument(id=made.id, title="My ferns"))
        await world.do(contract.ReindexDocument(id=made.id))
        assert await title_of(world, made.id) == "My ferns"


async def test_a_further_version_is_named_by_the_same_rule(world: World) -> None:
    """A new file with another title of its own gives its document that title, as of when it is ready."""
    async with world.working():
        made = await world.add(FERNS, title="a")
        assert await title_of(world, made.id) == "Care of ferns"
        await world.add("# Ferns in winter\n\nKeep them warm.", title="a", id=made.id)
        assert await title_of(world, made.id) == "Ferns in winter"


async def test_a_page_of_the_web_is_called_as_it_calls_itself(world: World) -> None:
    """Instead of by its address, also where redirects led elsewhere."""
    page = (
        b"<html><head><title>Herons &amp; reeds</title></head><body><p>Herons wade all day.</p></body></html>"
    )
    url = "http://a.example/"
    world.pages.at[url] = Fetched(url="http://b.example/page", media_type="text/html", body=page)
    async with world.working():
        made = await world.do(contract.AddDocument(title=url, source="url", url=url))
        assert await title_of(world, made.id) == "Herons & reeds"


async def test_a_lost_index_is_made_anew_with_it(world: World) -> None:
    """What is made from the log is called as it was."""
    async with world.working():
        made = await world.add(FERNS, title="a")
        await title_of(world, made.id)
        await world.index.erase(made.id)
        await world.mender().run()
        (passage,) = await world.index.of_document(made.id, 1)
        assert passage.title == "Care of ferns"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("  Annual \n report\t2026 ", "Annual report 2026"),
        ("Microsoft Word - Offer.docx", "Offer.docx"),
        ("invoice\u202efdp.exe\u2066\x00\x1b[31m", "invoicefdp.exe[31m"),
        ("نمی\u200cدانم", "نمی\u200cدانم"),
        ("Untitled", ""),
        ("(anonymous)", ""),
        ("Word Document", ""),
        ("…—…", ""),
        ("\ud800\u200b", ""),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_files_own_title_is_not_trusted(said: str, title: str) -> None:
    """One line of at most 300 letters that are seen; nothing that programs write when nobody gave a title."""
    assert own_title(said) == title


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/papers/Gr%C3%B6%C3%9Fe%201.pdf?from=/x/y.html#page=2", "Größe 1.pdf"),
        ("https://a.example/download?file=/a/b.pdf", "download"),
        ("https://a.example/invoice%E2%80%AEfdp.exe%0A", "invoicefdp.exe"),
        ("https://a.example", ""),
        ("https://a.example/papers/", ""),
    ],
)
def test_an_address_names_its_file(url: str, name: str) -> None:
    """By the end of its path, decoded; never by the host or by what is asked of it."""
    assert name_in_address(url) == name


@given(st.text(max_size=700))
def test_a_files_name_hides_nothing(said: str) -> None:
    """No control letters, no turns of direction, at most 255 letters, and the same again."""
    name = file_name(said)
    assert len(name) <= 255
    assert all(one.isprintable() or one in "\u200c\u200d" for one in name)
    assert file_name(name) == name


@given(st.text(max_size=700))
def test_any_title_is_made_one_that_may_be_stored(said: str) -> None:
    """Within the limits of titles, without control letters or turns of direction, and the same again."""
    title = own_title(said)
    assert len(title) <= 300
    assert title == title.strip()
    assert all(one.isprintable() or one in "\u200c\u200d" for one in title)
