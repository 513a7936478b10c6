"""Start-up proofs: what a matrix must not contain, found by walking its paths. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.row import Row

ALIASES: Final = {
    "frontend": (),
    "gateway": ("routers",),
    "backend": ("services",),
    "ai": ("orchestrator", "agents", "llm"),
    "llm": ("ai",),
}
"""Where a path goes on: a role holds the components of the second table."""


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
    return (
        *_retries_without_idempotency(rows),
        *_inversions(rows),
        *_multiplied_retries(rows),
        *_cycles(rows),
    )


def require_sound(matrix: Matrix) -> tuple[Finding, ...]:
    """Return the accepted findings. Raises ConfigurationError naming the rows of one that is not accepted."""
    findings = prove(matrix)
    for one in findings:
        if not one.accepted:
            raise ConfigurationError(
                f"The matrix breaks the rule “{one.rule}” at {' → '.join(one.rows)}: {one.detail}",
                hint='Change a row, or give it accepted = "reason" if it must be so.',
            )
    return findings


def _finding(rule: str, rows: Sequence[Row], detail: str) -> Finding:
    """A finding is accepted when one of its rows says why; changes at run time carry their own reason."""
    reason = next((one.accepted for one in rows if one.accepted), "")
    return Finding(rule=rule, rows=tuple(one.id for one in rows), detail=detail, accepted=reason)


def _retries_without_idempotency(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        if row.retry is not None and row.retry.max > 0 and row.idempotency is None:
            yield _finding(
                "a retried row says what makes repeating safe",
                (row,),
                'it retries and has no idempotency = "required", "effect-free", "delivery" or "method".',
            )


def paths(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Yield every path of rows on which the caller waits, longest included once, without repeating a row."""
    waiting = [one for one in rows if one.pattern != "streaming" or one.transport != "websocket"]

    def follow(path: tuple[Row, ...]) -> Iterator[tuple[Row, ...]]:
        places = _places(path[-1].to)
        nexts = [one for one in waiting if one.source in places and one not in path and not one.asynchronous]
        yield path
        if path[-1].asynchronous:
            # Its caller has gone on: what it causes has a budget of its own.
            return
        for one in nexts:
            yield from follow((*path, one))

    for row in waiting:
        yield from follow((row,))


def _places(name: str) -> set[str]:
    found, todo = set(), [name]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo.extend(ALIASES.get(one, ()))
    return found


def budget(row: Row) -> float | None:
    """Return the longest time that a row's call can take, retries included; None when nothing bounds it."""
    if row.total is not None:
        return row.total
    if row.timeout is None:
        return None
    return row.timeout * (1 + (row.retry.max if row.retry else 0))


def _inversions(rows: Sequence[Row]) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for path in paths(rows):
        timed = [one for one in path if one.timeout is not None]
        if len(timed) < 2:
            continue
        parent, child = timed[-2], timed[-1]
        if (parent.id, child.id) in seen or child is not path[-1]:
            continue
        seen.add((parent.id, child.id))
        inner, outer = budget(child), parent.timeout
        if inner is not None and outer is not None and inner > outer:
            yield _finding(
                "a child does not outlive its parent",
                (parent, child),
                f"{child.id} may take {inner:g} s, {parent.id} waits {outer:g} s.",
            )


def _multiplied_retries(rows: Sequence[Row]) -> Iterator[Finding]:
    seen: set[frozenset[str]] = set()
    for path in paths(rows):
        retrying = [one for one in path if one.retry is not None and one.retry.max > 0]
        if len(retrying) < 2 or path[-1] is not retrying[-1]:
            continue
        key = frozenset(one.id for one in retrying)
        if key not in seen:
            seen.add(key)
            factor = 1
            for one in retrying:
                factor *= 1 + (one.retry.max if one.retry else 0)
            yield _finding("one layer retries", retrying, f"one call can become {factor}.")


def _cycles(rows: Sequence[Row]) -> Iterator[Finding]:
    edges: dict[str, list[Row]] = {}
    for row in rows:
        if not row.asynchronous and row.transport != "websocket":
            edges.setdefault(row.source, []).append(row)
    seen: set[frozenset[str]] = set()

    def walk(place: str, path: tuple[Row, ...]) -> Iterator[Finding]:
        for row in edges.get(place, ()):
            if row in path:
                loop = path[path.index(row) :]
                key = frozenset(one.id for one in loop)
                if key not in seen:
                    seen.add(key)
                    yield _finding("no cycle of callers that wait", loop, "each waits for the next one.")
            else:
                yield from walk(row.to, (*path, row))

    for start in list(edges):
        yield from walk(start, ())
