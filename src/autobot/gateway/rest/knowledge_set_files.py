"""How question sets come in as files over HTTP: a form with the files themselves, or JSON with their text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
from annotated_types import Len
from pydantic import TypeAdapter
from starlette.requests import Request

from autobot.contracts.knowledge import question_sets as contract
from autobot.contracts.knowledge.words import Id, Name
from autobot.gateway.multipart import FORM, Part, parts_of
from autobot.gateway.rest.knowledge_intake import FIELD_MAX, described, wrong

FIELDS: Final = ("name", "form", "replace")
FILES: Final = {"file": "text", "topics": "topics"}
"""Parts with a file, and the member of the body that each of them is."""
NAME_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFile:
    """Body of a set that comes as a file; TREC's judgements need their `topics`. With `replace` that set gets them."""

    name: Name
    text: Annotated[str, Len(1, contract.FILE_MAX)]
    form: Literal["jsonl", "qrels"] = "jsonl"
    topics: Annotated[str, Len(0, contract.FILE_MAX)] = ""
    replace: Id | None = None


_FILE: Final = TypeAdapter(QuestionFile)
_FORMS: Final = {"type": "string", "enum": ["jsonl", "qrels"]}
READ: Final[dict[str, Any]] = {
    "description": f"A form with the `file` and, for TREC's judgements, their `topics`, each of at most {contract.FILE_MAX} "
    "bytes in UTF-8; or JSON with the same as text. In a form `name` is by default the file's own, and `form` is `qrels` "
    "when topics are there. With `replace` that set gets the questions.",
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "topics": {"type": "string", "format": "binary"},
                        "name": {"type": "string", "maxLength": NAME_MAX},
                        "form": _FORMS,
                        "replace": {"type": "string", "maxLength": 64},
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name", "text"],
                    "properties": {
                        "name": {"type": "string", "minLength": 1, "maxLength": NAME_MAX},
                        "text": {"type": "string", "minLength": 1, "maxLength": contract.FILE_MAX},
                        "form": {**_FORMS, "default": "jsonl"},
                        "topics": {"type": "string", "maxLength": contract.FILE_MAX, "default": ""},
                        "replace": {
                            "anyOf": [
                                {"type": "string", "minLength": 1, "maxLength": 64},
                                {"type": "null"},
                            ]
                        },
                    },
                }
            },
        },
    },
}


async def question_file(request: Request) -> QuestionFile:
    """Return what a request brings. Raises InvalidInput, Malformed, TooLarge."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(FORM):
        return described(await request.body(), _FILE, QuestionFile)
    return await _form(kind, request.stream())


async def _form(content_type: str, stream: AsyncIterator[bytes]) -> QuestionFile:
    said: dict[str, str] = {}
    own = ""
    async for part in parts_of(content_type, stream):
        member = _member(part)
        if member in said:
            raise wrong("is there twice", f"#/{part.name}")
        if part.name not in FILES:
            said[member] = (await part.text(FIELD_MAX)).strip()
            continue
        said[member] = (await part.text(contract.FILE_MAX)).removeprefix("\ufeff")
        if part.name == "file":
            own = (part.filename or "").replace("\\", "/").rpartition("/")[2]
    if "text" not in said:
        raise wrong("is missing", "#/file")
    if not said["text"].strip():
        raise wrong("is empty", "#/file")
    given = {name: value for name, value in said.items() if value}
    given.setdefault("name", (own.rpartition(".")[0] or own or "Questions")[:NAME_MAX])
    given.setdefault("form", "qrels" if "topics" in given else "jsonl")
    return described(orjson.dumps(given), _FILE, QuestionFile)


def _member(part: Part) -> str:
    if part.name in FILES and part.filename is not None:
        return FILES[part.name]
    if part.name in FIELDS:
        return part.name
    raise wrong("is no field of this form", f"#/{part.name[:80]}")
