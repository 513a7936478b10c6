"""Question sets: made, graded, read from files, and gone with whoever or whatever they belong to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autobot.contexts.knowledge.read_model.question_sets import question_sets_then
from autobot.contracts.knowledge import collections, documents
from autobot.contracts.knowledge import question_sets as contract
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.projection import Policy
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock, context_of
from tests.unit.contexts.knowledge.world import ALICE, BOB, EVE, World

pytestmark = pytest.mark.anyio

Wished = contract.WishedQuestion


class Shelf(World):
    """A collection of Alice's that Bob may write in and Eve may not see, with two documents."""

    def __init__(self) -> None:
        super().__init__(HashingEmbedder(HandClock()))
        self.place = self.ferns = self.pumps = ""

    async def fill(self) -> Shelf:
        """Make it."""
        made = await self.do(collections.CreateCollection(name="Shared", writers=("bob",)))
        self.place = str(made.id)
        self.ferns = (await self.add("Ferns grow in the shade.", collection=self.place)).id
        self.pumps = (await self.add("A pump needs oil.", BOB, collection=self.place)).id
        return self

    async def made(self, *questions: Wished, who: Any = ALICE) -> str:
        """Make a set."""
        command = contract.CreateQuestionSet(collection=self.place, name="Plants", questions=questions)
        return str((await self.do(command, who)).id)

    async def shown(self, set_id: str, who: Any = ALICE) -> contract.QuestionSetView:
        """Return a set."""
        view: contract.QuestionSetView = await self.ask(
            contract.GetQuestionSet(collection=self.place, id=set_id), who
        )
        return view


async def stop() -> Policy:
    """What is done about poison: nothing goes on."""
    return "stop"


@pytest.fixture
async def shelf() -> Shelf:
    """The context, with nobody who indexes."""
    return await Shelf().fill()


async def test_a_set_keeps_its_questions_over_changes(shelf: Shelf) -> None:
    """A question whose words stay keeps its id, whatever else changes; the same again is no fact."""
    made = await shelf.made(Wished(query="Where do ferns grow?", relevant={shelf.ferns: 3}))
    (first,) = (await shelf.shown(made)).questions
    grades = {shelf.ferns: 2, shelf.pumps: 0}
    wished = (
        Wished(query="what needs oil", relevant={shelf.pumps: 1}),
        Wished(query="where do  FERNS grow?", relevant=grades),
    )
    again = contract.ReplaceQuestionSet(collection=shelf.place, id=made, name="More", questions=wished)
    summary = await shelf.do(again, BOB)
    assert (summary.questions, summary.grades, summary.revision) == (2, 3, 2)
    view = await shelf.shown(made)
    assert [(one.id == first.id, one.by, dict(one.relevant)) for one in view.questions] == [
        (False, "bob", {shelf.pumps: 1}),
        (True, "bob", grades),
    ]
    assert view.titles == {shelf.ferns: "A title", shelf.pumps: "A title"}
    assert (await shelf.do(again, BOB)).revision == 2


async def test_an_answer_is_graded_from_a_search(shelf: Shelf) -> None:
    """What is said of a question joins its other grades; a new question joins the set; one can be taken out."""
    made = await shelf.made()
    for answer, grade in ((shelf.ferns, 3), (shelf.pumps, 0)):
        await shelf.do(
            contract.GradeAnswers(
                collection=shelf.place, id=made, query=" Where do ferns grow? ", relevant={answer: grade}
            )
        )
    (asked,) = (await shelf.shown(made)).questions
    assert (asked.query, dict(asked.relevant)) == ("Where do ferns grow?", {shelf.ferns: 3, shelf.pumps: 0})
    await shelf.do(contract.RemoveQuestion(collection=shelf.place, id=made, question=asked.id))
    assert (await shelf.shown(made)).questions == ()
    with pytest.raises(NotFound):
        await shelf.do(contract.RemoveQuestion(collection=shelf.place, id=made, question=asked.id))


