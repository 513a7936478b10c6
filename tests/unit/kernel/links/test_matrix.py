"""The matrix file: the specification's values, strict reading, layers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.matrix import FieldChange, Matrix, diff, read_layer, told
from autobot.kernel.links.proofs import prove
from autobot.kernel.links.row import FIELDS, field_value
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.retry.options import RetryOptions

SHIPPED_FILE = Path(__file__).resolve().parents[4] / "src" / "autobot" / "matrix.toml"
SHIPPED = read_layer(SHIPPED_FILE.read_text(encoding="utf-8"), "matrix.toml")

BASE: dict[str, dict[str, Any]] = {
    "gateway-backend": {
        "pattern": "request-response",
        "transport": "http",
        "error_handling": "propagate",
        "timeout": 30.0,
        "retry": {"max": 2, "backoff": "fixed", "delay": 1.0},
        "idempotency": "required",
        "breaker": {"failures": 5, "window": 60.0},
    }
}

NEW_ROW = """
[rows.backend-crm]
pattern = 'request-response'
transport = 'http'
error_handling = 'propagate'
timeout = 3
"""


def overlaid(text: str) -> Matrix:
    """The base under an operator's file."""
    return Matrix(BASE, read_layer(text, "mine.toml"))


# ----------------------------------------------------------------------------------------- the shipped matrix

INTER_SERVICE = [
    # From the specification's first table: row, pattern, timeout, retries, backoff, delay, breaker.
    ("frontend-gateway", "request-response", 30.0, 3, "exponential", None, (5, 60.0)),
    ("frontend-backend", "streaming", None, None, "exponential", None, None),
    ("gateway-ai", "async-command", 60.0, 2, "fixed", 1.0, (10, 120.0)),
    ("ai-npu", "request-response", 30.0, 1, "immediate", None, (3, 30.0)),
    ("backend-redis", "pub-sub", 5.0, 3, "fixed", 0.1, (5, 60.0)),
    ("services-event_bus", "fire-and-forget", 2.0, 5, "exponential", None, None),
]
INTRA_SERVICE = [
    ("routers-services", "propagate"),
    ("services-repositories", "rollback"),
    ("services-publisher", "buffer"),
    ("orchestrator-agents", "fallback"),
    ("agents-llm", "failover"),
]


@pytest.mark.parametrize(
    ("row", "pattern", "timeout", "retries", "backoff", "delay", "breaker"), INTER_SERVICE
)
def test_the_first_table_of_the_specification_is_shipped(
    row: str,
    pattern: str,
    timeout: float | None,
    retries: int | None,
    backoff: str,
    delay: float | None,
    breaker: tuple[int, float] | None,
) -> None:
    """Each row of the inter-service table has exactly its pattern, timeout, retry and breaker."""
    found = Matrix(SHIPPED).rows[row]
    assert (found.pattern, found.timeout, found.origin) == (pattern, timeout, "specification")
    assert found.retry is not None
    assert found.retry.backoff == backoff
    assert retries is None or found.retry.max == retries
    assert delay is None or found.retry.delay == delay
    assert (found.breaker and (found.breaker.failures, found.breaker.window)) == breaker


@pytest.mark.parametrize(("row", "handling"), INTRA_SERVICE)
def test_the_second_table_of_the_specification_is_shipped(row: str, handling: str) -> None:
    """Each row of the intra-service table is a direct call with its error handling and no timer."""
    found = Matrix(SHIPPED).rows[row]
    assert (found.pattern, found.transport, found.error_handling) == ("direct", "direct", handling)
    assert (found.timeout, found.total, found.retry, found.breaker) == (None, None, None, None)
    assert found.origin == "specification"


def test_no_other_row_claims_to_be_of_the_specification() -> None:
    """All further rows are marked as ours."""
    theirs = {row for row, *_ in INTER_SERVICE} | {row for row, _ in INTRA_SERVICE}
    assert {row.id for row in Matrix(SHIPPED) if row.origin == "specification"} == theirs


