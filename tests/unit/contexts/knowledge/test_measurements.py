"""Measurements by a question set: run in the background as who asked, kept, compared, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from autobot.contexts.knowledge.domain.measurement import figures_of, mean_took
from autobot.contexts.knowledge.module import MeasurementRun, measurement_starter
from autobot.contexts.knowledge.ports.measurements import MEASUREMENTS, MEASURING
from autobot.contracts.knowledge import collections, documents, question_sets
from autobot.contracts.knowledge import measurements as contract
from autobot.contracts.knowledge.measuring import LabelledQuestion, MeasureSearch
from autobot.contracts.knowledge.search import Took
from autobot.kernel.core.errors import Conflict, Forbidden, NotFound
from autobot.kernel.event_store.transaction import Query
from autobot.kernel.sagas.engine import RunEngine
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock
from tests.unit.contexts.knowledge.world import ALICE, BOB, EVE, World

pytestmark = pytest.mark.anyio

TEXTS = {
    "ferns": "Ferns grow in the shade of old trees.",
    "pumps": "A pump needs oil twice a year.",
    "bread": "Bread rises when the yeast is warm.",
}


async def no_frame(channel: str, body: dict[str, Any]) -> None:
    """Nobody watches."""


class Lab(World):
    """A collection of Alice's with three documents and a set of questions."""

    def __init__(self) -> None:
        super().__init__(HashingEmbedder(HandClock()))
        self.embedder.there = True
        self.place = self.set = ""
        self.ids_of: dict[str, str] = {}
        run = MeasurementRun(bus=self.dispatcher, store=self.store)
        self.engine = RunEngine((run,), self.store, self.codec, self.clock, no_frame)
        self.starts = measurement_starter(self.codec, self.engine.accept)

    @asynccontextmanager
    async def measuring(self) -> AsyncIterator[None]:
        """Carry measurements for the block."""

        async def react() -> None:
            async for batch in self.store.subscribe(after=0):
                for one in batch:
                    await self.starts(one)

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self.engine.serve())
            await self.engine.recovered.wait()
            reacting = group.create_task(react())
            try:
                yield
            finally:
                self.engine.close()
                reacting.cancel()
                await serving

    async def fill(self) -> Lab:
        """Make it."""
        self.place = (await self.do(collections.CreateCollection(name="Lab", readers=("bob",)))).id
        async with self.working():
            for name, text in TEXTS.items():
                accepted = await self.add(text, collection=self.place)
                assert (await self.settled(accepted.id)).status == "ready"
                self.ids_of[name] = accepted.id
        wished = [
            question_sets.WishedQuestion(query="where do ferns grow", relevant={self.ids_of["ferns"]: 3}),
            question_sets.WishedQuestion(query="oil of a pump", relevant={self.ids_of["pumps"]: 2}),
            # What answers it has none of its words, and others have: it is not the first.
            question_sets.WishedQuestion(query="ferns in the shade", relevant={self.ids_of["bread"]: 1}),
        ]
        command = question_sets.CreateQuestionSet(
            collection=self.place, name="Three", questions=tuple(wished)
        )
        self.set = (await self.do(command)).id
        return self

    @property
    def name(self) -> dict[str, str]:
        """The set, as commands and queries name it."""
        return {"collection": self.place, "set": self.set}

    async def ended(self, measurement: str, who: Any = ALICE) -> contract.MeasurementView:
        """Return a measurement when it has ended."""
        async with asyncio.timeout(30):
            async for _ in self.store.subscribe(after=0):
                view: contract.MeasurementView = await self.ask(
                    contract.GetMeasurement(**self.name, id=measurement), who
                )
                if view.measurement.ended_at is not None:
                    return view
        raise AssertionError("the log ended")


@pytest.fixture
async def lab() -> Lab:
    """The context with documents that are ready."""
    return await Lab().fill()


