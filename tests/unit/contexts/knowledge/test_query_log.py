"""The log of queries: who sees it, what it keeps, and what it costs and forgets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autobot.contexts.knowledge.module import LogRules, QueryLog
from autobot.contexts.knowledge.ports.queries import QUERIES
from autobot.contexts.knowledge.process.query_log import HELD_MAX, TRIM_S
from autobot.contracts.chat import Reply, ReplyRecorded
from autobot.contracts.knowledge import collections, documents
from autobot.contracts.knowledge import queries as contract
from autobot.contracts.knowledge.measuring import LabelledQuestion, MeasureSearch
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge, Took
from autobot.contracts.models import Citation
from autobot.kernel.commands.decision import Emit
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import Forbidden, NotFound, Overloaded
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Committed, Query, Transaction
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import Ground, HandClock, context_of
from tests.unit.contexts.knowledge.world import ADMIN, ALICE, BOB, World

pytestmark = pytest.mark.anyio

NOTHING = SearchAnswer(
    items=(), asked="lexical", mode="lexical", group="passage", model="", position=None, took=Took()
)


class Library(World):
    """Alice's own documents."""

    async def fill(self) -> Library:
        """Add one, with vectors."""
        self.embedder.there = True
        async with self.working():
            accepted = await self.add("Ferns grow in the shade of old trees.")
            await self.settled(accepted.id)
        self.document = accepted.id
        return self

    async def seen(self, who: object = ALICE, **fields: object) -> list[contract.LoggedQuery]:
        """Return what somebody sees of their own."""
        await self.query_log.flush()
        page = await self.ask(contract.ListQueries(**fields), who)  # type: ignore[arg-type]
        return list(page.items)


@pytest.fixture
async def library() -> Library:
    """The context with a document that is ready."""
    return await Library(HashingEmbedder(HandClock())).fill()


async def test_a_search_is_kept_with_what_came_of_it(library: Library) -> None:
    """Who asked, what, how many were found by words, the best score and each stage's time; nothing of what was found."""
    answer = await library.ask(SearchKnowledge(query="where do ferns grow", limit=5))
    await library.ask(SearchKnowledge(query="quantum chromodynamics", mode="lexical"))
    await library.ask(SearchKnowledge(query="quantum chromodynamics"))
    by_meaning, nothing, found = await library.seen()
    assert (found.query, found.username, found.found, found.by_words) == (
        "where do ferns grow",
        "alice",
        1,
        1,
    )
    assert (found.outcome, found.best_score, found.took) == ("found", answer.items[0].score, answer.took)
    assert found.nearest == answer.items[0].stages.vector.score
    assert (nothing.outcome, nothing.best_score, nothing.nearest) == ("nothing", None, None)
    assert (by_meaning.outcome, by_meaning.found, by_meaning.by_words) == ("by_meaning", 1, 0)
    assert [one.id for one in await library.seen(which="poor")] == [by_meaning.id, nothing.id]
    rows = await library.store.query(Query(table=QUERIES))
    assert "shade of old trees" not in str([one.document for one in rows])


async def test_each_sees_their_own_and_administrators_all(library: Library) -> None:
    """Nobody sees another's searches but administrators; the product's own and measurements are in no log."""
    await library.ask(SearchKnowledge(query="of alice", mode="lexical"))
    await library.ask(SearchKnowledge(query="of bob", mode="lexical"), BOB)
    await library.ask(SearchKnowledge(query="of the product", mode="lexical"), SYSTEM)
    asked = LabelledQuestion(query="measured", relevant={library.document: 1})
    await library.ask(MeasureSearch(questions=(asked,), mode="lexical"))
    assert [one.query for one in await library.seen()] == ["of alice"]
    assert [one.query for one in await library.seen(BOB)] == ["of bob"]
    page = await library.ask(contract.ListQueriesOfAll(), ADMIN)
    assert [one.query for one in page.items] == ["of bob", "of alice"]
    with pytest.raises(Forbidden):
        await library.ask(contract.ListQueriesOfAll(), BOB)


