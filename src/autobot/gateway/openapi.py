"""The OpenAPI 3.1 document: what FastAPI derives from the routes, and what every route of the edge shares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access
from autobot.gateway.exchange import WEBSOCKET, exchange_of
from autobot.gateway.pages import HTML, JSON, respond
from autobot.gateway.parts import RawRoute
from autobot.gateway.problem_kinds import Kind
from autobot.gateway.problems_catalogue import KINDS
from autobot.gateway.routing import Entry
from autobot.kernel.core.errors import NotFound

_WRITES: Final = ("post", "put", "patch", "delete")
_DOCS: Final = Path(__file__).parent / "static_docs"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

_DESCRIPTION: Final = (
    "AutoBot's HTTP interface. Errors are problem documents (RFC 9457); each `type` is explained under `/problems`. "
    "Every write honours `Idempotency-Key` for 24 hours. Lists answer `items` and `next_cursor`."
)

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document (RFC 9457). Members that are not listed may be added; readers ignore them.",
    "required": ["type", "title", "status", "code", "correlation_id"],
    "properties": {
        "type": {"type": "string", "description": "`urn:autobot:problem:<slug>`, stable."},
        "title": {"type": "string", "description": "The same for each occurrence of a type."},
        "status": {"type": "integer", "description": "The status of this answer."},
        "detail": {"type": "string", "description": "What happened this time."},
        "instance": {"type": "string", "description": "`urn:uuid:` of the request."},
        "code": {"type": "string", "description": "The slug of the type."},
        "correlation_id": {
            "type": "string",
            "description": "Shows the whole path of the request in the log.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "pointer"],
                "properties": {"detail": {"type": "string"}, "pointer": {"type": "string"}},
            },
        },
        "retry_after": {"type": "number", "description": "Seconds; the same as Retry-After."},
        "hint": {"type": "string", "description": "The next step."},
    },
}

_SCHEMES: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key: `autobot keys create NAME`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "autobot_session",
        "description": "A browser session.",
    },
}

_KEY_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A quoted string of 1–255 visible ASCII characters, new for each new request (a UUID). A repeat "
    "within 24 hours gives the stored answer with `Idempotent-Replayed: true`.",
    "schema": {
        "type": "string",
        "maxLength": 257,
        "pattern": r'^("[!#-\[\]-~]{1,255}"|[!#-+\--~][!-+\--~]{0,254})$',
    },
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
}
_CSRF_PARAMETER: Final = {
    "name": "X-CSRF-Token",
    "in": "header",
    "description": "The session's proof; only for requests with the session cookie.",
    "schema": {"type": "string"},
}
_COMMON_HEADERS: Final = {
    "X-Correlation-ID": {"description": "As sent, or made here.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Quota policies (RFC 9651 list).", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of them (RFC 9651 list).", "schema": {"type": "string"}},
}


def _problem_answer(description: str, kind: Kind) -> dict[str, Any]:
    example = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
        "instance": "urn:uuid:01931b8e-5c00-7000-8000-000000000000",
        "code": kind.slug,
        "correlation_id": "01931b8e-5c00-7000-8000-000000000000",
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": description, "content": {"application/problem+json": content}}


def document(entries: Iterable[Entry], version: str) -> dict[str, Any]:
    """Return the document of a route table. Pure: the same routes and version give the same document."""
    rows = list(entries)
    routes = [row.route for row in rows if isinstance(row.route, APIRoute)]
    unique = list({id(route): route for route in routes}.values())
    found: dict[str, Any] = get_openapi(
        title="AutoBot", version=version, description=_DESCRIPTION, routes=unique, openapi_version="3.1.0"
    )
    paths: dict[str, Any] = found.setdefault("paths", {})
    for row in rows:
        if isinstance(row.route, RawRoute) and row.method != WEBSOCKET:
            operation = row.route.openapi.get(row.method.lower())
            if operation is not None:
                paths.setdefault(_template(row.path), {})[row.method.lower()] = dict(operation)
    for row in rows:
        operation = paths.get(_template(row.path), {}).get(row.method.lower())
        if operation is not None:
            _complete(operation, row)
    components = found.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    _close(paths, schemas)
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = dict(_SCHEMES)
    found["paths"] = dict(sorted(paths.items()))
    return found


def _close(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say of what stands in bodies alone that it has no other members: answers may get more, bodies must not bring more."""
    operations = [one for path in paths.values() for one in path.values()]
    answered = _named([one.get("responses", {}) for one in operations], schemas)
    for name in _named([one.get("requestBody", {}) for one in operations], schemas) - answered:
        if "properties" in schemas[name]:
            schemas[name]["additionalProperties"] = False


