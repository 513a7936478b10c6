"""Requests of every shape that the OpenAPI document allows or forbids, against the running server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from autobot.testing.harness import PASSWORD, ServerProcess
from tests.integration.product.people import Person

load_all_checks()

EXAMPLES = 5
"""Requests of each kind (as documented, and broken) for each operation."""

STREAMS = {"/api/v1/events/stream", "/api/v1/chat/runs/{run_id}/events"}
"""Answers that do not end by themselves; asked in their broken forms alone."""

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
MEMBERS = {"type", "title", "status", "code", "correlation_id", "instance"}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str, dict[str, Any]]]:
    """A server of its own, a key that may do everything, and the ids of real objects."""
    with ServerProcess(tmp_path_factory.mktemp("fuzzed") / "data") as server:
        key = server.key("*")
        with server.client(key=key) as client:
            person = Person(client)
            session = person.chat(title="fuzzed")
            reply = person.ask(session, "/help")
            body = {"username": "victim", "role": "user", "password": PASSWORD}
            user = client.post("/api/v1/auth/users", body).expect(201).json["id"]
            action = (
                client.post("/api/v1/actions/process", {"action_type": "run_diagnostics"}).expect(200).json
            )
            ids = {
                "session_id": session,
                "message_id": person.messages(session)[0]["id"],
                "run_id": reply["run_id"],
                "user_id": user,
                "request_id": action["request_id"],
                "link": "backend-redis",
                "key": "chat.system_prompt",
                "slug": "not-found",
                "name": "docs.js",
            }
        yield server, key, ids
        assert "Traceback" not in server.log()


def trouble(case: Any, response: Any) -> str | None:
    """Return what is wrong with an answer, None when nothing is."""
    status = response.status_code
    kind = response.headers.get("content-type", [""])[0]
    if status >= 500 and status != 503:
        return f"{status}: {response.text[:500]}"
    if status >= 400:
        if kind != "application/problem+json":
            return f"{status} as {kind}"
        document = response.json()
        if not document.keys() >= MEMBERS or document["status"] != status:
            return f"{status} with {document}"
        return None
    try:
        case.validate_response(response, checks=CHECKS)
    except (AssertionError, BaseExceptionGroup) as error:
        return f"{status} against its own document: {error}"[:1500]
    return None


def breaks_a_rule(case: Any) -> bool:
    """Return whether a request breaks a documented rule of path, query or body.

    Rules of header fields are left out: the test's own credential stands in the place of a generated one.
    """
    broken = {place for place, one in case.meta.components.items() if one.mode is GenerationMode.NEGATIVE}
    return bool(broken - {ParameterLocation.HEADER, ParameterLocation.COOKIE})


def accepted(case: Any, response: Any) -> str | None:
    """Return what is wrong with an answer to a request that breaks a documented rule, None when it was refused."""
    if response.status_code >= 400 or not breaks_a_rule(case):
        return None
    rule = str(case.meta.phase.data.description)
    if "additionalProperties" in rule and "- body" not in rule and not unknown_names(case, response):
        return None
    named = set(re.findall(r"- query: violates \S+ at /properties/(\w+)", rule))
    elsewhere = re.search(r"- (path|body)", rule)
    if named and elsewhere is None and not named & sent_names(response):
        return None
    return f"{response.status_code} for a request against its own document: {rule}"


def unknown_names(case: Any, response: Any) -> set[str]:
    """Return the names in the query as it was sent that no document knows: some are lost on the way to the wire."""
    return sent_names(response) - {one.name for one in case.operation.query}


def sent_names(response: Any) -> set[str]:
    """Return the names in the query as it was sent; an empty list, for one, leaves none."""
    query = urlsplit(response.request.url).query
    return {name for name, _ in parse_qsl(query, keep_blank_values=True)}


def test_no_request_breaks_the_server(fuzzed: tuple[ServerProcess, str, dict[str, Any]]) -> None:
    """Whatever is sent, no answer is a server error other than a declared 503; each from 400 on is a problem
    document; each below is what the OpenAPI document says. What breaks a documented rule of path, query or body is
    refused."""
    server, key, ids = fuzzed
    base = server.local
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations()]
    operations.sort(key=lambda one: (one.method.upper() == "DELETE", "password" in one.path, one.path))
    headers = {"authorization": f"Bearer {key}"}
    found: dict[str, str] = {}
    asked = 0

    def probe(operation: Any, mode: GenerationMode) -> None:
        real = {one: ids[one] for one in ids if f"{{{one}}}" in operation.path}
        given_ids = real if mode is GenerationMode.POSITIVE and real else None
        strategy = operation.as_strategy(generation_mode=mode, path_parameters=given_ids)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @given(case=strategy)
        def run(case: Any) -> None:
            nonlocal asked
            if operation.path in STREAMS and not breaks_a_rule(case):
                return
            asked += 1
            response = case.call(base_url=base, headers=headers, timeout=10)
            wrong = trouble(case, response)
            if wrong is None and mode is GenerationMode.NEGATIVE:
                wrong = accepted(case, response)
            if wrong is not None:
                found.setdefault(
                    f"{operation.label} {mode.value}", f"{wrong}\n{case.as_curl_command()[:800]}"
                )

        run()

    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if operation.path in STREAMS and mode is GenerationMode.POSITIVE:
                continue
            if mode is GenerationMode.NEGATIVE and not (
                operation.body or operation.query or operation.path_parameters
            ):
                continue
            probe(operation, mode)
    assert found == {}
    assert asked > 300
    with server.client() as client:
        client.get("/api/v1/system/health/ready").expect(200)
