"""The links of a process: built once, changed while in use, described for who looks."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest

from autobot.kernel.core.errors import (
    Absent,
    CircuitOpen,
    ConfigurationError,
    ConnectFailed,
    InvalidInput,
    LinkMissing,
    NotFound,
)
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.telemetry.listener import Hop
from autobot.testing.virtual_time import FixedChance, VirtualClock
from tests.unit.kernel.links.kit import PLAIN, ROW, Desk
from tests.unit.kernel.resilience.kit import (
    CACHED,
    NOBODY_WAITS,
    READ,
    Script,
    Slow,
    pass_time,
    refused,
    status,
)

pytestmark = pytest.mark.anyio

SHIPPED = Path(__file__).resolve().parents[4] / "src" / "autobot" / "matrix.toml"

API_FIELDS = {
    "id", "from", "to", "pattern", "transport", "timeout", "total", "retry", "breaker", "bulkhead", "rate_limit",
    "cache", "error_handling", "source", "origin", "state", "substituted_by", "hint", "calls", "failures", "rate",
    "failure_rate", "p50_ms", "p95_ms", "p99_ms", "last_error", "targets",
}  # fmt: skip
TARGET_FIELDS = {"address", "breaker_state", "calls", "failures", "next_probe_at", "since"}


async def answer(payload: Any, context: Any) -> str:
    """A handler of a direct row."""
    return f"heard {payload}"


def registry_of(rows: dict[str, dict[str, Any]]) -> LinkRegistry:
    """A registry in virtual time."""
    return LinkRegistry(Matrix(rows), VirtualClock(), FixedChance(0.5))


# ------------------------------------------------------------------------------------------------------ calls


async def test_a_row_that_the_matrix_has_not_fails() -> None:
    """No row, no hop: calls and streams raise LinkMissing with the row's name."""
    registry = registry_of({})
    link = registry.link("backend-moon")
    with pytest.raises(LinkMissing, match="backend-moon"):
        await link.call(READ, None, NOBODY_WAITS)
    with pytest.raises(LinkMissing):
        await anext(link.stream(READ, None, NOBODY_WAITS))


async def test_a_row_without_its_part_says_what_adds_it() -> None:
    """Absent carries the hint; the refused calls are counted on the row."""
    registry = registry_of({ROW: PLAIN})
    registry.wire(ROW, Wired(state="absent", hint="autobot add crm"))
    with pytest.raises(Absent) as caught:
        await registry.link(ROW).call(READ, None, NOBODY_WAITS)
    assert caught.value.hint == "autobot add crm"
    row = registry.describe()[0]
    assert (row["state"], row["hint"], row["calls"], row["failures"]) == ("absent", "autobot add crm", 1, 1)
    registry.wire(ROW, Wired(transport=Script(), targets=("a",)))
    assert await registry.link(ROW).call(READ, None, NOBODY_WAITS) == "ok"
    assert registry.describe()[0]["calls"] == 2


async def test_a_link_stays_the_same_object() -> None:
    """Who took a link once sees every later change of its row."""
    desk = Desk()
    assert desk.registry.link(ROW) is desk.link
    desk.apply(timeout=1.0)
    assert desk.registry.link(ROW) is desk.link


async def test_streams_run_through_the_row_too() -> None:
    """A stream's chunks arrive, and the call is counted."""
    desk = Desk(["a", "b"])
    assert [chunk async for chunk in desk.link.stream(READ, None, NOBODY_WAITS)] == ["a", "b"]
    assert desk.described()["calls"] == 1


# ---------------------------------------------------------------------------------------------------- changing


async def test_a_breaker_stays_open_over_a_change_of_its_row() -> None:
    """The state of targets outlives the pipeline that is replaced."""
    desk = Desk(refused(), breaker={"failures": 1, "window": 60.0})
    await desk.outcome()
    assert isinstance(await desk.outcome(), CircuitOpen)
    desk.apply(timeout=7.0)
    assert isinstance(await desk.outcome(), CircuitOpen)
    assert desk.described()["targets"][0]["breaker_state"] == "open"


async def test_only_the_changed_row_is_built_anew() -> None:
    """Other rows keep their pipelines."""
    registry = registry_of({ROW: PLAIN, "backend-erp": PLAIN})
    for row in (ROW, "backend-erp"):
        registry.wire(row, Wired(transport=Script(), targets=("a",)))
    before = registry.link("backend-erp").pipeline, registry.link(ROW).pipeline
    registry.apply(ROW, {"timeout": 3.0})
    assert registry.link("backend-erp").pipeline is before[0]
    assert registry.link(ROW).pipeline is not before[1]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"timeout": "soon"}, InvalidInput),
        ({"timeuot": 3.0}, InvalidInput),
        ({"retry": {"max": 99}}, InvalidInput),
        ({"retry": {"max": 2}, "idempotency": None}, InvalidInput),
        ({"timeout": None}, InvalidInput),
    ],
)
async def test_a_bad_change_is_refused_and_changes_nothing(
    fields: dict[str, Any], error: type[Exception]
) -> None:
    """`check` and `apply` refuse alike; the row in force and its pipeline stay."""
    desk = Desk()
    before = desk.registry.matrix, desk.link.pipeline
    for method in (desk.registry.check, desk.registry.apply):
        with pytest.raises(error):
            method(ROW, fields)
    assert (desk.registry.matrix, desk.link.pipeline) == before