@pytest.mark.parametrize("row", ["ai-ollama", "ai-openai", "ai-llamacpp"])
def test_a_slow_local_model_fits_its_row(row: str) -> None:
    """A model that loads for 40 s and then streams for 3 minutes breaks neither the gap nor the whole."""
    found = Matrix(SHIPPED).rows[row]
    assert found.pattern == "streaming"
    assert found.timeout is not None
    assert found.timeout >= 40 * 2
    assert found.whole is not None
    assert found.whole >= 40 + 180


def test_every_shipped_row_says_what_it_is_for() -> None:
    """People read `doc` on the links page."""
    assert [row.id for row in Matrix(SHIPPED) if not row.doc] == []


def test_the_shipped_matrix_breaks_no_rule() -> None:
    """The start-up proofs find nothing that is not accepted with a reason."""
    assert [one for one in prove(Matrix(SHIPPED)) if not one.accepted] == []


def test_every_reason_of_a_shipped_row_is_needed() -> None:
    """A reason whose finding is gone would accept the next one of these rows unseen."""
    matrix = Matrix(SHIPPED)
    told = {
        (reason.because, other)
        for row in matrix
        for reason in row.accepted
        for other in (row.id, *reason.rows)
    }
    assert told == {(one.accepted, row) for one in prove(matrix) for row in one.rows}