BAD: tuple[tuple[list[dict[str, Any]], str], ...] = (
    ([{"query": "a", "relevant": {"FERNS": 4}}], "#/questions/0/relevant/FERNS"),
    ([{"query": "a", "relevant": {"FERNS": -1}}], "#/questions/0/relevant/FERNS"),
    ([{"query": "a", "relevant": {"FERNS": True}}], "#/questions/0/relevant/FERNS"),
    ([{"query": "a", "relevant": {}}], "#/questions/0/relevant"),
    ([{"query": "a", "relevant": {"FERNS": 0}}], "#/questions/0/relevant"),
    ([{"query": "  ", "relevant": {"FERNS": 1}}], "#/questions/0/query"),
    ([{"query": "a b", "relevant": {"FERNS": 1}}, {"query": "A  B", "relevant": {"FERNS": 1}}], "#/questions/1/query"),
    (
        [{"query": "a", "relevant": {"FERNS": 1}, "id": "x"}, {"query": "b", "relevant": {"FERNS": 1}, "id": "x"}],
        "#/questions/1/id",
    ),
    ([{"query": "a", "relevant": {"no/such~one": 1}}], "#/questions/0/relevant/no~1such~0one"),
    ([{"query": "a", "relevant": {"FERNS": 1, "FERNS.1.0": 1}}], "#/questions/0/relevant"),
    ([{"query": "a", "relevant": {"FERNS.1.7": 1}}], "#/questions/0/relevant/FERNS.1.7"),
    ([{"query": "a", "relevant": {"OTHER": 1}}], "#/questions/0/relevant/OTHER"),
)  # fmt: skip


@pytest.mark.parametrize(("questions", "pointer"), BAD)
async def test_bad_questions_change_nothing(
    shelf: Shelf, questions: list[dict[str, Any]], pointer: str
) -> None:
    """Grades out of range, nothing that answers, no words, repeats and what the collection has not are told by place."""
    made = await shelf.made(Wished(query="stays", relevant={shelf.ferns: 1}))
    elsewhere = (await shelf.add("of Alice alone")).id
    names = {"FERNS": shelf.ferns, "OTHER": elsewhere}

    def real(text: str) -> str:
        for name, stands_for in names.items():
            text = text.replace(name, stands_for)
        return text

    wished = tuple(
        Wished(**{**one, "relevant": {real(key): grade for key, grade in one["relevant"].items()}})
        for one in questions
    )
    head = await shelf.store.head()
    command = contract.ReplaceQuestionSet(collection=shelf.place, id=made, name="x", questions=wished)
    with pytest.raises(InvalidInput) as caught:
        await shelf.do(command)
    assert real(pointer) in [one.pointer for one in caught.value.errors]
    assert await shelf.store.head() == head
    assert [one.query for one in (await shelf.shown(made)).questions] == ["stays"]


async def test_sets_have_bounds(shelf: Shelf) -> None:
    """Too many questions, grades and sets are refused."""
    many = tuple(Wished(query=f"q{one}", relevant={shelf.ferns: 1}) for one in range(501))
    with pytest.raises(InvalidInput):
        await shelf.made(*many)
    full = await shelf.made(*many[:500])
    more = contract.GradeAnswers(collection=shelf.place, id=full, query="one more", relevant={shelf.ferns: 1})
    with pytest.raises(InvalidInput, match="at most 500"):
        await shelf.do(more)
    heavy = {f"d{one}": 1 for one in range(200)}
    with pytest.raises(InvalidInput) as caught:
        await shelf.made(*(Wished(query=f"q{one}", relevant=heavy) for one in range(26)))
    assert [one.pointer for one in caught.value.errors] == ["#/questions"]
    for _ in range(contract.SETS_MAX - 1):
        await shelf.made()
    with pytest.raises(Conflict):
        await shelf.made()