async def test_a_change_that_breaks_a_proof_is_refused() -> None:
    """A child may not be made to outlive its parent at run time either."""
    registry = registry_of({"gateway-backend": PLAIN, ROW: {**PLAIN, "timeout": 20.0}})
    with pytest.raises(InvalidInput, match="gateway-backend → backend-crm"):
        registry.apply(ROW, {"timeout": 31.0})


async def test_an_unknown_row_cannot_be_changed() -> None:
    """NotFound, not a new row."""
    desk = Desk()
    with pytest.raises(NotFound):
        desk.registry.check("backend-moon", {"timeout": 3.0})
    with pytest.raises(NotFound):
        desk.registry.force("backend-moon", "open", None, "ann", "why", None)


async def test_a_change_is_reported_field_by_field() -> None:
    """Whoever listens learns the row, the field and both values."""
    desk = Desk()
    desk.apply(timeout=5.0)
    told = [(one.kind, one.subject, one.before, one.after) for one in desk.heard.changes]
    assert told == [("policy", f"link:{ROW}", "timeout 30.0", "timeout 5.0")]


async def test_a_shared_call_survives_a_change_of_its_row() -> None:
    """Who waits for an answer that is under way gets it, although the pipeline was replaced meanwhile."""
    desk = Desk(Slow(5.0), cache={"ttl": 60.0})
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(desk.link.call(CACHED, "q", NOBODY_WAITS)) for _ in range(2)]
        await pass_time(1.0)
        desk.apply(timeout=9.0)
        await desk.registry.probe_idle()
    assert [one.result() for one in waiting] == ["late", "late"]
    assert len(desk.sent) == 1


async def test_replaced_pipelines_do_not_pile_up() -> None:
    """After a quarter of an hour the supervisor lets go of pipelines that changes replaced."""
    from autobot.kernel.resilience.pipeline import Pipeline

    desk = Desk()
    for seconds in range(20):
        desk.apply(timeout=10.0 + seconds)
    await pass_time(1_000.0)
    await desk.registry.probe_idle()
    gc.collect()
    assert len([one for one in gc.get_objects() if type(one) is Pipeline and one._link == ROW]) <= 2


# -------------------------------------------------------------------------------------------------- by hand


async def test_a_breaker_is_acted_on_by_hand() -> None:
    """Isolated targets refuse until they are released; the row says who and why."""
    desk = Desk()
    desk.registry.force(ROW, "isolate", None, "ann", "maintenance", None)
    assert isinstance(await desk.outcome(), CircuitOpen)
    target = desk.described()["targets"][0]
    assert (target["breaker_state"], target["by"], target["reason"]) == ("isolated", "ann", "maintenance")
    desk.registry.force(ROW, "close", "a", "ann", "done", None)
    assert await desk.outcome() == "ok"


async def test_a_row_without_a_pipeline_has_no_breaker_here() -> None:
    """NotFound for rows that live elsewhere or whose part is absent."""
    registry = registry_of({ROW: PLAIN})
    with pytest.raises(NotFound):
        registry.force(ROW, "open", None, "ann", "why", None)


# ---------------------------------------------------------------------------------------------- describing


async def test_every_shipped_row_is_described_with_every_field() -> None:
    """The list has each row of the matrix with all members that the interface promises."""
    registry = LinkRegistry(
        Matrix(read_layer(SHIPPED.read_text(encoding="utf-8"), "matrix.toml")), VirtualClock(), FixedChance()
    )
    rows = registry.describe()
    assert len(rows) == len(registry.matrix.rows) >= 20
    assert [row["id"] for row in rows if not set(row) >= API_FIELDS] == []


async def test_figures_follow_the_calls() -> None:
    """Calls, failures, rates, quantiles and the last error are those of the calls that were made."""
    desk = Desk(Slow(0.2, "ok"), Slow(0.2, status(503)))
    await desk.outcome()
    await desk.outcome()
    row = desk.described()
    assert (row["calls"], row["failures"], row["failure_rate"]) == (2, 1, 0.5)
    assert 180 <= row["p50_ms"] <= 220
    assert row["rate"] > 0
    assert row["last_error"]["code"] == "upstream-error"
    target = row["targets"][0]
    assert set(target) >= TARGET_FIELDS
    assert (target["address"], target["breaker_state"], target["calls"], target["failures"]) == (
        "a",
        "closed",
        2,
        1,
    )