# -------------------------------------------------------------------------------------------- strict reading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows = 3", ["mine.toml", "rows"]),
        ("format = 2", ["mine.toml", "format", "2"]),
        ("format = true", ["mine.toml", "format"]),
        ("[links.x]\ntimeout = 3", ["mine.toml", "links"]),
        ("[rows", ["mine.toml", "not TOML"]),
        ("[rows]\ngateway-backend = 3", ["mine.toml", "gateway-backend", "table"]),
        ("[rows.gateway-backend]\ntimeuot = 3", ["gateway-backend", "timeuot", "Did you mean timeout?"]),
        ("[rows.gateway-backend]\ntimeout = '3'", ["gateway-backend", "timeout", "'3'"]),
        ("[rows.gateway-backend]\ntimeout = 0", ["gateway-backend", "timeout"]),
        ("[rows.gateway-backend]\ntimeout = -1", ["gateway-backend", "timeout"]),
        ("[rows.gateway-backend]\ntimeout = true", ["gateway-backend", "timeout"]),
        ("[rows.gateway-backend]\ntimeout = nan", ["gateway-backend", "timeout"]),
        ("[rows.gateway-backend]\ntimeout = 1e9", ["gateway-backend", "timeout"]),
        ("[rows.gateway-backend]\ntotal = 5.0", ["gateway-backend", "total", "30"]),
        (
            "[rows.gateway-backend]\npattern = 'stream'",
            ["gateway-backend", "pattern", "'stream'", "streaming"],
        ),
        ("[rows.gateway-backend]\npattern = 3", ["gateway-backend", "pattern", "text"]),
        ("[rows.gateway-backend]\npattern = 'direct'", ["gateway-backend", "transport"]),
        ("[rows.gateway-backend]\nretry = 3", ["gateway-backend", "retry", "table"]),
        (
            "[rows.gateway-backend]\nretry = { mx = 3 }",
            ["gateway-backend", "retry", "mx", "Did you mean max?"],
        ),
        ("[rows.gateway-backend]\nretry = { max = 99 }", ["gateway-backend", "retry", "max", "99"]),
        ("[rows.gateway-backend]\nretry = { max = 1.5 }", ["gateway-backend", "retry", "max"]),
        ("[rows.gateway-backend]\nretry = { retry_500 = 'no' }", ["gateway-backend", "retry", "retry_500"]),
        ("[rows.gateway-backend]\nbulkhead = {}", ["gateway-backend", "bulkhead", "limit is missing"]),
        ("[rows.gateway-backend]\norigin = 'ours'", ["gateway-backend", "origin", "shipped"]),
        ("[rows.gateway-backend]\naccepted = 'why not'", ["gateway-backend", "accepted", "shipped"]),
        ("[rows.gateway-backend]\ndeleted = 'yes'", ["gateway-backend", "deleted"]),
        ("[rows.gatway-backend]\ntimeout = 3", ["gatway-backend", "Did you mean gateway-backend?"]),
        ("[rows.gateway-backend]\ntargets = 'http://a:1'", ["gateway-backend", "targets", "list"]),
        ("[rows.gateway-backend]\ntargets = [3]", ["gateway-backend", "targets", "3", "no text"]),
        (
            "[rows.gateway-backend]\ntargets = ['a:1']",
            ["gateway-backend", "targets", "'a:1'", "http://host:port"],
        ),
        ("[rows.gateway-backend]\ntargets = ['http://a']", ["targets", "'http://a'", "needs a port"]),
        ("[rows.gateway-backend]\ntargets = ['http://a:99999']", ["targets", "is no address"]),
        ("[rows.gateway-backend]\ntargets = ['http://me:pass@a:1']", ["targets", "more than scheme"]),
        ("[rows.gateway-backend]\ntargets = ['http://a:1/x']", ["targets", "more than scheme"]),
        ("[rows.gateway-backend]\ntargets = ['unix:a']", ["targets", "absolute path"]),
        ("[rows.gateway-backend]\ntargets = ['dns:a']", ["targets", "dns:name:port"]),
        ("[rows.gateway-backend]\ntargets = ['dns:-a:80']", ["targets", "dns:name:port"]),
        ("[rows.gateway-backend]\ntargets = ['http://a:1', 'http://a:1']", ["targets", "twice"]),
        (
            NEW_ROW.replace("request-response", "direct").replace("http", "direct")
            + "targets = ['http://a:1']",
            ["backend-crm", "targets", "no addresses"],
        ),
        ("[rows.backend]\ntimeout = 3", ["backend", "<from>-<to>"]),
        ("[rows.a-b-c]\ntimeout = 3", ["a-b-c", "<from>-<to>"]),
        ("[rows.A-b]\ntimeout = 3", ["A-b", "<from>-<to>"]),
        (
            NEW_ROW.replace("request-response", "pub-sub") + "cache = { ttl = 3 }",
            ["backend-crm", "cache"],
        ),
    ],
)
def test_a_faulty_file_is_refused_by_name(text: str, words: list[str]) -> None:
    """What is unknown, misspelt, of the wrong type or out of range names the row, the key and the fault."""
    with pytest.raises(ConfigurationError) as caught:
        overlaid(text)
    told_of = f"{caught.value.detail} {caught.value.hint}"
    assert [word for word in words if word not in told_of] == []


def test_a_row_takes_addresses_of_every_kind() -> None:
    """HTTP, a unix socket, a name and IPv6 are read as they are written, and an empty list takes a lower one away."""
    given = [
        "http://10.0.0.5:8001",
        "http://[::1]:8001",
        "https://a.example:443",
        "unix:/run/b.sock",
        "dns:backend:80",
    ]
    text = f"[rows.gateway-backend]\ntargets = {given}"
    matrix = overlaid(text)
    assert list(matrix.rows["gateway-backend"].targets) == given
    assert matrix.sources["gateway-backend"]["targets"] == "file"
    for none in ([], False, None):
        assert (
            matrix.with_run_time("gateway-backend", {"targets": none}).rows["gateway-backend"].targets == ()
        )


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    """Any text is a layer or a ConfigurationError."""
    try:
        Matrix(BASE, read_layer(text, "mine.toml"))
    except ConfigurationError as error:
        assert error.detail  # noqa: PT017 - either outcome is right; a refusal must say something


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON, max_size=4))
def test_no_run_time_fields_make_the_reader_fail_otherwise(fields: dict[str, Any]) -> None:
    """Whatever JSON an operator sends, the row is built or refused with a ConfigurationError."""
    try:
        Matrix(BASE).with_run_time("gateway-backend", fields)
    except ConfigurationError as error:
        assert "gateway-backend" in error.detail  # noqa: PT017 - either outcome is right; a refusal names the row


