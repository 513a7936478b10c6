"""`/api/v1/knowledge_base/collections/{id}/question_sets`: questions with what answers them, to measure search by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from annotated_types import Len
from fastapi import APIRouter, Request
from starlette.responses import Response

from autobot.contracts.knowledge import question_sets as contract
from autobot.contracts.knowledge.words import Name
from autobot.gateway.access import needs
from autobot.gateway.exchange import Call, Context
from autobot.gateway.rest.answers import json_answer, no_content
from autobot.gateway.rest.knowledge import PREFIX, Cursor, Limit
from autobot.gateway.rest.knowledge_set_files import READ, question_file
from autobot.gateway.routing import router as new_router
from autobot.kernel.commands.ports import Dispatcher

SETS = "/collections/{id}/question_sets"
ONE = f"{SETS}/{{set_id}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Body of a set. Questions that were there with the same words keep their ids."""

    name: Name
    questions: Annotated[tuple[contract.WishedQuestion, ...], Len(0, contract.QUESTIONS_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedAnswers:
    """Body that says of a question how well these answer it."""

    query: contract.Question
    relevant: contract.Grades


def router(bus: Dispatcher) -> APIRouter:
    """Return the routes over the bus."""
    routes = new_router(PREFIX, "knowledge")
    _read(routes, bus)
    _change(routes, bus)
    _files(routes, bus)
    _questions(routes, bus)
    return routes


def _read(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        SETS, response_model=contract.QuestionSetPage, summary="The question sets of a collection, by name"
    )
    @needs("knowledge:read")
    async def list_question_sets(
        id: str,  # noqa: A002
        context: Context,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        query = contract.ListQuestionSets(collection=id, limit=limit, cursor=cursor)
        return json_answer(await bus.ask(query, context))

    @routes.get(ONE, response_model=contract.QuestionSetView, summary="A question set with its questions")
    @needs("knowledge:read")
    async def get_question_set(id: str, set_id: str, context: Context) -> Response:  # noqa: A002
        return json_answer(await bus.ask(contract.GetQuestionSet(collection=id, id=set_id), context))


def _change(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        SETS, status_code=201, response_model=contract.QuestionSetSummary, summary="Make a question set"
    )
    @needs("knowledge:write")
    async def create_question_set(id: str, body: Questions, call: Call) -> Response:  # noqa: A002
        command = contract.CreateQuestionSet(collection=id, name=body.name, questions=body.questions)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, 201, _location(call, id, answer.value.id))

    @routes.put(ONE, response_model=contract.QuestionSetSummary, summary="Replace a question set")
    @needs("knowledge:write")
    async def replace_question_set(
        id: str,  # noqa: A002
        set_id: str,
        body: Questions,
        call: Call,
    ) -> Response:
        command = contract.ReplaceQuestionSet(
            collection=id, id=set_id, name=body.name, questions=body.questions
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.delete(
        ONE,
        status_code=204,
        response_class=Response,
        summary="Delete a question set with what was measured by it",
    )
    @needs("knowledge:write")
    async def delete_question_set(id: str, set_id: str, call: Call) -> Response:  # noqa: A002
        command = contract.DeleteQuestionSet(collection=id, id=set_id)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return no_content()


def _files(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get(
        f"{ONE}/file",
        response_class=Response,
        responses={200: {"description": "The set as a file.", "content": {"text/plain": {}}}},
        summary="A question set as JSON Lines, or as TREC's judgements and topics",
    )
    @needs("knowledge:read")
    async def question_set_file(
        id: str,  # noqa: A002
        set_id: str,
        context: Context,
        form: contract.Form = "jsonl",
    ) -> Response:
        query = contract.WriteQuestionSet(collection=id, id=set_id, form=form)
        found: contract.QuestionSetFile = await bus.ask(query, context)
        fields = {"content-disposition": f"attachment; filename*=UTF-8''{quote(found.filename, safe='')}"}
        return Response(found.text.encode(), 200, fields, media_type=found.media_type)

    @routes.post(
        "/collections/{id}/question_set_files",
        status_code=201,
        response_model=contract.QuestionSetSummary,
        summary="Make a question set of a file, or replace one by it",
        openapi_extra=READ,
    )
    @needs("knowledge:write")
    async def read_question_set(id: str, request: Request, call: Call) -> Response:  # noqa: A002
        body = await question_file(request)
        command = contract.ReadQuestionSet(
            collection=id,
            name=body.name,
            text=body.text,
            form=body.form,
            topics=body.topics,
            id=body.replace,
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value, 201, _location(call, id, answer.value.id))


def _questions(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.post(
        f"{ONE}/questions",
        response_model=contract.QuestionSetSummary,
        summary="Say of a question which documents or passages answer it",
        description="The question joins the set unless it is there; grades that it has besides stay.",
    )
    @needs("knowledge:write")
    async def grade_answers(
        id: str,  # noqa: A002
        set_id: str,
        body: GradedAnswers,
        call: Call,
    ) -> Response:
        command = contract.GradeAnswers(collection=id, id=set_id, query=body.query, relevant=body.relevant)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.get(
        f"{ONE}/questions/{{question_id}}",
        response_model=contract.GradedQuestion,
        summary="A question of a set with its grades",
    )
    @needs("knowledge:read")
    async def get_question(id: str, set_id: str, question_id: str, context: Context) -> Response:  # noqa: A002
        query = contract.GetQuestion(collection=id, id=set_id, question=question_id)
        return json_answer(await bus.ask(query, context))

    @routes.delete(
        f"{ONE}/questions/{{question_id}}",
        status_code=204,
        response_class=Response,
        summary="Take a question out of its set",
        description="With `If-Match` it is done only while the question is as its ETag says.",
    )
    @needs("knowledge:write")
    async def remove_question(id: str, set_id: str, question_id: str, call: Call) -> Response:  # noqa: A002
        command = contract.RemoveQuestion(collection=id, id=set_id, question=question_id)
        call.settled(await bus.dispatch(command, call.called, key=call.key))
        return no_content()


def _location(call: Call, collection: str, set_id: str) -> dict[str, str]:
    return {"location": call.address(f"{PREFIX}/collections/{collection}/question_sets/{set_id}")}
