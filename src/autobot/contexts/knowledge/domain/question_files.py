"""Question sets as files. Pure.

Forms: JSON Lines, one object `{"id", "query", "relevant": {ID: GRADE}}` a line (RFC 8259 each); TREC's relevance
judgements (qrels), `TOPIC ITERATION DOCUMENT GRADE` a line with blanks between, as trec_eval reads them, with the
questions beside them as `TOPIC TAB TEXT` a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from autobot.contracts.knowledge.question_sets import QUESTIONS_MAX, GradedQuestion, WishedQuestion
from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.core.validate import validate

TELL: Final = 20
"""Lines that are told of at once."""


class _Lines:
    """Collects what is wrong with the lines of a text, which is the field `name` of the body."""

    def __init__(self, name: str) -> None:
        self._name, self._errors = name, list[FieldError]()

    def wrong(self, number: int, detail: str) -> None:
        """Note a broken line; numbers are from 1."""
        self._errors.append(FieldError(detail=f"line {number}: {detail}", pointer=f"#/{self._name}"))

    def settle(self) -> None:
        """Raise InvalidInput when a line was broken."""
        if self._errors:
            raise InvalidInput("The file is no question set.", errors=tuple(self._errors[:TELL]))


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def read_json_lines(text: str) -> tuple[WishedQuestion, ...]:
    """Return the questions of a file. Raises InvalidInput, naming the lines that are wrong."""
    lines = _Lines("text")
    found: list[WishedQuestion] = []
    for number, line in _numbered(text):
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            lines.wrong(number, "is no JSON")
            continue
        try:
            found.append(_wished(given))
        except InvalidInput as error:
            why = "; ".join(f"{one.pointer[1:]} {one.detail}".strip() for one in error.errors[:3])
            lines.wrong(number, why or error.detail)
    lines.settle()
    return _few(found)


def read_trec(judgements: str, topics: str) -> tuple[WishedQuestion, ...]:
    """Return the questions of TREC's two files, in the order of `topics`. Raises InvalidInput, naming lines."""
    asked, said = _Lines("topics"), _Lines("text")
    queries: dict[str, str] = {}
    for number, line in _numbered(topics):
        topic, tab, query = line.partition("\t")
        if not (tab and topic.strip() and query.strip()):
            asked.wrong(number, "is not TOPIC TAB TEXT")
        elif queries.setdefault(topic.strip(), query.strip()) != query.strip():
            asked.wrong(number, f"the topic {topic.strip()[:60]} has another text above")
    asked.settle()
    relevant: dict[str, dict[str, int]] = {}
    for number, line in _numbered(judgements):
        parts = line.split()
        if len(parts) != 4 or not parts[3].lstrip("-").isdecimal():
            said.wrong(number, "is not TOPIC ITERATION DOCUMENT GRADE")
        elif parts[0] not in queries:
            said.wrong(number, f"no topic {parts[0][:60]} is given")
        elif not 0 <= int(parts[3][:9]) <= 3:
            said.wrong(number, "the grade is not between 0 and 3")
        else:
            relevant.setdefault(parts[0], {})[parts[2]] = int(parts[3])
    said.settle()
    return _few(
        [
            _wished({"query": query, "relevant": relevant.get(topic, {}), "id": topic})
            for topic, query in queries.items()
        ]
    )


def _wished(given: Any) -> WishedQuestion:
    known = {"id", "query", "relevant"}
    if not isinstance(given, dict) or not {"query", "relevant"} <= set(given) <= known:
        raise InvalidInput("is no object of query, relevant and perhaps id")
    wished = WishedQuestion(**given)
    validate(wished)
    return wished


def _few(found: Sequence[WishedQuestion]) -> tuple[WishedQuestion, ...]:
    if len(found) > QUESTIONS_MAX:
        error = FieldError(detail=f"has {len(found)} questions", pointer="#/text")
        raise InvalidInput(f"A set has at most {QUESTIONS_MAX} questions.", errors=(error,))
    return tuple(found)


def json_lines(questions: Sequence[GradedQuestion]) -> str:
    """Return questions as JSON Lines, which `read_json_lines` reads."""
    return "".join(
        json.dumps({"id": one.id, "query": one.query, "relevant": dict(one.relevant)}, ensure_ascii=False)
        + "\n"
        for one in questions
    )


def judgements(questions: Sequence[GradedQuestion]) -> str:
    """Return the grades as TREC has them."""
    return "".join(
        f"{one.id} 0 {answer} {grade}\n" for one in questions for answer, grade in one.relevant.items()
    )


def topics(questions: Sequence[GradedQuestion]) -> str:
    """Return the questions beside them; a line's end within one becomes a blank."""
    return "".join(f"{one.id}\t{' '.join(one.query.split())}\n" for one in questions)