def _named(parts: list[Any], schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that parts of the document refer to, and those that these do."""
    found: set[str] = set()
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in found:
                found.add(name)
                parts.append(schemas[name])
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return found


def _template(path: str) -> str:
    """Return a path as OpenAPI writes it: no convertors."""
    return path.replace(":path}", "}")


def _complete(operation: dict[str, Any], row: Entry) -> None:
    """Add what every route shares: access, problems, header fields."""
    answers: dict[str, Any] = operation.setdefault("responses", {})
    answers.pop("422", None)
    method = row.method.lower()
    if row.fields:
        operation["deprecated"] = True
    if row.access.public:
        operation["security"] = []
    else:
        operation["security"] = [{"key": []}, {"session": []}]
        answers.setdefault("401", _problem_answer("No credential that holds.", KINDS["unauthenticated"]))
        if row.access.action is not None:
            operation["x-autobot-access"] = row.access.action
            answers.setdefault("403", _problem_answer("Not allowed.", KINDS["forbidden"]))
    if "{" in row.path:
        answers.setdefault("404", _problem_answer("There is no such object.", KINDS["not-found"]))
    if method in _WRITES:
        parameters = operation.setdefault("parameters", [])
        parameters += [_KEY_PARAMETER] if row.access.public else [_KEY_PARAMETER, _CSRF_PARAMETER]
    if operation.get("requestBody") or operation.get("parameters"):
        answers["422"] = _problem_answer("The input breaks a rule.", KINDS["validation"])
    answers.setdefault("429", _problem_answer("Too many requests.", KINDS["quota-exceeded"]))
    answers.setdefault("default", _problem_answer("Any other problem.", KINDS["internal"]))
    for answer in answers.values():
        answer["headers"] = {**_COMMON_HEADERS, **answer.get("headers", {})}
    operation["responses"] = dict(sorted(answers.items()))


class OpenApi:
    """Serves the document and the pages that explore it. `describe` is called once, when all routes are known."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._entries: list[Entry] = []
        self._document: dict[str, Any] | None = None
        self._bytes = b""

    def describe(self, entries: Iterable[Entry]) -> None:
        """Take the routes; the document is made when first asked for, which keeps start-up short."""
        self._entries, self._document = list(entries), None

    @property
    def document(self) -> dict[str, Any]:
        """The document."""
        if self._document is None:
            self._document = document(self._entries, self._version)
            self._bytes = orjson.dumps(self._document)
        return self._document

    def routes(self) -> tuple[RawRoute, ...]:
        """Return the public routes of the documentation."""
        public = Access(public=True)
        return (
            RawRoute(path="/openapi.json", methods=("GET",), app=self._json, access=public),
            RawRoute(path="/docs", methods=("GET",), app=_page, access=public),
            RawRoute(path="/docs/{name}", methods=("GET",), app=_asset, access=public),
        )

    async def _json(self, scope: Scope, receive: Receive, send: Send) -> None:
        _ = self.document
        await respond(send, self._bytes, JSON, fields=((b"cache-control", b"no-cache"),))


async def _page(scope: Scope, receive: Receive, send: Send) -> None:
    base = exchange_of(scope).base + "/"
    body = (_DOCS / "docs.html").read_bytes().replace(b"__AUTOBOT_BASE__", base.encode())
    await respond(send, body, HTML, fields=((b"cache-control", b"no-cache"),))


async def _asset(scope: Scope, receive: Receive, send: Send) -> None:
    name = scope["path_params"]["name"]
    path = next((one for one in _DOCS.iterdir() if one.name == name and one.suffix in _TYPES), None)
    if path is None:
        raise NotFound("There is no such file.")
    await respond(send, path.read_bytes(), _TYPES[path.suffix], fields=((b"cache-control", b"no-cache"),))
