"""A question set: questions of a collection with what answers them. Pure: from state and wish to facts, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from autobot.contracts.knowledge import question_sets as contract
from autobot.contracts.knowledge.passages import place_of
from autobot.contracts.knowledge.question_sets import ANSWERS_MAX, GRADES_MAX, QUESTIONS_MAX, GradedQuestion
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import NOT_YOURS, FieldError, InvalidInput, NotFound
from autobot.kernel.core.pointer import pointer_to

TELL: Final = 50
"""Broken rules that are told of at once."""


def stream_of(set_id: str, generation: int) -> str:
    """Return the stream of a set. When somebody's words in it are blanked, it goes on in the next one."""
    return f"question-set-{set_id}" + (f".{generation}" if generation else "")


def same_words(query: str) -> str:
    """Return what two questions have in common that differ in case and blanks alone."""
    return " ".join(query.casefold().split())


def pointer(*parts: str | int) -> str:
    """Return the JSON Pointer (RFC 6901) of a place in a body, as a URI fragment."""
    return f"#{pointer_to(parts)}"


def document_of(answer: str) -> str:
    """Return the document that a graded answer is, or is a passage of."""
    place = place_of(answer)
    return answer if place is None else place[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """State of one. `revision` 0: it was never made. `generation` counts how often it went on in another stream."""

    id: str
    collection: str = ""
    name: str = ""
    owner: str = ""
    questions: tuple[GradedQuestion, ...] = ()
    revision: int = 0
    generation: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def stream(self) -> str:
        """Where its facts are."""
        return stream_of(self.id, self.generation)

    @property
    def grades(self) -> int:
        """How many answers are graded in all its questions."""
        return sum(len(one.relevant) for one in self.questions)

    @property
    def created(self) -> str:
        """When it was made, RFC 3339."""
        return rfc3339(self.created_at) if self.created_at else ""

    @property
    def updated(self) -> str:
        """When it changed last, RFC 3339."""
        return rfc3339(self.updated_at) if self.updated_at else ""

    def require(self, collection: str) -> None:
        """Raise NotFound unless it is a set of `collection`."""
        if self.revision == 0 or self.collection != collection:
            raise NotFound(NOT_YOURS)

    def answers(self) -> frozenset[str]:
        """Return all that is graded in it."""
        return frozenset(answer for one in self.questions for answer in one.relevant)

    # ---------------------------------------------------------------------------------------------- deciding

    def save(
        self,
        name: str,
        wished: Sequence[contract.WishedQuestion],
        by: str,
        new_id: Callable[[], str],
    ) -> tuple[Any, ...]:
        """Give it a name and questions. One that was there before with these words keeps its id.

        No fact when nothing changes. Raises InvalidInput, with a pointer into `questions` for each broken rule.
        """
        check(wished)
        before = {same_words(one.query): one for one in self.questions}
        taken = {one.id for one in wished if one.id is not None}
        questions: list[GradedQuestion] = []
        for one in wished:
            old = before.get(same_words(one.query))
            kept = old.id if old is not None and old.id not in taken else None
            made = GradedQuestion(
                id=one.id or kept or new_id(), query=one.query.strip(), relevant=dict(one.relevant), by=by
            )
            questions.append(old if old is not None and replace(made, by=old.by) == old else made)
        if self.revision and (name, tuple(questions)) == (self.name, self.questions):
            return ()
        return (self._saved(name=name, owner=self.owner or by, questions=tuple(questions)),)

    def grade(
        self, query: str, relevant: Mapping[str, int], by: str, new_id: Callable[[], str]
    ) -> tuple[Any, ...]:
        """Add grades to a question, which joins the set unless it is there. Raises InvalidInput."""
        words = same_words(query)
        old = next((one for one in self.questions if same_words(one.query) == words), None)
        if old is None and len(self.questions) >= QUESTIONS_MAX:
            raise InvalidInput(f"A set has at most {QUESTIONS_MAX} questions.")
        all_of_it = {**(old.relevant if old else {}), **relevant}
        made = GradedQuestion(
            id=old.id if old else new_id(),
            query=old.query if old else query.strip(),
            relevant=all_of_it,
            by=old.by if old else by,
        )
        errors = [*_broken(made.query, all_of_it, ()), *_too_many(all_of_it, ("relevant",))]
        if errors:
            raise InvalidInput("This question cannot be graded so.", errors=tuple(errors[:TELL]))
        if self.grades - (len(old.relevant) if old else 0) + len(all_of_it) > GRADES_MAX:
            raise InvalidInput(f"A set has at most {GRADES_MAX} grades.")
        return () if made == old else (contract.QuestionGraded(set=self.id, question=made),)

    def remove(self, question: str) -> tuple[Any, ...]:
        """Take a question out. Raises NotFound for one that is not there."""
        if all(one.id != question for one in self.questions):
            raise NotFound("This question is not in the set.")
        return (contract.QuestionRemoved(set=self.id, question=question),)

    def without(self, user_id: str) -> QuestionSet:
        """Return it without what somebody who is gone wrote, to go on in a stream of its own."""
        left = tuple(one for one in self.questions if one.by != user_id)
        owner = "" if self.owner == user_id else self.owner
        return replace(
            self,
            questions=left,
            owner=owner,
            revision=self.revision + 1,
            generation=self.generation + 1,
        )

    def said(self) -> contract.QuestionSetSaved:
        """Return the fact that says it whole."""
        return self._saved(name=self.name, owner=self.owner, questions=self.questions)

    def _saved(
        self, name: str, owner: str, questions: tuple[GradedQuestion, ...]
    ) -> contract.QuestionSetSaved:
        return contract.QuestionSetSaved(
            id=self.id, collection=self.collection, name=name, owner=owner, questions=questions
        )

    def after(self, fact: Any, now: datetime) -> QuestionSet:
        """Return it as it is after a fact."""
        match fact:
            case contract.QuestionSetSaved():
                changed = replace(self, name=fact.name, owner=fact.owner, questions=fact.questions)
            case contract.QuestionGraded():
                known = {one.id: one for one in self.questions} | {fact.question.id: fact.question}
                changed = replace(self, questions=tuple(known.values()))
            case contract.QuestionRemoved():
                left = tuple(one for one in self.questions if one.id != fact.question)
                changed = replace(self, questions=left)
            case _:
                return self
        created = self.created_at or now
        return replace(changed, revision=self.revision + 1, created_at=created, updated_at=now)


def check(wished: Sequence[contract.WishedQuestion]) -> None:
    """Raise InvalidInput for questions that cannot be a set, with a pointer for each broken rule."""
    errors: list[FieldError] = []
    words: dict[str, int] = {}
    names: dict[str, int] = {}
    for number, one in enumerate(wished):
        place = ("questions", number)
        errors += _broken(one.query, one.relevant, place)
        first = words.setdefault(same_words(one.query), number)
        if first != number:
            errors.append(FieldError(detail=f"is question {first} again", pointer=pointer(*place, "query")))
        if one.id is not None and names.setdefault(one.id, number) != number:
            errors.append(
                FieldError(detail=f"is the id of question {names[one.id]}", pointer=pointer(*place, "id"))
            )
    grades = sum(len(one.relevant) for one in wished)
    if grades > GRADES_MAX:
        detail = f"has {grades} grades, at most {GRADES_MAX} are allowed"
        errors.append(FieldError(detail=detail, pointer=pointer("questions")))
    if errors:
        raise InvalidInput("These questions cannot be a set.", errors=tuple(errors[:TELL]))


def _broken(query: str, relevant: Mapping[str, int], place: tuple[str | int, ...]) -> list[FieldError]:
    errors: list[FieldError] = []
    if not query.strip():
        errors.append(FieldError(detail="has no words", pointer=pointer(*place, "query")))
    if not any(grade > 0 for grade in relevant.values()):
        errors.append(FieldError(detail="nothing has a grade above 0", pointer=pointer(*place, "relevant")))
    if len({place_of(answer) is None for answer in relevant}) > 1:
        detail = "documents and passages cannot be graded in one question"
        errors.append(FieldError(detail=detail, pointer=pointer(*place, "relevant")))
    return errors


def _too_many(relevant: Mapping[str, int], place: tuple[str | int, ...]) -> list[FieldError]:
    if len(relevant) <= ANSWERS_MAX:
        return []
    detail = f"has {len(relevant)} grades, at most {ANSWERS_MAX} are allowed"
    return [FieldError(detail=detail, pointer=pointer(*place))]
