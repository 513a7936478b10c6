"""Question sets as files: whatever the questions, what is written is read again as the same."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.question_files import (
    json_lines,
    judgements,
    read_json_lines,
    read_trec,
    topics,
)
from autobot.contexts.knowledge.domain.question_set import QuestionSet, same_words
from autobot.contracts.knowledge.question_sets import GradedQuestion, WishedQuestion
from autobot.kernel.core.errors import InvalidInput

IDS = st.text("abcXYZ019_-", min_size=1, max_size=12)
TEXTS = st.text(min_size=1, max_size=60).filter(lambda text: text.strip() != "")
GRADES = st.dictionaries(IDS, st.integers(0, 3), min_size=1, max_size=5)


@st.composite
def questions(draw: st.DrawFn) -> tuple[GradedQuestion, ...]:
    """Questions with different ids."""
    ids = draw(st.lists(IDS, unique=True, max_size=6))
    return tuple(
        GradedQuestion(id=one, query=draw(TEXTS), relevant=draw(GRADES), by="somebody") for one in ids
    )


def plain(one: GradedQuestion | WishedQuestion) -> tuple[object, str, dict[str, int]]:
    """What a file keeps of a question."""
    return one.id, one.query, dict(one.relevant)


@given(questions())
def test_json_lines_come_back_as_they_went(asked: tuple[GradedQuestion, ...]) -> None:
    """Ids, words to the last character and grades are the same, a line each."""
    text = json_lines(asked)
    assert text.count("\n") == len(asked)
    assert [plain(one) for one in read_json_lines(text)] == [plain(one) for one in asked]


@given(questions())
def test_trec_comes_back_as_it_went_but_for_blanks(asked: tuple[GradedQuestion, ...]) -> None:
    """Ids and grades are the same; of the words only their blanks may differ, as a line ends where it ends."""
    read = read_trec(judgements(asked), topics(asked))
    assert [(one.id, dict(one.relevant)) for one in read] == [(one.id, dict(one.relevant)) for one in asked]
    assert [one.query.split() for one in read] == [one.query.split() for one in asked]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, other: str) -> None:
    """Whatever a file holds, it is questions or InvalidInput, and nothing else comes out."""
    for read in (lambda: read_json_lines(text), lambda: read_trec(text, other)):
        with suppress(InvalidInput):
            assert all(one.query and one.relevant for one in read())


@given(questions(), st.integers(0, 5))
def test_saving_the_same_again_is_no_fact(asked: tuple[GradedQuestion, ...], more: int) -> None:
    """A set that is saved with what it has changes nothing, and a question whose words stay keeps its id."""
    fresh = iter(f"new-{number}" for number in range(100))
    wished = [
        WishedQuestion(query=one.query, relevant={**one.relevant, "d": 1})
        for one in {same_words(one.query): one for one in asked}.values()
    ]
    empty = QuestionSet(id="s", collection="c")
    (fact,) = empty.save("name", wished, "somebody", lambda: next(fresh))
    kept = QuestionSet(
        id="s", collection="c", name="name", owner="somebody", questions=fact.questions, revision=1
    )
    assert kept.save("name", wished, "another", lambda: next(fresh)) == ()
    changed = [WishedQuestion(query=one.query.upper(), relevant={"d": 3}) for one in wished]
    if len({same_words(one.query) for one in changed}) == len(changed):
        again = kept.save(f"name {more}", changed, "another", lambda: next(fresh))
        same = {same_words(one.query): one.id for one in kept.questions}
        for one in again[0].questions:
            assert one.id == same.get(same_words(one.query), one.id)