async def test_a_measurement_is_what_searching_says(lab: Lab) -> None:
    """Its figures and the result of each question are those of the same searches; who may read sees them, with their model."""
    async with lab.measuring():
        asked = await lab.do(contract.MeasureByQuestionSet(**lab.name))
        assert (asked.status, asked.total, asked.asked_by, asked.figures) == ("accepted", 3, "alice", None)
        view = await lab.ended(asked.id, BOB)
    kept = await lab.ask(question_sets.GetQuestionSet(collection=lab.place, id=lab.set))
    labelled = tuple(LabelledQuestion(query=one.query, relevant=one.relevant) for one in kept.questions)
    truth = await lab.ask(MeasureSearch(questions=labelled, collection=lab.place))
    figures = view.measurement.figures
    assert figures is not None
    assert (figures.ndcg_10, figures.recall_100, figures.mrr_10, figures.recall_10) == (
        pytest.approx(truth.ndcg_10),
        truth.recall_100,
        pytest.approx(truth.mrr_10),
        truth.recall_10,
    )
    assert (view.measurement.status, view.measurement.done, figures.model) == ("completed", 3, truth.model)
    assert [(one.question, one.first, one.gone) for one in view.questions] == [
        (asked.id, found.first, 0) for asked, found in zip(kept.questions, truth.questions, strict=True)
    ]
    assert [one.first == 1 for one in view.questions] == [True, True, False]
    assert await lab.store.count(Query(table=MEASURING)) == 0


async def test_two_runs_can_be_compared(lab: Lab) -> None:
    """The newest comes first; questions keep their ids over changes, and what is gone from the collection is counted."""
    async with lab.measuring():
        first = await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name, mode="lexical"))).id)
        await lab.do(documents.DeleteDocument(id=lab.ids_of["ferns"]))
        for one in await lab.store.read_all():
            await lab.clean(one)
        second = await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name, mode="lexical"))).id)
    page = await lab.ask(contract.ListMeasurements(**lab.name))
    assert [one.id for one in page.items] == [second.measurement.id, first.measurement.id]
    assert [one.question for one in first.questions] == [one.question for one in second.questions]
    assert [one.gone for one in first.questions] == [0, 0, 0]
    assert [one.gone for one in second.questions] == [1, 0, 0]
    assert first.measurement.figures is not None
    assert second.measurement.figures is not None
    assert second.measurement.figures.recall_100 < first.measurement.figures.recall_100
    assert second.measurement.figures.position > first.measurement.figures.position


async def test_passages_are_judged_as_passages(lab: Lab) -> None:
    """A question whose passage is graded is searched by passage; after a new version that passage is gone."""
    passage = f"{lab.ids_of['pumps']}.1.0"
    wished = question_sets.WishedQuestion(query="oil of a pump", relevant={passage: 3})
    await lab.do(
        question_sets.ReplaceQuestionSet(collection=lab.place, id=lab.set, name="P", questions=(wished,))
    )
    async with lab.measuring():
        before = await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name))).id)
        await lab.do(documents.ReindexDocument(id=lab.ids_of["pumps"]))
        async with lab.working():
            await lab.settled(lab.ids_of["pumps"])
        after = await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name))).id)
    assert [(one.first, one.gone) for one in before.questions] == [(1, 0)]
    assert [(one.first, one.gone) for one in after.questions] == [(None, 1)]


async def test_a_measurement_is_stopped_before_its_next_questions(lab: Lab) -> None:
    """Who stops it ends it at once; its run leaves off, records nothing more, and the next one of the set comes."""
    wished = tuple(
        question_sets.WishedQuestion(query=f"ferns {one}", relevant={lab.ids_of["ferns"]: 1})
        for one in range(40)
    )
    await lab.do(
        question_sets.ReplaceQuestionSet(collection=lab.place, id=lab.set, name="Many", questions=wished)
    )
    reached, opened, embedded = asyncio.Event(), asyncio.Event(), 0

    async def hold(texts: Any) -> None:
        nonlocal embedded
        embedded += 1
        reached.set()
        await opened.wait()

    lab.embedder.then = hold
    async with lab.measuring():
        asked = await lab.do(contract.MeasureByQuestionSet(**lab.name))
        await reached.wait()
        stopped = await lab.do(contract.StopMeasurement(**lab.name, id=asked.id))
        assert (stopped.status, stopped.figures) == ("stopped", None)
        with pytest.raises(Conflict):
            await lab.do(contract.StopMeasurement(**lab.name, id=asked.id))
        opened.set()
        lab.embedder.then = None
        following = await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name))).id)
    assert following.measurement.status == "completed"
    assert (await lab.ended(asked.id)).measurement.status == "stopped"
    assert embedded == 1


async def test_questions_that_change_meanwhile_are_told(lab: Lab) -> None:
    """A set that changed between the wish and the run fails that measurement: its figures would be of other questions."""
    asked = await lab.do(contract.MeasureByQuestionSet(**lab.name))
    await lab.do(
        question_sets.GradeAnswers(
            collection=lab.place, id=lab.set, query="yeast", relevant={lab.ids_of["bread"]: 1}
        )
    )
    async with lab.measuring():
        view = await lab.ended(asked.id)
    assert view.measurement.status == "failed"
    assert view.measurement.error is not None
    assert view.measurement.error.code == "conflict"


