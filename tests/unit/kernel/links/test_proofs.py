"""The start-up proofs: sound matrices pass, each planted violation is found and named."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.proofs import (
    CYCLE,
    INVERSION,
    MULTIPLIED,
    UNBOUNDED,
    UNSAFE_RETRY,
    Finding,
    budget,
    prove,
    require_sound,
)

Rows = dict[str, dict[str, Any]]


def waiting(timeout: float | None = None, retries: int = 0, **more: Any) -> dict[str, Any]:
    """A row on which the caller waits."""
    row: dict[str, Any] = {"pattern": "request-response", "transport": "http", "error_handling": "propagate"}
    if timeout is not None:
        row["timeout"] = timeout
    if retries:
        row |= {"retry": {"max": retries}, "idempotency": "effect-free"}
    return {**row, **more}


def direct(**more: Any) -> dict[str, Any]:
    """An in-process row without a timer."""
    return {"pattern": "direct", "transport": "direct", "error_handling": "propagate", **more}


def found(rows: Rows) -> list[tuple[str, tuple[str, ...]]]:
    """Rule and rows of each finding."""
    return [(one.rule, one.rows) for one in prove(Matrix(rows))]


# -------------------------------------------------------------------------------------------- rule by rule


def test_a_child_that_may_take_longer_than_its_parent_waits_is_found() -> None:
    """Timeout times attempts of the child must fit into one attempt of the parent."""
    rows = {"a-b": waiting(30.0), "b-c": waiting(10.0, retries=2)}
    assert found(rows) == []
    rows["b-c"] = waiting(10.0, retries=3)
    assert found(rows) == [(INVERSION, ("a-b", "b-c"))]


def test_an_inversion_is_found_through_rows_without_timers() -> None:
    """Direct rows between the two hide nothing."""
    rows = {"a-b": waiting(5.0), "b-c": direct(), "c-d": direct(), "d-e": waiting(6.0)}
    assert found(rows) == [(INVERSION, ("a-b", "d-e"))]


def test_a_grandchild_is_bounded_by_its_own_parent() -> None:
    """Only the next bounded row is compared: that one is bounded by the row before it in turn."""
    rows = {"a-b": waiting(5.0), "b-c": waiting(5.0), "c-d": waiting(6.0)}
    assert found(rows) == [(INVERSION, ("b-c", "c-d"))]


def test_total_bounds_a_call_with_all_its_attempts() -> None:
    """A row with a total takes no longer than that."""
    rows = {"a-b": waiting(30.0), "b-c": waiting(20.0, retries=5, total=30.0)}
    assert found(rows) == []


@pytest.mark.parametrize("pattern", ["async-command", "pub-sub", "fire-and-forget"])
def test_an_asynchronous_row_starts_a_new_budget(pattern: str) -> None:
    """Its caller has gone on: neither it nor what lies behind it is an inversion, a cycle or a multiplied retry."""
    rows = {
        "a-b": waiting(5.0, retries=3),
        "b-c": waiting(60.0, retries=2, pattern=pattern),
        "c-d": waiting(300.0, retries=2),
        "d-a": waiting(1.0),
    }
    assert found({key: rows[key] for key in ("a-b", "b-c", "c-d")}) == []


def test_a_stream_lasts_until_its_total() -> None:
    """The gap of a stream is no bound of the whole, which is 15 minutes where the row does not say."""
    stream = waiting(10.0, pattern="streaming")
    assert found({"a-b": waiting(60.0), "b-c": stream}) == [(INVERSION, ("a-b", "b-c"))]
    assert found({"a-b": waiting(60.0), "b-c": {**stream, "total": 60.0}}) == []
    assert found({"a-b": stream, "b-c": waiting(600.0)}) == []
    assert [budget(row) for row in Matrix({"a-b": stream})] == [900.0]


def test_retries_on_two_layers_of_a_path_are_found() -> None:
    """The first of three further attempts may be made three times, the others say what they are and are made once."""
    rows = {"a-b": waiting(100.0, retries=3), "b-c": direct(), "c-d": waiting(1.0, retries=2)}
    assert found(rows) == [(MULTIPLIED, ("a-b", "c-d"))]
    assert prove(Matrix(rows))[0].detail == "one call can become 6."


def test_each_further_attempt_of_a_browser_is_repeated_below() -> None:
    """Nobody believes a client from outside that it repeats itself: three and two further attempts make one call twelve."""
    rows = {"frontend-b": waiting(100.0, retries=3), "b-c": direct(), "c-d": waiting(1.0, retries=2)}
    assert found(rows) == [(MULTIPLIED, ("frontend-b", "c-d"))]
    assert prove(Matrix(rows))[0].detail == "one call can become 12."


def test_the_models_of_documents_call_model_servers_alone() -> None:
    """What stands behind backend-models waits for the rows to models, never for the backend: that would be a knot."""
    rows = {"services-models": waiting(5.0), "ai-npu": waiting(6.0), "ai-backend": waiting(5.0)}
    assert found(rows) == [(INVERSION, ("services-models", "ai-npu"))]
    # Another component of the same role may call the backend.
    rows = {"services-agents": waiting(5.0), "ai-npu": waiting(5.0), "ai-backend": waiting(5.0)}
    assert found(rows) == [(CYCLE, ("services-agents", "ai-backend"))]


def test_retries_side_by_side_are_fine() -> None:
    """Two retrying rows that no path joins do not multiply."""
    assert found({"a-b": waiting(9.0, retries=3), "a-c": waiting(9.0, retries=3)}) == []


def test_a_cycle_of_callers_that_wait_is_found_once() -> None:
    """The knot is named with all its rows, whatever path leads into it."""
    rows = {"x-a": waiting(), "a-b": direct(), "b-c": direct(), "c-a": direct(), "c-d": direct()}
    rows["x-a"]["timeout"] = 1.0
    assert found(rows) == [(CYCLE, ("a-b", "b-c", "c-a"))]


def test_a_row_onto_itself_is_a_cycle() -> None:
    """The shortest knot is one row."""
    assert found({"a-a": direct()}) == [(CYCLE, ("a-a",))]


def test_a_cycle_through_the_components_of_a_role_is_found() -> None:
    """Backend's services wait for ai, whose agents wait for backend."""
    rows = {"services-ai": direct(), "agents-backend": direct()}
    assert found(rows) == [(CYCLE, ("services-ai", "agents-backend"))]


