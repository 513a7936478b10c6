"""Problem documents (RFC 9457): made here, from the error tree, for every error that leaves the product.

Documents carry what the error says for people (`detail`, `hint`) and never a stack, a class name or the text of
an error that is not of the tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange
from autobot.gateway.problem_kinds import Kind
from autobot.gateway.problems_catalogue import BY_STATUS, KINDS, kind_of
from autobot.kernel.core import errors
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.pointer import pointer_to
from autobot.kernel.core.validate import refused

MEDIA_TYPE: Final = "application/problem+json"
DIALECT_PREFIX: Final = ("/v1/", "/v2/")
CHALLENGE: Final = 'Bearer realm="autobot"'
WRONG_KEY: Final = CHALLENGE + ', error="invalid_token"'
"""The challenge to a key that was sent and does not hold (RFC 6750 §3.1)."""
_RETRY_DEFAULT_S: Final = 1.0
_ALWAYS_RETRY: Final = frozenset({"circuit-open", "bulkhead-full", "rate-limited", "overloaded", "rejected"})


class Refused(errors.AutoBotError):
    """Refused by the edge for a reason that only the wire knows (415, 405, a missing CSRF proof).

    `fields` are header fields of the answer, such as `Allow`; `members` come into its document.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        hint: str | None = None,
        fields: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, hint=hint)
        self.kind, self.fields, self.members = kind, dict(fields or {}), dict(members or {})


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem before it is written: its kind, the status of this answer, its members, its header fields."""

    kind: Kind
    status: int
    members: dict[str, Any]
    fields: tuple[tuple[bytes, bytes], ...] = ()


def _members_of(error: errors.AutoBotError) -> dict[str, Any]:
    """Return the members that an error adds to its document."""
    members: dict[str, Any] = {}
    match error:
        case errors.InvalidInput(errors=found) | errors.Incompatible(errors=found) if found:
            members["errors"] = [{"detail": one.detail, "pointer": one.pointer} for one in found]
        case errors.WrongExpectedVersion():
            members["expected"], members["current"] = error.expected, error.current
        case errors.QuotaExceeded():
            members["violated-policies"] = list(error.policies)
        case Refused():
            members.update(error.members)
        case errors.Absent():
            members["part"] = error.part
        case errors.Rejected() | errors.HopFailed() if error.link:
            members["link"] = error.link
    if isinstance(error, errors.HopFailed | errors.CircuitOpen) and error.target:
        members["target"] = error.target
    return members


def _retry_after(error: errors.AutoBotError, kind: Kind) -> float | None:
    found = getattr(error, "retry_after", None)
    if found is None:
        return _RETRY_DEFAULT_S if kind.slug in _ALWAYS_RETRY else None
    return max(float(found), 0.0)


def problem_of(error: BaseException, *, conditional: bool = False) -> Problem:
    """Describe `error`. `conditional` says that the request carried If-Match, so a lost race is a 412.

    What is not of the tree becomes the opaque kind `internal`.
    """
    if isinstance(error, RequestValidationError):
        error = _of_validation(error)
    elif isinstance(error, HTTPException):
        error = _of_framework(error)
    if not isinstance(error, errors.AutoBotError):
        detail = "Something in AutoBot itself failed. The log has the details under the correlation id."
        return Problem(kinds.INTERNAL, 500, {"detail": detail})
    kind = error.kind if isinstance(error, Refused) else kind_of(type(error))
    members: dict[str, Any] = {"detail": error.detail, **_members_of(error)}
    fields: list[tuple[bytes, bytes]] = []
    if isinstance(error, Refused):
        fields += [(name.lower().encode(), value.encode("latin-1")) for name, value in error.fields.items()]
    if kind is kinds.UNAUTHENTICATED:
        fields.append((b"www-authenticate", CHALLENGE.encode()))
    wait = _retry_after(error, kind)
    if wait is not None:
        members["retry_after"] = max(1, math.ceil(wait))
        fields.append((b"retry-after", b"%d" % members["retry_after"]))
    if error.hint:
        members["hint"] = error.hint
    lost_race = conditional and isinstance(error, errors.WrongExpectedVersion)
    return Problem(kind, 412 if lost_race else kind.status, members, tuple(fields))


def _of_framework(error: HTTPException) -> errors.AutoBotError:
    """Map a refusal of the web framework, without its text."""
    if isinstance(error.__cause__, errors.AutoBotError):
        # FastAPI wraps what a guarded `receive` raised while it read the body.
        return error.__cause__
    kind = BY_STATUS.get(error.status_code)
    if kind is None:
        return errors.AutoBotError("The request could not be handled.")
    if kind is kinds.MALFORMED:
        return errors.Malformed("The body cannot be read as what its content type says.")
    return Refused(kind, kind.title + ".", fields=error.headers)


# ------------------------------------------------------------------------------------- validation of input

_PLACES: Final = {
    "query": "query parameter",
    "path": "path parameter",
    "header": "header",
    "cookie": "cookie",
}


def _of_validation(error: RequestValidationError) -> errors.AutoBotError:
    found = error.errors()
    rules = tuple(_rule(one, error.body) for one in found)
    if found[0]["loc"][0] != "body":
        return errors.InvalidInput(f"The {rules[0].detail.replace(': ', ' ', 1)}.", errors=rules)
    return refused(rules)


_SUBJECT: Final = re.compile(r"^(Input|[A-Z][a-z]+) should\b")
"""What begins a sentence of the library about a value; ours begin with the place of it."""
_IN_JSON: Final = (
    ("Field required", "is missing"),
    ("a valid tuple", "an array"),
    ("a valid list", "an array"),
    ("a valid dictionary", "an object"),
)
"""What the library calls the kinds of values, and what JSON does."""


def detail_of(found: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, in the words of JSON, from an error of pydantic."""
    if found["type"] == "dataclass_type":
        return "must be an object"
    detail = _SUBJECT.sub("must", str(found["msg"]).removeprefix("Value error, "))
    for theirs, ours in _IN_JSON:
        detail = detail.replace(theirs, ours)
    return detail