async def test_a_wire_that_a_direct_call_replaces_is_shown_as_substituted() -> None:
    """In one process a direct call carries what would be a request between roles; the matrix keeps its word."""
    registry = registry_of({"gateway-ai": {**PLAIN, "pattern": "async-command"}})
    registry.wire("gateway-ai", Wired(transport=DirectTransport({"read": answer}), targets=("local",)))
    assert await registry.link("gateway-ai").call(READ, "x", NOBODY_WAITS) == "heard x"
    row = registry.describe()[0]
    assert (row["transport"], row["state"], row["substituted_by"]) == (
        "http",
        "substituted",
        "a direct call in this process",
    )


async def test_a_row_shows_the_layer_of_each_field() -> None:
    """The row's source is its highest layer; each field has its own."""
    desk = Desk()
    assert desk.described()["source"] == "shipped"
    desk.apply(timeout=5.0)
    row = desk.described()
    assert (row["source"], row["sources"]["timeout"], row["sources"]["pattern"]) == (
        "run-time",
        "run-time",
        "shipped",
    )


# -------------------------------------------------------------------------------------------------- arrivals


async def test_rows_of_clients_are_counted_on_arrival() -> None:
    """The browser's calls raise `calls` here, how they end comes from the edge's listener."""
    registry = registry_of({"frontend-gateway": PLAIN})
    registry.wire("frontend-gateway", Wired(arrivals=True))
    for _ in range(2):
        registry.arrived("frontend-gateway")
    registry.arrivals.completed(Hop("frontend-gateway", "gateway", "GET", 0, NOBODY_WAITS), 0.1)
    registry.arrivals.failed(Hop("frontend-gateway", "gateway", "GET", 0, NOBODY_WAITS), 0.1, refused())
    registry.arrivals.completed(Hop("elsewhere-row", "x", "GET", 0, NOBODY_WAITS), 0.1)
    row = registry.describe()[0]
    assert (row["state"], row["calls"], row["failures"], row["failure_rate"]) == ("in-use", 2, 1, 0.5)
    assert row["rate"] > 0
    assert row["last_error"]["code"] == "connect-failed"
    assert 90 <= row["p50_ms"] <= 110


async def test_a_client_row_that_was_taken_away_refuses_arrivals() -> None:
    """The edge asks on each arrival, and hears that the hop does not exist."""
    registry = registry_of({"frontend-gateway": PLAIN})
    registry.wire("frontend-gateway", Wired(arrivals=True))
    registry.apply("frontend-gateway", {"deleted": True})
    with pytest.raises(LinkMissing):
        registry.arrived("frontend-gateway")


# ---------------------------------------------------------------------------------------------- background


async def test_a_probe_heals_a_quiet_link() -> None:
    """An open breaker closes by the supervisor's probes alone."""
    desk = Desk(refused(), breaker={"failures": 1, "window": 60.0})
    desk.script.health["a"] = True
    await desk.outcome()
    assert desk.described()["targets"][0]["breaker_state"] == "open"
    for _ in range(10):
        await pass_time(5.0)
        await desk.registry.probe_idle()
    assert desk.described()["targets"][0]["breaker_state"] == "closed"


async def test_a_faulty_matrix_refuses_to_start() -> None:
    """The registry proves its matrix before it serves a call."""
    with pytest.raises(ConfigurationError, match="gateway-backend → backend-crm"):
        registry_of({"gateway-backend": PLAIN, ROW: {**PLAIN, "timeout": 31.0}})


async def test_closing_ends_shared_calls() -> None:
    """Who still waits for a shared call hears that the link was closed."""
    desk = Desk(Slow(50.0), cache={"ttl": 60.0})
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desk.outcome(CACHED, "q"))
        await pass_time(1.0)
        await desk.registry.close()
    assert "closed" in str(waiting.result())


async def test_errors_of_a_direct_callee_pass_unchanged() -> None:
    """The specification's exception propagation: the very object that the callee raised arrives."""
    raised = KeyError("own")

    async def fail(payload: Any, context: Any) -> None:
        raise raised

    registry = registry_of({ROW: {"pattern": "direct", "transport": "direct", "error_handling": "propagate"}})
    registry.wire(ROW, Wired(transport=DirectTransport({"read": fail}), targets=("local",)))
    with pytest.raises(KeyError) as caught:
        await registry.link(ROW).call(READ, None, NOBODY_WAITS)
    assert caught.value is raised
    assert not isinstance(caught.value, ConnectFailed)