# ------------------------------------------------------------------------------------------------------ layers


def test_a_higher_layer_wins_field_by_field() -> None:
    """Run-time beats file beats shipped; each field knows where it comes from, the row its highest layer."""
    matrix = overlaid("[rows.gateway-backend]\ntimeout = 10\nbreaker = { failures = 3 }").with_run_time(
        "gateway-backend", {"timeout": 5.0}
    )
    row = matrix.rows["gateway-backend"]
    assert row.timeout == 5.0
    assert row.breaker == BreakerOptions(failures=3, window=60.0)
    assert row.retry == RetryOptions(max=2, backoff="fixed", delay=1.0)
    sources = matrix.sources["gateway-backend"]
    assert (sources["timeout"], sources["breaker"], sources["retry"]) == ("run-time", "file", "shipped")
    assert matrix.source("gateway-backend") == "run-time"


def test_run_time_fields_can_be_dropped() -> None:
    """Without run-time fields the row is again what the files say."""
    matrix = overlaid("[rows.gateway-backend]\ntimeout = 10")
    changed = matrix.with_run_time("gateway-backend", {"timeout": 5.0})
    assert changed.with_run_time("gateway-backend", None).rows == matrix.rows
    assert matrix.rows["gateway-backend"].timeout == 10.0, "a change makes a new matrix"


@pytest.mark.parametrize("nothing", ["false", "null"])
def test_a_policy_can_be_taken_away(nothing: str) -> None:
    """`false` in a file and null at run time leave the row without the policy below."""
    if nothing == "false":
        matrix = overlaid("[rows.gateway-backend]\nbreaker = false\ntimeout = 9")
    else:
        matrix = Matrix(BASE).with_run_time("gateway-backend", {"breaker": None})
    assert matrix.rows["gateway-backend"].breaker is None


def test_a_row_can_be_deleted_and_come_back() -> None:
    """A layer that says so takes the row away; a higher one may bring it back."""
    matrix = overlaid("[rows.gateway-backend]\ndeleted = true")
    assert matrix.rows == {}
    assert matrix.names == {"gateway-backend"}
    assert "gateway-backend" in matrix.with_run_time("gateway-backend", {"deleted": False}).rows


def test_an_operator_can_add_a_row() -> None:
    """A new row needs pattern, transport and error handling, and counts as ours."""
    matrix = overlaid(NEW_ROW)
    assert matrix.rows["backend-crm"].origin == "ours"
    assert (matrix.rows["backend-crm"].source, matrix.rows["backend-crm"].to) == ("backend", "crm")


def test_a_difference_is_told_field_by_field() -> None:
    """Only what differs is named, of a table the members that differ; a row that goes is a change too."""
    before = Matrix(BASE)
    after = before.with_run_time("gateway-backend", {"timeout": 5.0, "breaker": {"failures": 2}})
    changes = {one.field: told(one) for one in diff(before, after)}
    assert changes == {
        "timeout": ("timeout 30.0", "timeout 5.0"),
        "breaker": ("breaker {'failures': 5}", "breaker {'failures': 2}"),
    }
    gone = before.with_run_time("gateway-backend", {"deleted": True})
    assert diff(before, gone) == (
        FieldChange(row="gateway-backend", field="deleted", before=False, after=True),
    )
    assert diff(before, before) == ()


def test_a_field_is_written_as_the_file_writes_it() -> None:
    """What `field_value` gives can be read again and makes the same row."""
    row = Matrix(SHIPPED).rows["ai-ollama"]
    given_back = {key: value for key in FIELDS if (value := field_value(row, key)) not in (None, "")}
    assert Matrix({"ai-ollama": given_back}).rows["ai-ollama"] == row
