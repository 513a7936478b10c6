"""What becomes of documents in the background: ready, failed, cancelled, replaced, found or not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from autobot.adapters.system.clock import SystemClock
from autobot.contexts.knowledge.domain.document import text_blob
from autobot.contexts.knowledge.ports.blobs import once, store
from autobot.contexts.knowledge.ports.fetching import Fetched
from autobot.contexts.knowledge.process import mending
from autobot.contracts.knowledge import documents as contract
from autobot.kernel.core.errors import ConnectFailed, Forbidden, NotFound
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import ALICE, BOB, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    """The context."""
    return World(HashingEmbedder(HandClock()))


async def test_without_a_model_words_find_it_and_vectors_come_later(world: World) -> None:
    """It is ready by its words and says so; when a model is there it gets its vectors, as the same version."""
    async with world.working(vectors_s=0.01):
        accepted = await world.add("Herons wade in shallow water.")
        view = await world.settled(accepted.id)
        assert (view.status, view.words_only, view.model) == ("ready", True, "")
        assert await world.found("heron") == [f"{accepted.id}.1.0"]
        world.embedder.there = True
        while view.words_only:
            view = await world.ask(contract.GetDocument(id=accepted.id))
            await asyncio.sleep(0)
    assert (view.status, view.version, view.ready_version) == ("ready", 1, 1)
    assert view.model
    report = await world.index.measure()
    assert (report.documents, report.passages, sum(one.passages for one in report.models)) == (1, 1, 1)


async def test_a_document_that_cannot_get_vectors_holds_up_no_other(world: World) -> None:
    """One whose kept text is lost stays found by its words; the next one gets its vectors."""
    async with world.working(vectors_s=0.01):
        lost, other, last = [await world.add(text) for text in ("Herons wade.", "Ferns want shade.", "Lamps")]
        for one in (lost, other, last):
            await world.settled(one.id)
        for one in (lost, last):
            await world.blobs.remove(text_blob(one.id, 1))
        world.embedder.there = True
        async with asyncio.timeout(10):
            while (await world.ask(contract.GetDocument(id=other.id))).words_only:
                await asyncio.sleep(0)
        assert (await world.ask(contract.GetDocument(id=lost.id))).words_only
        assert await world.found("herons") == [f"{lost.id}.1.0"]


async def test_a_model_that_is_away_for_a_while_costs_nothing_that_it_made(world: World) -> None:
    """When it fails in the midst of a long document it is asked again; the vectors before that are not made twice."""
    asked = list[int]()

    async def then(texts: Sequence[str]) -> None:
        asked.append(len(texts))
        world.embedder.there = len(asked) not in (2, 3)

    world.embedder.there, world.embedder.then = True, then
    async with world.working(pauses=(0.0, 0.0)):
        accepted = await world.add("\n\n".join(f"# Part {one}\n\nHerons wade." for one in range(40)))
        view = await world.settled(accepted.id)
    assert (view.status, view.words_only) == ("ready", False)
    assert asked == [32, 8, 8, 8]


async def test_the_same_file_is_recognised(world: World) -> None:
    """In one collection it is answered with the document that has it; elsewhere, and for others, it is another."""
    async with world.working():
        first = await world.add("the same")
        again = await world.add("the same", title="Another title")
        assert (again.id, again.existing, again.kept) == (first.id, True, first.kept)
        await world.settled(first.id)
        assert (await world.add("the same")).existing
        assert (await world.add("the same", BOB)).id != first.id
        await world.do(contract.DeleteDocument(id=first.id))
        assert not (await world.add("the same")).existing


async def test_a_new_version_takes_over_when_it_is_ready(world: World) -> None:
    """Until then the old one is found; after it the new one alone, and as of before the old one still."""
    async with world.working():
        first = await world.add("about herons")
        await world.settled(first.id)
        held, go = asyncio.Event(), asyncio.Event()

        async def wait(texts: Sequence[str]) -> None:
            held.set()
            await go.wait()

        world.embedder.then = wait
        before = await world.store.head()
        second = await world.add("about ferns", id=first.id)
        assert (second.id, second.version) == (first.id, 2)
        await held.wait()
        assert (await world.found("herons"), await world.found("ferns")) == ([f"{first.id}.1.0"], [])
        view = await world.ask(contract.GetDocument(id=first.id))
        assert (view.version, view.ready_version) == (2, 1)
        go.set()
        await world.settled(first.id)
    assert (await world.found("herons"), await world.found("ferns")) == ([], [f"{first.id}.2.0"])
    assert await world.found("herons", as_of=before) == [f"{first.id}.1.0"]


async def test_a_broken_version_leaves_the_one_before(world: World) -> None:
    """The cause is told, the old version stays in force, and a retry tries the same bytes again."""
    async with world.working():
        first = await world.add("about herons")
        await world.settled(first.id)
        await world.add("%PDF-1.4 but broken", id=first.id)
        view = await world.settled(first.id)
        assert (view.status, view.version, view.ready_version) == ("failed", 2, 1)
        assert view.error is not None
        assert "broken" in view.error.detail
        assert await world.found("herons") == [f"{first.id}.1.0"]
        await world.do(contract.RetryDocument(id=first.id))
        assert (await world.settled(first.id)).status == "failed"
        await world.add("about ferns", id=first.id)
        assert (await world.settled(first.id)).ready_version == 3


async def test_cancelling_ends_the_work(world: World) -> None:
    """Work that is under way stops, nothing of it is found, and a retry does it after all."""
    async with world.working():
        held = asyncio.Event()

        async def wait(texts: Sequence[str]) -> None:
            held.set()
            await asyncio.Event().wait()

        world.embedder.then = wait
        accepted = await world.add("about herons")
        await held.wait()
        view = await world.do(contract.CancelDocument(id=accepted.id))
        assert view.status == "cancelled"
        other = await world.add("about ferns")
        world.embedder.then = None
        assert (await world.settled(other.id)).status == "ready"
        assert await world.found("herons") == []
        await world.do(contract.RetryDocument(id=accepted.id))
        assert (await world.settled(accepted.id)).status == "ready"


async def test_the_queue_tells_its_places(world: World) -> None:
    """Who waits sees how many come before, and a document that is cancelled lets the others move up."""
    made = [await world.add(f"text {number}") for number in range(4)]
    places = [(await world.ask(contract.GetDocument(id=one.id))).progress.position for one in made]
    assert places == [0, 1, 2, 3]
    await world.do(contract.CancelDocument(id=made[1].id))
    assert (await world.ask(contract.GetDocument(id=made[3].id))).progress.position == 2


async def test_what_is_deleted_is_nowhere(world: World) -> None:
    """Index, originals, texts and the log hold nothing of it; with its past kept, searches as of before find it."""
    async with world.working():
        for keep in (False, True):
            accepted = await world.add("about xylophones", title="On xylophones", tags=("music",))
            await world.settled(accepted.id)
            before = await world.store.head()
            await world.do(contract.DeleteDocument(id=accepted.id, keep_past=keep))
            with pytest.raises(NotFound):
                await world.ask(contract.GetDocument(id=accepted.id))
            while await world.found("xylophones"):
                await asyncio.sleep(0)
            then = await world.found("xylophones", as_of=before)
            assert then == ([f"{accepted.id}.1.0"] if keep else [])
            if not keep:
                while await world.blobs.list():
                    await asyncio.sleep(0)
                assert "xylophones" not in await world.everything_stored()


async def test_an_address_is_fetched_in_the_background(world: World) -> None:
    """What lies there becomes the document; an address that does not answer or is private fails it with the cause."""
    page = b"<html><body><p>Herons wade in shallow water all day long.</p></body></html>"
    world.pages.at = {
        "http://a.example/": Fetched(url="http://b.example/page", media_type="text/html", body=page),
        "http://c.example/": ConnectFailed("c.example does not answer.", link="backend-web"),
        "http://d.example/": Forbidden("d.example lies inside a private network."),
        "http://e.example/": Fetched(url="http://e.example/", media_type="text/html", body=b"  "),
    }
    async with world.working():
        made = {
            url: await world.do(contract.AddDocument(title=url, source="url", url=url))
            for url in world.pages.at
        }
        first = await world.settled(made["http://a.example/"].id)
        assert (first.status, first.url, first.media_type) == ("ready", "http://b.example/page", "text/html")
        assert await world.found("herons") == [f"{first.id}.1.0"]
        for url, cause in (
            ("http://c.example/", "answer"),
            ("http://d.example/", "private"),
            ("http://e.example/", "nothing"),
        ):
            view = await world.settled(made[url].id)
            assert view.status == "failed"
            assert view.error is not None
            assert cause in view.error.detail
        again = await world.do(contract.AddDocument(title="again", source="url", url="http://a.example/"))
        view = await world.settled(again.id)
        assert view.error is not None
        assert (view.status, view.error.code) == ("failed", "already-exists")
        assert len(await world.blobs.list()) == 2


async def test_a_lost_index_is_made_anew_with_its_past(world: World) -> None:
    """Every version is found again as from where it was found first, and vectors come again with the next model."""
    world.embedder.there = True
    async with world.working():
        first = await world.add("about herons")
        await world.settled(first.id)
        before = await world.store.head()
        await world.add("about ferns", id=first.id)
        await world.settled(first.id)
    world.index = type(world.index)()
    await world.mender().run()
    assert (await world.found("herons"), await world.found("ferns")) == ([], [f"{first.id}.2.0"])
    assert await world.found("herons", as_of=before) == [f"{first.id}.1.0"]
    async with world.working(vectors_s=0.01):
        while not (await world.index.measure()).models:
            await asyncio.sleep(0)


async def test_an_upload_that_nothing_came_of_is_swept(world: World) -> None:
    """Originals that no document has go after an hour; those of documents stay."""
    kept = await world.add("about herons", ALICE)
    await store(world.blobs, "nobodys", once(b"x"), 10)
    await world.mender().run()
    assert len(await world.blobs.list()) == 2
    world.clock = Later(mending.AGE + timedelta(seconds=1))
    await world.mender().run()
    assert [one.id for one in await world.blobs.list()] == [kept.kept]


class Later(SystemClock):
    """A clock that is ahead."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """Return a time that is still to come."""
        return super().now() + self._ahead
