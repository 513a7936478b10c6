"""Question sets: questions of a collection with what answers them, kept so that search can be measured by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.knowledge.words import Id, Limit, Name, Person

QUESTIONS_MAX = 500
"""Questions of one set."""
ANSWERS_MAX = 200
"""Documents or passages that are graded for one question."""
GRADES_MAX = 5_000
"""Grades of one set, over all its questions."""
SETS_MAX = 50
"""Sets of one collection."""
FILE_MAX = 4_000_000
"""Characters of a file that is read as a set."""

Grade = Annotated[int, Ge(0), Le(3)]
"""How well something answers a question: 0 not at all, 1 a little, 2 well, 3 fully."""
Question = Annotated[str, Len(1, 2000)]
AnswerId = Annotated[str, Len(1, 100)]
"""A document's id, or a passage's, which names the version of its document."""
Grades = Annotated[Mapping[AnswerId, Grade], Len(1, ANSWERS_MAX)]
Form = Literal["jsonl", "qrels", "topics"]
"""JSON Lines of whole questions; TREC's relevance judgements; TREC's questions, one `id TAB text` a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedQuestion:
    """A question with the grade of what answers it: documents, or passages, not both. `by` is who said so.

    `id` is unique in its set.
    """

    id: str
    query: str
    relevant: Mapping[str, int]
    by: str


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetSaved:
    """A set has this name and these questions, and no others."""

    TYPE: ClassVar[str] = "autobot.knowledge.question_set_saved.v1"
    id: str
    collection: str
    name: str
    owner: str
    questions: tuple[GradedQuestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionGraded:
    """A question of a set is this now; it is new there, or it has other words or grades."""

    TYPE: ClassVar[str] = "autobot.knowledge.question_graded.v1"
    set: str
    question: GradedQuestion


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRemoved:
    """A question is no more in its set."""

    TYPE: ClassVar[str] = "autobot.knowledge.question_removed.v1"
    set: str
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetDeleted:
    """The set is gone, with what was measured by it."""

    TYPE: ClassVar[str] = "autobot.knowledge.question_set_deleted.v1"
    id: str


EVENTS: tuple[type[Any], ...] = (QuestionSetSaved, QuestionGraded, QuestionRemoved, QuestionSetDeleted)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class WishedQuestion:
    """A question as somebody writes it down. Without `id` it gets one; with it, it keeps that over changes."""

    query: Question
    relevant: Grades
    id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQuestionSet:
    """Make a set in a collection that the caller may change."""

    collection: Id
    name: Name
    questions: Annotated[tuple[WishedQuestion, ...], Len(0, QUESTIONS_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceQuestionSet:
    """Give a set another name and other questions."""

    collection: Id
    id: Id
    name: Name
    questions: Annotated[tuple[WishedQuestion, ...], Len(0, QUESTIONS_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadQuestionSet:
    """Make a set of a file: JSON Lines of `{"query", "relevant", "id"?}`, or TREC's judgements with their `topics`.

    With `id` the questions of that set are replaced.
    """

    collection: Id
    name: Name
    text: Annotated[str, Len(1, FILE_MAX)]
    form: Literal["jsonl", "qrels"] = "jsonl"
    topics: Annotated[str, Len(0, FILE_MAX)] = ""
    id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadQuestionSet(ReadQuestionSet):
    """ReadQuestionSet for a user, whoever's the collection is: for those who run the machine."""

    user_id: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class BringQuestionSet:
    """Make the set of an archive that is called `origin` there, unless the collection has it already.

    Asked for by the import `brought_by`, as the person who wanted it.
    """

    collection: Id
    origin: Id
    name: Name
    questions: Annotated[tuple[WishedQuestion, ...], Len(0, QUESTIONS_MAX)]
    brought_by: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The answer of BringQuestionSet: the set's id, and whether it was there already."""

    id: str
    existing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeAnswers:
    """Say of a question how well these answer it; the question joins the set unless it is there, other grades stay."""

    collection: Id
    id: Id
    query: Question
    relevant: Grades


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveQuestion:
    """Take a question out of a set."""

    collection: Id
    id: Id
    question: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteQuestionSet:
    """Delete a set with what was measured by it; what the log says of it is blanked."""

    collection: Id
    id: Id


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuestionSets:
    """The sets of a collection that the caller may read, by name."""

    collection: Id
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQuestionSet:
    """One set with its questions."""

    collection: Id
    id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQuestion:
    """One question of a set with its grades; answered by a GradedQuestion."""

    collection: Id
    id: Id
    question: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteQuestionSet:
    """A set as a file."""

    collection: Id
    id: Id
    form: Form = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetSummary:
    """A set without its questions. `revision` counts its changes from 1: results of one revision can be compared."""

    id: str
    collection: str
    name: str
    owner: str
    questions: int
    grades: int
    revision: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetPage:
    """A page of them."""

    items: tuple[QuestionSetSummary, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetView:
    """A set with its questions. `titles` are of the graded documents that are in the collection now, by id."""

    id: str
    collection: str
    name: str
    owner: str
    revision: int
    created_at: str
    updated_at: str
    may_write: bool
    questions: tuple[GradedQuestion, ...]
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSetFile:
    """A set as a file. `media_type` is what it is."""

    filename: str
    media_type: str
    text: str
