"""Question sets as those see them who may read their collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from autobot.contexts.knowledge.domain import question_files
from autobot.contexts.knowledge.domain.question_set import QuestionSet, document_of
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.views import set_summary
from autobot.contracts.knowledge import measurements
from autobot.contracts.knowledge import question_sets as contract
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.projection import Projection

FORMS: Final[dict[contract.Form, tuple[str, str, Callable[..., str]]]] = {
    "jsonl": ("jsonl", "application/x-ndjson", question_files.json_lines),
    "qrels": ("qrels", "text/plain; charset=utf-8", question_files.judgements),
    "topics": ("tsv", "text/tab-separated-values; charset=utf-8", question_files.topics),
}
"""By form how a file's name ends, what it is, and how it is written."""


class QuestionSetQueries:
    """One method a query."""

    def __init__(self, library: Library, sets: QuestionSets) -> None:
        self._library, self._sets = library, sets

    async def list(self, query: contract.ListQuestionSets, context: CallContext) -> contract.QuestionSetPage:
        """Return a page of a collection's sets, by name."""
        await self._may_write(query.collection, context)
        after = decode_cursor(query.cursor, 2)
        place = None if after is None else (after[0], after[1])
        found = await self._sets.page(query.collection, place, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > len(page)
        return contract.QuestionSetPage(
            items=tuple(set_summary(one) for one in page),
            next_cursor=encode_cursor(page[-1].name.casefold(), page[-1].id) if more else None,
        )

    async def get(self, query: contract.GetQuestionSet, context: CallContext) -> contract.QuestionSetView:
        """Return a set with its questions and the titles of what is graded."""
        kept, may_write = await self._of(query.collection, query.id, context)
        return contract.QuestionSetView(
            id=kept.id,
            collection=kept.collection,
            name=kept.name,
            owner=kept.owner,
            revision=kept.revision,
            created_at=kept.created,
            updated_at=kept.updated,
            may_write=may_write,
            questions=kept.questions,
            titles=await self._titles(kept),
        )

    async def question(self, query: contract.GetQuestion, context: CallContext) -> contract.GradedQuestion:
        """Return a question of a set. Raises NotFound when the set has no such question."""
        kept, _ = await self._of(query.collection, query.id, context)
        found = next((one for one in kept.questions if one.id == query.question), None)
        if found is None:
            raise NotFound(f"The question set {kept.name} has no question {query.question}.")
        return found

    async def file(self, query: contract.WriteQuestionSet, context: CallContext) -> contract.QuestionSetFile:
        """Return a set as a file."""
        kept, _ = await self._of(query.collection, query.id, context)
        ending, media_type, write = FORMS[query.form]
        return contract.QuestionSetFile(
            filename=f"{kept.name}.{ending}", media_type=media_type, text=write(kept.questions)
        )

    async def _of(self, collection: str, set_id: str, context: CallContext) -> tuple[QuestionSet, bool]:
        may_write = await self._may_write(collection, context)
        kept = (await self._sets.one(set_id)).set
        kept.require(collection)
        return kept, may_write

    async def _may_write(self, collection: str, context: CallContext) -> bool:
        """Return whether the caller may change the collection. Raises NotFound unless it may be read."""
        found = (await self._library.collection(collection)).collection
        found.require_readable(context.principal)
        return found.writable(context.principal)

    async def _titles(self, kept: QuestionSet) -> dict[str, str]:
        titles: dict[str, str] = {}
        for document_id in sorted({document_of(answer) for answer in kept.answers()}):
            found = (await self._library.document(document_id)).document
            if found.exists and found.collection == kept.collection:
                titles[document_id] = found.title
        return titles


def question_sets_then(codec: EventCodec) -> Projection:
    """Return the read model of question sets: their grades, and what was measured by them, newest last.

    Without names and questions, which are somebody's text.
    """
    types = tuple(one.TYPE for one in (*contract.EVENTS, *measurements.EVENTS))
    return latest("question_sets", types, codec.unwrap, prefix="question-set-", change=_set_then)


def _set_then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    grades: dict[str, Any] = dict(before.get("grades", {}))
    match event:
        case contract.QuestionSetSaved():
            said = {one.id: dict(one.relevant) for one in event.questions}
            return {**before, "collection": event.collection, "owner": event.owner, "grades": said}
        case measurements.MeasurementRequested():
            begun = {"mode": event.mode, "status": "accepted"}
            known = list(before.get("measurements", {}).items())[-(measurements.KEPT - 1) :]
            return {**before, "measurements": {**dict(known), event.id: begun}}
        case measurements.MeasurementEnded():
            ended = {"status": event.status, "figures": msgspec.to_builtins(event.figures)}
            past = before.get("measurements", {})
            return {**before, "measurements": {**past, event.id: {**past.get(event.id, {}), **ended}}}
        case contract.QuestionGraded():
            grades[event.question.id] = dict(event.question.relevant)
        case contract.QuestionRemoved():
            grades.pop(event.question, None)
        case contract.QuestionSetDeleted():
            return None
        case _:
            return before
    return {**before, "grades": grades}