async def test_the_collection_says_who_may(shelf: Shelf) -> None:
    """Who may read it sees its sets, who may change it changes them; for others there are none."""
    made = await shelf.made(Wished(query="a", relevant={shelf.ferns: 1}))
    await shelf.do(collections.ChangeCollection(id=shelf.place, writers=(), readers=("bob",)))
    name = {"collection": shelf.place, "id": made}
    assert not (await shelf.shown(made, BOB)).may_write
    changes = (
        contract.CreateQuestionSet(collection=shelf.place, name="x"),
        contract.ReplaceQuestionSet(**name, name="x"),
        contract.ReadQuestionSet(collection=shelf.place, name="x", text="{}"),
        contract.GradeAnswers(**name, query="a", relevant={shelf.ferns: 1}),
        contract.RemoveQuestion(**name, question="x"),
        contract.DeleteQuestionSet(**name),
    )
    for change in changes:
        with pytest.raises(Forbidden):
            await shelf.do(change, BOB)
        with pytest.raises(NotFound):
            await shelf.do(change, EVE)
    for query in (contract.ListQuestionSets(collection=shelf.place), contract.GetQuestionSet(**name)):
        with pytest.raises(NotFound):
            await shelf.ask(query, EVE)
    other = (await shelf.do(collections.CreateCollection(name="Eve's"), EVE)).id
    with pytest.raises(NotFound):
        await shelf.ask(contract.GetQuestionSet(collection=other, id=made), EVE)


async def test_a_set_goes_out_as_a_file_and_comes_back(shelf: Shelf) -> None:
    """JSON Lines and TREC's two files each make the same questions again, ids and grades too."""
    made = await shelf.made(
        Wished(query="Wo wächst Farn?\nUnd wie?", relevant={shelf.ferns: 3, shelf.pumps: 0}, id="q-1"),
        Wished(query="oil", relevant={shelf.pumps: 2}),
    )
    name = {"collection": shelf.place, "id": made}
    files = {
        form: (await shelf.ask(contract.WriteQuestionSet(**name, form=form))).text
        for form in ("jsonl", "qrels", "topics")
    }
    first = {
        one.id: (" ".join(one.query.split()), dict(one.relevant))
        for one in (await shelf.shown(made)).questions
    }
    for fields in (
        {"text": files["jsonl"]},
        {"text": files["qrels"], "topics": files["topics"], "form": "qrels"},
    ):
        read = await shelf.do(contract.ReadQuestionSet(collection=shelf.place, name="read", **fields))
        view = await shelf.shown(read.id)
        assert {one.id: (" ".join(one.query.split()), dict(one.relevant)) for one in view.questions} == first


FILES: tuple[tuple[dict[str, str], str], ...] = (
    ({"text": "{"}, "line 1: is no JSON"),
    ({"text": '\n{"query": "a"}'}, "line 2: is no object of query, relevant and perhaps id"),
    ({"text": '{"query": "a", "relevant": {"d": 1}, "more": 1}'}, "line 1: is no object"),
    ({"text": '{"query": 1, "relevant": {"d": 1}}'}, "line 1: /query must be a string"),
    ({"text": '{"query": "a", "relevant": {"d": 9}}'}, "line 1: /relevant/d must be at most 3"),
    ({"text": "[" * 100_000}, "line 1: is no JSON"),
    ({"form": "qrels", "text": "1 0 d", "topics": "1\ta"}, "line 1: is not TOPIC ITERATION DOCUMENT GRADE"),
    ({"form": "qrels", "text": "2 0 d 1", "topics": "1\ta"}, "line 1: no topic 2 is given"),
    ({"form": "qrels", "text": "1 0 d 4", "topics": "1\ta"}, "line 1: the grade is not between 0 and 3"),
    ({"form": "qrels", "text": "1 0 d -1", "topics": "1\ta"}, "line 1: the grade is not between 0 and 3"),
    ({"form": "qrels", "text": "1 0 d 1", "topics": "1 a"}, "line 1: is not TOPIC TAB TEXT"),
    ({"form": "qrels", "text": "1 0 d 1", "topics": "1\ta\n1\tb"}, "line 2: the topic 1 is there already"),
    ({"form": "qrels", "text": "1 0 d 1", "topics": "1\ta\n2\tb"}, "line 2: nothing is judged for the topic 2"),
    ({"form": "qrels", "text": "1 0 d 1\n1 0 d 2", "topics": "1\ta"}, "line 2: d is judged already"),
    ({"form": "qrels", "text": "1 0 d --3", "topics": "1\ta"}, "line 1: is not TOPIC ITERATION DOCUMENT GRADE"),
    ({"form": "qrels", "text": "1 0 d \u0663", "topics": "1\ta"}, "line 1: is not TOPIC ITERATION DOCUMENT GRADE"),
    ({"form": "qrels", "text": "1. 0 d 1", "topics": "1.\ta"}, "line 1: /id"),
    ({"text": '{"query": "a", "relevant": {"d": 1, "d": 2}}'}, "line 1: is no JSON, or has a name twice"),
)  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), FILES)
async def test_a_broken_file_is_told_by_its_line(shelf: Shelf, fields: dict[str, Any], said: str) -> None:
    """What is wrong with a file names the line, and no set is made."""
    with pytest.raises(InvalidInput) as caught:
        await shelf.do(contract.ReadQuestionSet(collection=shelf.place, name="x", **fields))
    assert caught.value.errors[0].detail.startswith(said), caught.value.errors
    assert (await shelf.ask(contract.ListQuestionSets(collection=shelf.place))).items == ()


