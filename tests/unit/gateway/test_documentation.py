"""The OpenAPI document and its explorer: complete, valid, and asking no other host."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autobot.gateway import openapi
from autobot.gateway.access import signed_in
from autobot.gateway.app import create_app
from autobot.gateway.deprecation import Deprecation, deprecated
from autobot.gateway.routing import router
from autobot.kernel.core.errors import ConfigurationError
from tests.unit.gateway.edge import AUTHORIZED, edge, parts

pytestmark = pytest.mark.anyio

DOCS = Path(openapi.__file__).parent / "static_docs"


@pytest.fixture
def document() -> dict[str, Any]:
    """The document of the test edge."""
    return create_app(parts()).openapi


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_it_is_openapi_31_with_every_http_route(document: dict[str, Any]) -> None:
    """All routes of routers stand in the document, and the hand-written ones of plain routes."""
    assert document["openapi"].startswith("3.1")
    names = {name for name, _ in operations(document)}
    assert {
        "get /api/v1/chat/things",
        "post /api/v1/chat/things",
        "get /api/v1/events/stream",
        "get /api/v1/system/health/live",
    } <= names


def test_every_operation_tells_its_access_and_its_problems(document: dict[str, Any]) -> None:
    """Public ones need nothing; the others name both credentials, and all name the problem form."""
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}
    for name, operation in operations(document):
        answers = operation["responses"]
        assert "application/problem+json" in answers["default"]["content"], name
        if operation["security"]:
            assert operation["security"] == [{"key": []}, {"session": []}]
            assert "401" in answers
        else:
            assert "401" not in answers
        for status, answer in answers.items():
            if status >= "4":
                example = answer["content"]["application/problem+json"]["example"]
                assert status in (str(example["status"]), "default")


def test_actions_and_writes_are_told(document: dict[str, Any]) -> None:
    """The needed right, the idempotency key and the proof stand where they belong."""
    write = document["paths"]["/api/v1/chat/things"]["post"]
    assert write["x-autobot-access"] == "things:write"
    assert {"Idempotency-Key", "X-CSRF-Token"} <= {one["name"] for one in write["parameters"]}
    read = document["paths"]["/api/v1/chat/things"]["get"]
    assert "Idempotency-Key" not in {one["name"] for one in read["parameters"]}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No `$ref` hangs, and FastAPI's own validation shapes are gone."""
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        here: Any = document
        for step in reference.split("/"):
            here = here[step]
    assert "HTTPValidationError" not in text


def test_bodies_are_closed_and_answers_are_open(document: dict[str, Any]) -> None:
    """No member but those that are told may stand in a body; answers may get more of them."""
    schemas = document["components"]["schemas"]
    assert schemas["Thing"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Problem"]


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    """Generated clients get one name for one operation."""
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_the_same_routes_give_the_same_document() -> None:
    """The document depends on the routes alone, so that it can be committed and compared."""
    assert json.dumps(create_app(parts()).openapi) == json.dumps(create_app(parts()).openapi)


async def test_it_is_served_to_everyone() -> None:
    """The document and its explorer need no credential."""
    client = edge()
    told = await client("GET", "/openapi.json")
    assert told.status == 200
    assert told.json["info"]["title"] == "AutoBot"
    again = await client("GET", "/openapi.json", headers={"if-none-match": told["etag"]})
    assert again.status == 304
    page = await client("GET", "/docs")
    assert page["content-type"].startswith("text/html")
    for name in re.findall(rb'(?:src|href)="(docs/[^"]+)"', page.body):
        asset = await client("GET", "/" + name.decode())
        assert asset.status == 200
        assert asset["content-type"].startswith(("text/css", "text/javascript"))


@pytest.mark.parametrize(
    "path", ["/docs/openapi.py", "/docs/..", "/docs/docs.html", "/docs/x", "/docs/%2e%2e"]
)
async def test_only_its_own_files_are_served(path: str) -> None:
    """The documentation serves its style and script, nothing beside them."""
    assert (await edge()("GET", path, headers=AUTHORIZED)).status == 404


def test_the_explorer_asks_no_other_host() -> None:
    """No file of the explorer names an address elsewhere, and none needs inline code."""
    for path in DOCS.iterdir():
        text = path.read_text()
        assert not re.search(r"https?://|//cdn|@import|url\(", text), path.name
        assert "innerHTML" not in text
        assert "eval(" not in text
    page = (DOCS / "docs.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", page)


async def test_routes_that_will_go_say_so() -> None:
    """A deprecated route tells since when, until when and what instead, on each answer and in the document."""
    routes = router("/api/v1/chat", "chat")
    since, sunset = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)

    @routes.get("/old")
    @deprecated(since, sunset=sunset, link="https://autobot.test/changes")
    @signed_in
    async def old() -> dict[str, str]:
        return {}

    client = edge(routers=(routes,))
    reply = await client("GET", "/api/v1/chat/old", headers=AUTHORIZED)
    assert reply["deprecation"] == "@1767225600"
    assert reply["sunset"] == "Fri, 01 Jan 2027 12:00:00 GMT"
    assert reply["link"] == '<https://autobot.test/changes>; rel="deprecation"'
    assert client.app.openapi["paths"]["/api/v1/chat/old"]["get"]["deprecated"] is True


@pytest.mark.parametrize(
    ("since", "sunset"),
    [
        (datetime.fromisoformat("2026-01-01T00:00:00"), None),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_deprecation_has_real_times_in_order(since: datetime, sunset: datetime | None) -> None:
    """A time without an offset, or an end before the beginning, stops the start."""
    with pytest.raises(ConfigurationError):
        Deprecation(since=since, sunset=sunset)
