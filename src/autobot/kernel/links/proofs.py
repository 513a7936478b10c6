"""Start-up proofs: what a matrix must not contain, found by walking its paths. Pure.

The work is bounded by rows × hops, whatever an operator's file draws: paths are never enumerated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.row import Row, Rule

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": ("routers",),
    "backend": ("reports", "services", "publisher", "repositories"),
    "ai": ("orchestrator", "agents", "llm", "models"),
}
"""The components that a role holds (the specification's second table lies inside the roles of the first)."""

HOLDERS: Final[Mapping[str, str]] = {part: role for role, parts in PARTS.items() for part in parts}

CALLS: Final[Mapping[str, frozenset[str]]] = {
    "models": frozenset({"npu", "ollama", "openai", "llamacpp"}),
    "reports": frozenset({"store"}),
}
"""Of the calls of its role, those that a component makes; one that is not named may make all.

`models` is the model facade as documents use it: it embeds and puts in order, and asks no context of the backend.
`reports` read the log and whole tables, and ask no model.
"""

UNBELIEVED: Final = frozenset({"frontend"})
"""Callers whose word on further attempts is not believed: the rows below repeat each of them."""

INVERSION: Final = "a child does not outlive its parent"
MULTIPLIED: Final = "one layer retries"
CYCLE: Final = "no cycle of callers that wait"
UNSAFE_RETRY: Final = "a retried row says what makes repeating safe"
UNBOUNDED: Final = "a hop that leaves the process is bounded"
_SENTENCES: Final[Mapping[Rule, str]] = {
    "inversion": INVERSION,
    "multiplied": MULTIPLIED,
    "cycle": CYCLE,
    "unsafe_retry": UNSAFE_RETRY,
    "unbounded": UNBOUNDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that the matrix breaks: which rows, why, and the reason for accepting it ("" for none)."""

    rule: str
    rows: tuple[str, ...]
    detail: str
    accepted: str = ""


def prove(matrix: Matrix) -> tuple[Finding, ...]:
    """Return every finding."""
    rows = tuple(matrix)
    after = {row.id: _next(row, rows) for row in rows}
    return (
        *_unsafe_retries(rows),
        *_unbounded(rows),
        *_cycles(rows, after),
        *_inversions(rows, after),
        *_multiplied(rows, after),
    )


def require_sound(matrix: Matrix) -> tuple[Finding, ...]:
    """Return the accepted findings. Raises ConfigurationError naming the rows of one that is not accepted."""
    findings = prove(matrix)
    for one in findings:
        if not one.accepted:
            raise ConfigurationError(
                f"The matrix breaks the rule “{one.rule}” at {' → '.join(one.rows)}: {one.detail}",
                hint="Change one of these rows; `autobot matrix check` lists every finding.",
            )
    return findings


def budget(row: Row) -> float | None:
    """Return the longest that a call of this row can take, all attempts included; None when nothing bounds it."""
    if row.timeout is None:
        return row.whole
    attempts = row.timeout * (1 + row.retries)
    if row.pattern == "streaming":
        # The timeout bounds gaps, so only the whole is a bound.
        return row.whole
    return attempts if row.whole is None else min(attempts, row.whole)


def _patience(row: Row) -> float | None:
    """Return how long one attempt of a row waits for what lies behind it; None for ever."""
    return row.whole if row.pattern == "streaming" else row.timeout


def _finding(rule: str, rows: Sequence[Row], detail: str) -> Finding:
    """A finding is accepted when one of its rows, as shipped, names the rule with all other rows and says why."""
    names = [one.id for one in rows]
    reasons = (
        told.because
        for row in rows
        for told in row.accepted
        if _SENTENCES[told.rule] == rule and {one for one in names if one != row.id} <= set(told.rows)
    )
    return Finding(rule=rule, rows=tuple(names), detail=detail, accepted=next(reasons, ""))


def _places(name: str) -> frozenset[str]:
    """Return where who serves `name` calls from: a role from itself and its components, a component also from its role."""
    if name in HOLDERS:
        return frozenset({name, HOLDERS[name]})
    return frozenset({name, *PARTS.get(name, ())})


def _next(row: Row, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows on which who serves `row` waits while `row`'s caller waits for it."""
    if row.asynchronous or row.transport == "websocket":
        # Its caller has gone on, or watches: what lies behind has a budget of its own.
        return ()
    places, only = _places(row.to), CALLS.get(row.to)
    return tuple(
        one
        for one in rows
        if one.source in places
        and not one.asynchronous
        and (only is None or one.source == row.to or one.to in only)
    )


def _reached(start: Row, after: Mapping[str, tuple[Row, ...]], stop: frozenset[str]) -> Iterator[Row]:
    """Yield the rows behind `start`, each once; those in `stop` are yielded and not passed."""
    seen: set[str] = set()
    todo = list(after[start.id])
    while todo:
        row = todo.pop(0)
        if row.id in seen or row.id == start.id:
            continue
        seen.add(row.id)
        yield row
        if row.id not in stop:
            todo.extend(after[row.id])


def _unsafe_retries(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        if row.retries and row.idempotency is None:
            yield _finding(
                UNSAFE_RETRY,
                (row,),
                'it retries and has no idempotency = "required", "effect-free", "delivery" or "method".',
            )


def _unbounded(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        if row.transport not in ("direct", "websocket") and row.timeout is None:
            yield _finding(UNBOUNDED, (row,), f"it goes by {row.transport} and has no timeout.")


def _inversions(rows: Sequence[Row], after: Mapping[str, tuple[Row, ...]]) -> Iterator[Finding]:
    """Compare each row that waits a bounded time with the next bounded ones behind it, past unbounded ones."""
    bounded = frozenset(row.id for row in rows if budget(row) is not None)
    for parent in rows:
        patience = _patience(parent)
        if patience is None:
            continue
        for child in _reached(parent, after, bounded):
            longest = budget(child)
            if longest is not None and longest > patience:
                yield _finding(
                    INVERSION,
                    (parent, child),
                    f"{child.id} may take {longest:g} s, {parent.id} waits {patience:g} s.",
                )


def _multiplied(rows: Sequence[Row], after: Mapping[str, tuple[Row, ...]]) -> Iterator[Finding]:
    for outer in rows:
        if not outer.retries:
            continue
        for inner in _reached(outer, after, frozenset()):
            if inner.retries:
                # A further attempt says so, and is not repeated below; a browser's comes as a new call.
                calls = 1 + outer.retries + inner.retries
                if outer.source in UNBELIEVED:
                    calls += outer.retries * inner.retries
                yield _finding(MULTIPLIED, (outer, inner), f"one call can become {calls}.")


def _cycles(rows: Sequence[Row], after: Mapping[str, tuple[Row, ...]]) -> Iterator[Finding]:
    """Name each knot once: the rows that all reach one another, in the order of the files."""
    reaches = {row.id: _closure(row, after) for row in rows}
    told: set[str] = set()
    for row in rows:
        if row.id in reaches[row.id] and row.id not in told:
            knot = [one for one in rows if one.id in reaches[row.id] and row.id in reaches[one.id]]
            told.update(one.id for one in knot)
            yield _finding(CYCLE, knot, "each waits for the next one.")


def _closure(start: Row, after: Mapping[str, tuple[Row, ...]]) -> frozenset[str]:
    seen: set[str] = set()
    todo = list(after[start.id])
    while todo:
        row = todo.pop()
        if row.id not in seen:
            seen.add(row.id)
            todo.extend(after[row.id])
    return frozenset(seen)