async def test_sets_go_with_their_collection(shelf: Shelf) -> None:
    """An empty collection is deleted with its sets, and the log keeps none of their words."""
    made = await shelf.made(Wished(query="a secret question", relevant={shelf.ferns: 1}))
    for one in (shelf.ferns, shelf.pumps):
        await shelf.do(documents.DeleteDocument(id=one))
    await shelf.do(collections.DeleteCollection(id=shelf.place))
    with pytest.raises(NotFound):
        await shelf.shown(made)
    assert "a secret question" not in await shelf.everything_stored()


async def test_a_deleted_set_leaves_no_words(shelf: Shelf) -> None:
    """Deleting one blanks what the log says of it."""
    made = await shelf.made(Wished(query="a secret question", relevant={shelf.ferns: 1}))
    await shelf.do(contract.DeleteQuestionSet(collection=shelf.place, id=made))
    assert "a secret question" not in await shelf.everything_stored()


async def test_who_leaves_takes_their_questions_along(shelf: Shelf) -> None:
    """Of a removed user no word is left anywhere; what others wrote in the same set stays and is in the log anew."""
    made = await shelf.made(Wished(query="alice asks", relevant={shelf.ferns: 1}))
    await shelf.do(
        contract.GradeAnswers(collection=shelf.place, id=made, query="bob asks", relevant={shelf.pumps: 2}),
        BOB,
    )
    own = await shelf.made(Wished(query="bob alone", relevant={shelf.pumps: 2}), who=BOB)
    await shelf.dispatcher.dispatch(documents.EraseDocuments(user_id="bob"), context_of(SYSTEM))
    view = await shelf.shown(made)
    assert [(one.query, dict(one.relevant)) for one in view.questions] == [("alice asks", {shelf.ferns: 1})]
    with pytest.raises(NotFound):
        await shelf.shown(own)
    stored = await shelf.everything_stored()
    assert "bob asks" not in stored
    assert "bob alone" not in stored
    past = Past(shelf.store, (question_sets_then(shelf.codec),), stop)
    tables = await past.tables("question_sets", await shelf.store.head())
    (row,) = tables.rows("question_sets").values()
    assert row.document["grades"] == {view.questions[0].id: {shelf.ferns: 1}}
    await shelf.dispatcher.dispatch(documents.EraseDocuments(user_id="alice"), context_of(SYSTEM))
    assert "alice asks" not in await shelf.everything_stored()


async def test_what_is_written_of_a_set_is_json(shelf: Shelf) -> None:
    """Each line of an exported set is one JSON object with nothing but id, question and grades."""
    made = await shelf.made(Wished(query="a", relevant={shelf.ferns: 1}))
    file = await shelf.ask(contract.WriteQuestionSet(collection=shelf.place, id=made))
    (line,) = file.text.splitlines()
    assert json.loads(line).keys() == {"id", "query", "relevant"}
    assert (file.filename, file.media_type) == ("Plants.jsonl", "application/x-ndjson")