def test_long_readings_ask_no_model() -> None:
    """An operator may give gateway-reports less time than a call of a model takes."""
    assert found({"gateway-reports": waiting(0.001), "backend-models": waiting(30.0)}) == []


def test_a_retry_without_a_word_on_idempotency_is_found() -> None:
    """Every row that retries says what makes repeating safe."""
    rows = {"a-b": {**waiting(1.0, retries=1), "idempotency": None}}
    assert found(rows) == [(UNSAFE_RETRY, ("a-b",))]


def test_a_hop_out_of_the_process_without_a_timeout_is_found() -> None:
    """Direct calls are bounded by their callers, an open socket to a client by its heartbeat; nothing else goes without."""
    assert found({"a-b": waiting(None)}) == [(UNBOUNDED, ("a-b",))]
    assert found({"a-b": waiting(None, transport="websocket", pattern="streaming")}) == []


# ------------------------------------------------------------------------------------------------ acceptance


def test_a_finding_refuses_start_up_by_the_rows_names() -> None:
    """The operator reads which rows break which rule."""
    with pytest.raises(ConfigurationError, match=r"a-b → b-c: b-c may take 40 s, a-b waits 30 s"):
        require_sound(Matrix({"a-b": waiting(30.0), "b-c": waiting(40.0)}))


def test_a_shipped_row_may_say_why_a_finding_is_accepted() -> None:
    """Then the finding is listed with its reason and start-up goes on; which of its rows says so is all the same."""
    reason = {"because": "the callee answers 202 long before"}
    upper = waiting(30.0, accepted={"inversion": {"rows": ["b-c"], **reason}})
    assert require_sound(Matrix({"a-b": upper, "b-c": waiting(40.0)}))[0].accepted == reason["because"]
    lower = waiting(40.0, accepted={"inversion": {"rows": ["a-b"], **reason}})
    rows = {"a-b": waiting(30.0), "b-c": lower}
    assert require_sound(Matrix(rows)) == (
        Finding(
            rule=INVERSION,
            rows=("a-b", "b-c"),
            detail="b-c may take 40 s, a-b waits 30 s.",
            accepted="the callee answers 202 long before",
        ),
    )


def test_a_reason_holds_for_the_rule_and_the_rows_that_it_names() -> None:
    """A row that stands up for one finding has not stood up for the next: of another rule, or with another row."""
    because = "it is so"
    lower = waiting(40.0, accepted={"inversion": {"rows": ["x-b"], "because": because}})
    with pytest.raises(ConfigurationError, match="a-b → b-c"):
        require_sound(Matrix({"a-b": waiting(30.0), "b-c": lower}))
    lower = waiting(40.0, accepted={"multiplied": {"rows": ["a-b"], "because": because}})
    with pytest.raises(ConfigurationError, match="a-b → b-c"):
        require_sound(Matrix({"a-b": waiting(30.0), "b-c": lower}))
    knot = {"cycle": {"rows": ["b-c"], "because": because}}
    with pytest.raises(ConfigurationError, match="a-b → b-c → c-a"):
        require_sound(Matrix({"a-b": direct(accepted=knot), "b-c": direct(), "c-a": direct()}))


@pytest.mark.parametrize(
    "accepted",
    [
        "because",
        {"inversions": {"rows": ["a-b"], "because": "it is so"}},
        {"inversion": "it is so"},
        {"inversion": {"rows": ["a-b"]}},
        {"inversion": {"rows": "a-b", "because": "it is so"}},
        {"inversion": {"rows": ["a-b"], "because": " "}},
    ],
)
def test_a_reason_without_rule_rows_or_words_is_none(accepted: Any) -> None:
    """A shipped row that accepts in general is refused by its name."""
    with pytest.raises(ConfigurationError, match="b-c, accepted"):
        Matrix({"a-b": waiting(30.0), "b-c": waiting(40.0, accepted=accepted)})


