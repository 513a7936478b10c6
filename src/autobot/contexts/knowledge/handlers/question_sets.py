"""Commands on question sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from autobot.contexts.knowledge.domain.question_files import read_json_lines, read_trec
from autobot.contexts.knowledge.domain.question_set import (
    TELL,
    QuestionSet,
    document_of,
    pointer,
    stream_of,
)
from autobot.contexts.knowledge.handlers.parts import Parts, operator_for
from autobot.contexts.knowledge.ports.documents import Library, Write
from autobot.contexts.knowledge.ports.imports import own_set, put_brought
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contexts.knowledge.ports.measurements import MEASUREMENTS, MEASURING
from autobot.contexts.knowledge.ports.question_sets import QUESTION_SETS, QuestionSets, StoredSet, put_set
from autobot.contexts.knowledge.ports.views import set_summary
from autobot.contracts.knowledge import question_sets as contract
from autobot.contracts.knowledge.collections import Gone
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, FieldError, InvalidInput
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import ANY, Delete, Erase

Summary = contract.QuestionSetSummary
Brought = contract.Brought
Place = tuple[str | int, ...]


class QuestionSetHandlers:
    """One method a command. Who may change what is in a collection may change its sets."""

    def __init__(
        self, library: Library, sets: QuestionSets, index: PassageIndex, clock: Clock, ids: IdSource
    ) -> None:
        self._library, self._sets, self._index = library, sets, index
        self._clock, self._ids = clock, ids

    async def create(self, command: contract.CreateQuestionSet, context: CallContext) -> Decision[Summary]:
        """Make one."""
        await self._require(command.collection, context)
        return await self._saved(
            await self._new(command.collection), command.name, command.questions, context
        )

    async def bring(self, command: contract.BringQuestionSet, context: CallContext) -> Decision[Brought]:
        """Make one of an archive: what is graded in it came just before, or was read by then. One that is there stays."""
        await self._require(command.collection, context)
        set_id = own_set(command.origin, command.collection)
        stored = await self._sets.one(set_id)
        if stored.set.revision:
            return Decision(answer=Brought(id=set_id, existing=True), object=set_id)
        made = replace(await self._new(command.collection, set_id), row=stored.row)
        facts = made.set.save(command.name, command.questions, context.principal.user_id, self._ids.new)
        decided = self._decided(made, facts)
        return Decision(
            answer=Brought(id=set_id, existing=False),
            emits=decided.emits,
            writes=(*decided.writes, put_brought(set_id, command.brought_by, is_set=True)),
            object=set_id,
        )

    async def replace(self, command: contract.ReplaceQuestionSet, context: CallContext) -> Decision[Summary]:
        """Give one another name and other questions."""
        stored = await self._of(command.collection, command.id, context)
        return await self._saved(stored, command.name, command.questions, context)

    async def read(self, command: contract.ReadQuestionSet, context: CallContext) -> Decision[Summary]:
        """Make one of a file, or replace its questions by those of the file."""
        await self._require(command.collection, context)
        if command.form == "jsonl":
            questions = read_json_lines(command.text)
        else:
            questions = read_trec(command.text, command.topics)
        if command.id is None:
            stored = await self._new(command.collection)
        else:
            stored = await self._of(command.collection, command.id, context)
        return await self._saved(stored, command.name, questions, context)

    async def load(self, command: contract.LoadQuestionSet, context: CallContext) -> Decision[Summary]:
        """Make one of a file, or replace its questions, for a user."""
        return await self.read(command, replace(context, principal=operator_for(command.user_id)))

    async def grade(self, command: contract.GradeAnswers, context: CallContext) -> Decision[Summary]:
        """Say how well something answers a question."""
        stored = await self._of(command.collection, command.id, context)
        facts = stored.set.grade(command.query, command.relevant, context.principal.user_id, self._ids.new)
        await self._there(stored.set, [(("relevant", one), one) for one in command.relevant])
        return self._decided(stored, facts)

    async def remove(self, command: contract.RemoveQuestion, context: CallContext) -> Decision[Summary]:
        """Take a question out."""
        stored = await self._of(command.collection, command.id, context)
        return self._decided(stored, stored.set.remove(command.question))

    async def delete(self, command: contract.DeleteQuestionSet, context: CallContext) -> Decision[Gone]:
        """Delete one; what the log says of it is blanked."""
        await self._of(command.collection, command.id, context)
        emits, writes, erase = set_removed(await self._sets.whole(command.id))
        return Decision(answer=Gone(), emits=emits, writes=writes, erase=erase, object=command.id)

    # ------------------------------------------------------------------------------------------------ common

    async def _require(self, collection: str, context: CallContext) -> None:
        (await self._library.collection(collection)).collection.require_writable(context.principal)

    async def _new(self, collection: str, set_id: str | None = None) -> StoredSet:
        if await self._sets.count(collection) >= contract.SETS_MAX:
            raise Conflict(
                f"A collection has at most {contract.SETS_MAX} question sets.", hint="Delete one first."
            )
        return StoredSet(set=QuestionSet(id=set_id or self._ids.new(), collection=collection))

    async def _of(self, collection: str, set_id: str, context: CallContext) -> StoredSet:
        await self._require(collection, context)
        stored = await self._sets.one(set_id)
        stored.set.require(collection)
        return stored

    async def _saved(
        self,
        stored: StoredSet,
        name: str,
        questions: tuple[contract.WishedQuestion, ...],
        context: CallContext,
    ) -> Decision[Summary]:
        facts = stored.set.save(name, questions, context.principal.user_id, self._ids.new)
        await self._there(
            stored.set,
            [
                (("questions", number, "relevant", answer), answer)
                for number, one in enumerate(questions)
                for answer in one.relevant
            ],
        )
        return self._decided(stored, facts)

    async def _there(self, kept: QuestionSet, named: Iterable[tuple[Place, str]]) -> None:
        """Raise InvalidInput for documents and passages that the collection has not; what was graded before may be gone."""
        known = kept.answers()
        new = [(place, answer) for place, answer in named if answer not in known]
        passages = await self._passages({answer for _, answer in new if document_of(answer) != answer})
        here: dict[str, bool] = {}
        errors: list[FieldError] = []
        for place, answer in new:
            document = document_of(answer)
            if document not in here:
                found = (await self._library.document(document)).document
                here[document] = found.exists and found.collection == kept.collection
            if not here[document] or (document != answer and answer not in passages):
                what = "document" if document == answer else "passage"
                detail = f"the collection has no such {what}"
                errors.append(FieldError(detail=detail, pointer=pointer(*place)))
                if len(errors) == TELL:
                    break
        if errors:
            raise InvalidInput("Something is graded that the collection has not.", errors=tuple(errors))

    async def _passages(self, wanted: set[str]) -> set[str]:
        return {one.id for one in await self._index.passages(sorted(wanted))} if wanted else set()

    def _decided(self, stored: StoredSet, facts: tuple[Any, ...]) -> Decision[Summary]:
        after = stored.set
        for fact in facts:
            after = after.after(fact, self._clock.now())
        if not facts:
            return Decision(answer=set_summary(after), object=after.id)
        return Decision(
            answer=set_summary(after),
            emits=(Emit(stream=after.stream, expected=ANY, events=facts),),
            writes=(put_set(after, stored.row),),
            object=after.id,
        )


def set_removed(stored: StoredSet) -> Parts:
    """Return what removes a set; what the log says of it is blanked."""
    kept = stored.set
    # Written once more before it goes: so a change of the row meanwhile is noticed.
    writes: tuple[Write, ...] = (
        put_set(kept, stored.row),
        Delete(table=QUESTION_SETS, key=kept.id),
        *(Delete(table=table, key=one) for one in stored.measured for table in (MEASUREMENTS, MEASURING)),
    )
    return (_deleted(kept),), writes, (_blanked(kept, "question set deleted"),)


def words_removed(stored: StoredSet, user_id: str) -> Parts:
    """Return what takes a user's words out of a set, which goes on in another stream when others wrote in it."""
    left = stored.set.without(user_id)
    if not left.questions:
        return set_removed(stored)
    emits = (_deleted(stored.set), Emit(stream=left.stream, expected=ANY, events=(left.said(),)))
    return emits, (put_set(left, stored.row),), (_blanked(stored.set, "user removed"),)


def _deleted(kept: QuestionSet) -> Emit:
    return Emit(stream=kept.stream, expected=ANY, events=(contract.QuestionSetDeleted(id=kept.id),))


def _blanked(kept: QuestionSet, reason: str) -> Erase:
    types = (contract.QuestionSetSaved.TYPE, contract.QuestionGraded.TYPE)
    return Erase(stream=stream_of(kept.id, kept.generation), types=types, reason=reason)
