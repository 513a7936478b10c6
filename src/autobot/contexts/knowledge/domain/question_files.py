"""Question sets as files. Pure.

Forms: JSON Lines, one object `{"id", "query", "relevant": {ID: GRADE}}` a line (RFC 8259 each); TREC's relevance
judgements (qrels), `TOPIC ITERATION DOCUMENT GRADE` a line with blanks between, as trec_eval reads them, with the
questions beside them as `TOPIC TAB TEXT` a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from typing import Any, Final

from autobot.contracts.knowledge.question_sets import QUESTIONS_MAX, GradedQuestion, WishedQuestion
from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.core.validate import validate

_GRADE: Final = re.compile(r"[0-3]", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]+", re.ASCII)
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
    # Some editors begin a file with a mark of its order of bytes.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def read_json_lines(text: str) -> tuple[WishedQuestion, ...]:
    """Return the questions of a file. Raises InvalidInput, naming the lines that are wrong."""
    lines = _Lines("text")
    found: list[WishedQuestion] = []
    for number, line in _numbered(text):
        try:
            given = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            lines.wrong(number, "is no JSON, or has a name twice")
            continue
        try:
            found.append(_wished(given))
        except InvalidInput as error:
            lines.wrong(number, _why(error))
    lines.settle()
    return _few(found)


def read_trec(judgements: str, topics: str) -> tuple[WishedQuestion, ...]:
    """Return the questions of TREC's two files, in the order of `topics`. Raises InvalidInput, naming lines.

    Each topic is there once and has a judgement; each document is judged once for it, from 0 to 3.
    """
    asked = _Lines("topics")
    queries: dict[str, tuple[int, str]] = {}
    for number, line in _numbered(topics):
        topic, tab, query = line.partition("\t")
        if not (tab and topic.strip() and query.strip()):
            asked.wrong(number, "is not TOPIC TAB TEXT")
        elif queries.setdefault(topic.strip(), (number, query.strip()))[0] != number:
            asked.wrong(number, f"the topic {topic.strip()[:60]} is there already")
    asked.settle()
    relevant = _judged(judgements, queries)
    found: list[WishedQuestion] = []
    for topic, (number, query) in queries.items():
        if topic not in relevant:
            asked.wrong(number, f"nothing is judged for the topic {topic[:60]}")
            continue
        try:
            found.append(_wished({"query": query, "relevant": relevant[topic], "id": topic}))
        except InvalidInput as error:
            asked.wrong(number, _why(error))
    asked.settle()
    return _few(found)


def _judged(judgements: str, queries: Container[str]) -> dict[str, dict[str, int]]:
    """Return the grades of each topic's documents. Raises InvalidInput, naming lines."""
    said = _Lines("text")
    relevant: dict[str, dict[str, int]] = {}
    for number, line in _numbered(judgements):
        parts = line.split()
        if len(parts) != 4 or not _NUMBER.fullmatch(parts[3]):
            said.wrong(number, "is not TOPIC ITERATION DOCUMENT GRADE")
        elif parts[0] not in queries:
            said.wrong(number, f"no topic {parts[0][:60]} is given")
        elif not _GRADE.fullmatch(parts[3]):
            said.wrong(number, "the grade is not between 0 and 3")
        elif parts[2] in relevant.get(parts[0], ()):
            said.wrong(number, f"{parts[2][:60]} is judged already")
        else:
            relevant.setdefault(parts[0], {})[parts[2]] = int(parts[3])
    said.settle()
    return relevant


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raises ValueError for one that has a name twice (RFC 8259, section 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _why(error: InvalidInput) -> str:
    why = "; ".join(f"{one.pointer[1:]} {one.detail}".strip() for one in error.errors[:3])
    return why or error.detail


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