async def test_pages_follow_one_another(library: Library) -> None:
    """A page says where the next begins, and all pages together are the log."""
    for number in range(5):
        await library.ask(SearchKnowledge(query=f"q{number}", mode="lexical"))
    await library.query_log.flush()
    seen, cursor = [], None
    while True:
        page = await library.ask(contract.ListQueries(limit=2, cursor=cursor))
        seen += [one.query for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["q4", "q3", "q2", "q1", "q0"]


async def test_secrets_are_masked_before_they_are_kept(library: Library) -> None:
    """What looks like a secret is in no row; a question is cut where it is too long."""
    await library.ask(SearchKnowledge(query="why is password=hunter2 refused", mode="lexical"))
    await library.ask(SearchKnowledge(query="x" * 5000, mode="lexical"))
    long, secret = await library.seen()
    assert "hunter2" not in secret.query
    assert "refused" in secret.query
    assert len(long.query) == 1000
    assert "hunter2" not in await library.everything_stored()


async def test_a_reply_says_whether_it_cites_what_was_found(library: Library) -> None:
    """A search for a reply that cites its document was of use, one whose reply cites others was not; else nobody knows."""
    for cited in (library.document, "another"):
        context = replace(context_of(ALICE), correlation_id=f"chat-{cited}")
        await library.dispatcher.ask(SearchKnowledge(query=f"for {cited}: ferns", mode="lexical"), context)
        source = f"/knowledge/documents/{cited}?version=1"
        reply = Reply(
            content="So.", status="complete", citations=(Citation(title="", source=source, excerpt=""),)
        )
        fact = ReplyRecorded(session_id="s", message_id="m", run_id="r", reply=reply)
        appends = await library.publish(
            (Emit(stream=f"chat-{cited}", expected=ANY, events=(fact,)),), context
        )
        await library.store.commit(Transaction(appends=appends))
    await library.ask(SearchKnowledge(query="ferns for nobody", mode="lexical"))
    assert [one.cited for one in await library.seen()] == [None, False, True]


async def test_people_take_their_own_out(library: Library) -> None:
    """Forgetting takes one's own searches and nobody else's."""
    await library.ask(SearchKnowledge(query="of alice", mode="lexical"))
    await library.ask(SearchKnowledge(query="of bob", mode="lexical"), BOB)
    await library.query_log.flush()
    gone = await library.do(contract.ForgetQueries())
    assert (gone.forgotten, gone.more) == (1, False)
    assert await library.seen() == []
    assert [one.query for one in await library.seen(BOB)] == ["of bob"]


async def test_a_removed_user_leaves_no_search(library: Library) -> None:
    """What was kept is erased, what waited is never written, and what comes late neither."""
    await library.ask(SearchKnowledge(query="kept secret wish", mode="lexical"))
    await library.query_log.flush()
    await library.ask(SearchKnowledge(query="late secret wish", mode="lexical"))
    library.query_log.forget("alice")
    await library.dispatcher.dispatch(documents.EraseDocuments(user_id="alice"), context_of(SYSTEM))
    await library.query_log.flush()
    assert await library.store.count(Query(table=QUERIES)) == 0
    assert "secret wish" not in await library.everything_stored()


async def test_a_refused_search_is_not_kept(library: Library) -> None:
    """Asking a collection that one may not read leaves no row: the answer told nothing, and so does the log."""
    made = await library.do(collections.CreateCollection(name="Bob's"), BOB)
    with pytest.raises(NotFound):
        await library.ask(SearchKnowledge(query="x", collection=made.id))
    assert await library.seen() == []


async def test_an_operator_turns_it_off(library: Library) -> None:
    """Off, nothing new is written; what was written before stays until it is too old."""
    await library.ask(SearchKnowledge(query="before", mode="lexical"))
    await library.query_log.flush()
    library.log_rules = LogRules(kept=False)
    await library.ask(SearchKnowledge(query="after", mode="lexical"))
    assert [one.query for one in await library.seen()] == ["before"]


# ------------------------------------------------------------------------------------------- keeping


class Kept(Ground):
    """The log alone, with a clock that moves when told."""

    def __init__(self) -> None:
        super().__init__(())
        self.rules = LogRules(days=2, rows=100)
        self.log = QueryLog(self.store, self.clock, self.ids, self.now)

    async def now(self) -> LogRules:
        """The rules."""
        return self.rules

    def add(self, text: str = "x") -> None:
        """Note a search that found nothing."""
        self.log.add(SearchKnowledge(query=text), NOTHING, context_of(ALICE))

    async def texts(self) -> list[str]:
        """Return what is stored, oldest first."""
        return [one.document["query"] for one in await self.store.query(Query(table=QUERIES, limit=20_000))]


async def test_old_and_too_many_searches_go() -> None:
    """Searches older than the days and beyond the rows go at the next look, the oldest first, however many."""
    kept = Kept()
    kept.add("old")
    await kept.log.flush()
    kept.clock.move(days=1.5)
    kept.add("new")
    await kept.log.flush()
    assert await kept.texts() == ["old", "new"]
    kept.clock.move(days=1)
    await kept.log.flush()
    assert await kept.texts() == ["new"]
    for number in range(2_500):
        kept.add(f"q{number}")
    await kept.log.flush()
    assert len(await kept.texts()) == 2_501
    kept.clock.move(seconds=TRIM_S)
    await kept.log.flush()
    assert await kept.texts() == [f"q{number}" for number in range(2_400, 2_500)]


class Away:
    """A store that takes nothing while it is away."""

    def __init__(self, inner: EventStore) -> None:
        self._inner, self.away = inner, True
        self.query, self.count = inner.query, inner.count

    async def commit(self, transaction: Transaction) -> Committed:
        """Refuse, or commit."""
        if self.away:
            raise Overloaded("away", link="test")
        return await self._inner.commit(transaction)


async def test_the_log_is_bounded_while_the_store_is_away() -> None:
    """What the store refuses is written when it takes it again, up to a bound; a search never waits or fails for it."""
    kept = Kept()
    store, kept.rules = Away(kept.store), LogRules()
    kept.log = QueryLog(store, kept.clock, kept.ids, kept.now)
    kept.add("first")
    with pytest.raises(Overloaded):
        await kept.log.flush()
    for _ in range(HELD_MAX + 10):
        kept.add("more")
    store.away = False
    assert await kept.log.flush() == HELD_MAX
    assert (await kept.texts())[:2] == ["first", "more"]


def test_programs_of_the_product_are_not_kept() -> None:
    """A service, and who has no user, leave no row."""
    kept = Kept()
    kept.log.add(SearchKnowledge(query="x"), NOTHING, context_of(SYSTEM))
    nobody = CallContext(
        correlation_id="c", principal=replace(ALICE, user_id=""), trace=context_of(ALICE).trace
    )
    kept.log.add(SearchKnowledge(query="x"), NOTHING, nobody)
    assert kept.log._held == []