async def test_who_may_no_longer_read_measures_nothing(lab: Lab) -> None:
    """A run searches as who asked for it: without permission by then it fails, and tells nothing."""
    await lab.do(collections.ChangeCollection(id=lab.place, writers=("eve",)))
    asked = await lab.do(contract.MeasureByQuestionSet(**lab.name), EVE)
    await lab.do(collections.ChangeCollection(id=lab.place, writers=()))
    async with lab.measuring():
        view = await lab.ended(asked.id)
    assert (view.measurement.status, view.questions) == ("failed", ())


async def test_the_collection_says_who_may_measure(lab: Lab) -> None:
    """Readers see what was measured, writers measure; for others there is nothing; a set without questions measures nothing."""
    asked = await lab.do(contract.MeasureByQuestionSet(**lab.name))
    for change in (
        contract.MeasureByQuestionSet(**lab.name),
        contract.StopMeasurement(**lab.name, id=asked.id),
    ):
        with pytest.raises(Forbidden):
            await lab.do(change, BOB)
        with pytest.raises(NotFound):
            await lab.do(change, EVE)
    for query in (contract.ListMeasurements(**lab.name), contract.GetMeasurement(**lab.name, id=asked.id)):
        await lab.ask(query, BOB)
        with pytest.raises(NotFound):
            await lab.ask(query, EVE)
    empty = (await lab.do(question_sets.CreateQuestionSet(collection=lab.place, name="x"))).id
    with pytest.raises(NotFound):
        await lab.ask(contract.GetMeasurement(collection=lab.place, set=empty, id=asked.id))
    with pytest.raises(Conflict):
        await lab.do(contract.MeasureByQuestionSet(collection=lab.place, set=empty))


async def test_measurements_go_with_their_set(lab: Lab) -> None:
    """After a set is deleted nothing of what was measured is stored, though one went on."""
    async with lab.measuring():
        await lab.ended((await lab.do(contract.MeasureByQuestionSet(**lab.name))).id)
        await lab.do(contract.MeasureByQuestionSet(**lab.name))
        await lab.do(question_sets.DeleteQuestionSet(collection=lab.place, id=lab.set))
    assert await lab.store.count(Query(table=MEASUREMENTS)) == 0
    assert await lab.store.count(Query(table=MEASURING)) == 0


async def test_the_oldest_measurement_makes_room(lab: Lab) -> None:
    """A set keeps a hundred; those that go on are never the ones that go."""
    for _ in range(contract.KEPT):
        await lab.do(contract.MeasureByQuestionSet(**lab.name))
    with pytest.raises(Conflict):
        await lab.do(contract.MeasureByQuestionSet(**lab.name))
    page = await lab.ask(contract.ListMeasurements(**lab.name, limit=200))
    oldest = page.items[-1]
    await lab.do(contract.StopMeasurement(**lab.name, id=oldest.id))
    await lab.do(contract.MeasureByQuestionSet(**lab.name))
    page = await lab.ask(contract.ListMeasurements(**lab.name, limit=200))
    assert len(page.items) == contract.KEPT
    assert oldest.id not in [one.id for one in page.items]


def test_the_mean_of_times_weighs_each_by_its_searches() -> None:
    """A stage counts as nothing where it did not run, and has no mean where it never ran."""
    one = Took(lexical_ms=2.0, rerank_ms=8.0, total_ms=10.0)
    three = Took(lexical_ms=6.0, total_ms=6.0)
    assert mean_took([(one, 1), (three, 3)]) == Took(lexical_ms=5.0, rerank_ms=2.0, total_ms=7.0)


async def test_the_means_of_parts_are_those_of_the_whole(lab: Lab) -> None:
    """Asked in parts of unequal size, questions have the same means as asked at once."""
    kept = await lab.ask(question_sets.GetQuestionSet(collection=lab.place, id=lab.set))
    labelled = [LabelledQuestion(query=one.query, relevant=one.relevant) for one in kept.questions]
    parts = [
        await lab.ask(MeasureSearch(questions=tuple(some), collection=lab.place))
        for some in (labelled[:1], labelled[1:])
    ]
    whole = await lab.ask(MeasureSearch(questions=tuple(labelled), collection=lab.place))
    figures = figures_of(parts, 1)
    for name in ("ndcg_10", "recall_10", "recall_100", "mrr_10"):
        assert getattr(figures, name) == pytest.approx(getattr(whole, name))