def _rule(found: Mapping[str, Any], body: object) -> errors.FieldError:
    place, *steps = found["loc"]
    detail = detail_of(found)
    if place == "body":
        return errors.FieldError(detail=detail, pointer=_pointer(steps, body, found["type"]))
    name = str(steps[0]) if steps else ""
    noun = _PLACES.get(str(place), str(place))
    return errors.FieldError(detail=f"{noun} {name}: {detail}", pointer=_pointer(steps, None, "missing"))


def _has(here: Any, step: int | str) -> bool:
    if isinstance(here, list):
        return isinstance(step, int) and -1 < step < len(here)
    return isinstance(here, Mapping) and step in here


def _pointer(steps: Sequence[int | str], body: object, kind: str) -> str:
    """Return the JSON Pointer of a location; steps that the document does not have (union tags) are left out."""
    out: list[int | str] = []
    here: Any = body
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        if _has(here, step):
            here = here[step]
        elif not (last and kind == "missing"):
            continue
        out.append(step)
    return f"#{pointer_to(out)}"


# ------------------------------------------------------------------------------------------------- writing


def document(problem: Problem, *, request_id: str, correlation_id: str, path: str = "") -> dict[str, Any]:
    """Return the RFC 9457 document. Under `/v1/` and `/v2/` it also carries the OpenAI dialect's member `error`."""
    kind = problem.kind
    body: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": problem.status}
    body.update(problem.members)
    if request_id:
        body["instance"] = f"urn:uuid:{request_id}"
    body["code"] = kind.slug
    body["correlation_id"] = correlation_id
    if path.startswith(DIALECT_PREFIX):
        found = problem.members.get("errors")
        body["error"] = {
            "message": problem.members.get("detail", kind.title),
            "type": kind.dialect,
            "param": (found[0]["pointer"][2:].replace("/", ".") or None) if found else None,
            "code": kind.slug,
        }
    return body


def failure_document(failure: Failure) -> dict[str, Any]:
    """Return the problem document of a failure that was stored as data (a run's error, a message's error)."""
    kind = KINDS.get(failure.code, kinds.INTERNAL)
    members = {"detail": failure.detail, **_known(failure, "hint", "link", "target")}
    return document(Problem(kind, kind.status, members), request_id="", correlation_id=failure.correlation_id)


def raised(failure: Failure) -> Refused:
    """Return the error that a stored failure is, for who must raise it again."""
    kind = KINDS.get(failure.code, kinds.INTERNAL)
    return Refused(kind, failure.detail, hint=failure.hint, members=_known(failure, "link", "target"))


def _known(failure: Failure, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(failure, name)) is not None}


def problem_document(error: BaseException, *, correlation_id: str) -> dict[str, Any]:
    """Return the document of `error` where there is no HTTP answer of its own: frames, streams."""
    return document(problem_of(error), request_id="", correlation_id=correlation_id)


async def send_problem(exchange: Exchange, error: BaseException, send: Send) -> None:
    """Answer an HTTP request with the problem that `error` is."""
    problem = problem_of(error, conditional=exchange.if_match is not None)
    fields = problem.fields
    if error is exchange.refusal and exchange.credential is not None and exchange.credential[0] == "key":
        fields = tuple(
            (name, WRONG_KEY.encode() if name == b"www-authenticate" else value) for name, value in fields
        )
    body = orjson.dumps(
        document(
            problem,
            request_id=exchange.request_id,
            correlation_id=exchange.correlation_id,
            path=exchange.path,
        )
    )
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", b"no-store"),
                *fields,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