def test_an_operators_file_cannot_accept_for_itself() -> None:
    """A finding that an overlay makes refuses start-up, and the overlay cannot claim a reason."""
    shipped = {"a-b": waiting(30.0), "b-c": waiting(20.0)}
    with pytest.raises(ConfigurationError, match="a-b → b-c"):
        require_sound(Matrix(shipped, {"b-c": {"timeout": 31.0}}))
    with pytest.raises(ConfigurationError, match="accepted"):
        Matrix(shipped, {"b-c": {"accepted": {"inversion": {"rows": ["a-b"], "because": "it is so"}}}})


# ------------------------------------------------------------------------------------------------ generated


@dataclass(frozen=True)
class Drawn:
    """A sound matrix: layers of places, rows go downwards only, timeouts fall, only the last layer retries."""

    rows: Rows
    layers: int


def place(layer: int, index: int) -> str:
    """A name that is no role of the product."""
    return f"p{layer}x{index}"


@st.composite
def sound(draw: st.DrawFn) -> Drawn:
    """Draw a sound matrix of up to 5 layers with up to 3 places each."""
    layers = draw(st.integers(3, 5))
    widths = [draw(st.integers(1, 3)) for _ in range(layers)]
    rows: Rows = {}
    for upper in range(layers - 1):
        for start in range(widths[upper]):
            for lower in range(upper + 1, layers):
                for end in range(widths[lower]):
                    if lower == upper + 1 or draw(st.booleans()):
                        rows[f"{place(upper, start)}-{place(lower, end)}"] = draw(
                            policy(upper, lower, layers)
                        )
    return Drawn(rows, layers)


def policy(upper: int, lower: int, layers: int) -> st.SearchStrategy[dict[str, Any]]:
    """A row between two layers: direct, or waiting with a timeout that any path above it outlasts."""
    timeout = 80_000.0 / 20.0**upper
    retries = st.integers(0, 10) if lower == layers - 1 else st.just(0)
    choices = [retries.map(lambda number: waiting(timeout, retries=number))]
    if lower < layers - 1:
        choices.append(st.just(direct()))
    return st.one_of(choices)


@given(sound())
def test_sound_matrices_pass(drawn: Drawn) -> None:
    """Whatever the shape, a matrix that keeps the rules has no finding."""
    assert found(drawn.rows) == []


@given(sound(), st.data())
def test_a_planted_inversion_is_found(drawn: Drawn, data: st.DataObject) -> None:
    """A bounded row below a bounded one, made longer than that, is named together with it."""
    lowest = data.draw(st.sampled_from([key for key in drawn.rows if key.startswith(f"p{drawn.layers - 2}")]))
    above = [key for key in drawn.rows if key.endswith("-" + lowest.partition("-")[0])]
    parent = data.draw(st.sampled_from(above))
    rows = {**drawn.rows, parent: waiting(7.0), lowest: waiting(8.0)}
    assert (INVERSION, (parent, lowest)) in found(rows)


@given(sound(), st.data())
def test_a_planted_second_layer_of_retries_is_found(drawn: Drawn, data: st.DataObject) -> None:
    """A retry above a retry is named with it."""
    lowest = data.draw(st.sampled_from([key for key in drawn.rows if key.startswith(f"p{drawn.layers - 2}")]))
    above = [key for key in drawn.rows if key.endswith("-" + lowest.partition("-")[0])]
    parent = data.draw(st.sampled_from(above))
    rows = {**drawn.rows, parent: waiting(80_000.0, retries=1), lowest: waiting(1.0, retries=1)}
    assert (MULTIPLIED, (parent, lowest)) in found(rows)


@given(sound(), st.data())
def test_a_planted_cycle_is_found(drawn: Drawn, data: st.DataObject) -> None:
    """A row back up to where a path began closes a knot that holds both."""
    first = data.draw(st.sampled_from([key for key in drawn.rows if key.startswith("p0")]))
    start, _, end = first.partition("-")
    back = f"{end}-{start}"
    cycles = [rows for rule, rows in found({**drawn.rows, back: direct()}) if rule == CYCLE]
    assert len(cycles) == 1
    assert {first, back} <= set(cycles[0])


@given(sound(), st.data())
def test_a_planted_asynchronous_row_cuts_the_path(drawn: Drawn, data: st.DataObject) -> None:
    """The same row back up is no cycle when nobody waits on it."""
    first = data.draw(st.sampled_from([key for key in drawn.rows if key.startswith("p0")]))
    start, _, end = first.partition("-")
    rows = {**drawn.rows, f"{end}-{start}": waiting(1.0, pattern="async-command")}
    assert [rule for rule, _ in found(rows) if rule == CYCLE] == []


def test_a_dense_matrix_is_proven_in_bounded_work() -> None:
    """Forty places, every row between them downwards: paths number billions and are never walked one by one."""
    names = [f"p{one:02}x" for one in range(40)]
    rows = {f"{a}-{b}": direct() for i, a in enumerate(names) for b in names[i + 1 :]}
    assert found(rows) == []
