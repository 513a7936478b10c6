"""Every table of documents has a past that can be asked, or says why it has none."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from autobot.bootstrap.history import NO_PAST, PAST, projections
from autobot.bootstrap.published import EVENTS
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.testing.virtual_time import ManualClock
from tests.architecture.sources import PACKAGE, below, tree

ANY_TABLE = {
    "kernel/event_store/past.py": "the tables of the projection that is folded",
    "kernel/sagas/shelf.py": "runs or sagas, both named where they are defined",
}
"""Files that write a table which they are given: file → which ones."""


def constants(path: Path) -> dict[str, str]:
    """Return the texts that a module gives names, and those that it imports by name."""
    found: dict[str, str] = {}
    for node in tree(path).body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            found |= {one.id: str(node.value.value) for one in targets if isinstance(one, ast.Name)}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autobot."):
            source = module_of(node.module or "")
            for alias in node.names:
                inner = module_of(f"{node.module}.{alias.name}")
                if inner is not None:
                    known = constants(inner)
                    found |= {f"{alias.asname or alias.name}.{key}": value for key, value in known.items()}
                elif source is not None and source != path and alias.name.isupper():
                    known = constants(source)
                    found |= {alias.asname or alias.name: known[alias.name]} if alias.name in known else {}
    return found


def module_of(dotted: str) -> Path | None:
    """Return the file of a module of ours, None when there is none of that name."""
    path = PACKAGE.parent / dotted.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def names_in(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what a table is named by: both ways of a choice."""
    if isinstance(value, ast.IfExp):
        yield from names_in(value.body)
        yield from names_in(value.orelse)
    else:
        yield value


def written(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield each table that a `Put` names, with its file; one that cannot be told raises AssertionError."""
    for path in paths:
        place, known = path.relative_to(PACKAGE).as_posix(), None
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "Put":
                continue
            known = constants(path) if known is None else known
            (table,) = (one.value for one in node.keywords if one.arg == "table")
            for value in names_in(table):
                if isinstance(value, ast.Constant):
                    yield str(value.value), place
                    continue
                name = ast.unparse(value)
                assert name in known or place in ANY_TABLE, f"{place}: which table is {name}?"
                if name in known:
                    yield known[name], place


def tables() -> Mapping[str, str]:
    """Return every table that the product writes, with a file that writes it."""
    paths = [one for one in below("src") if one.relative_to(PACKAGE).parts[0] not in {"testing", "adapters"}]
    return dict(written(paths)) | {"runs": "kernel/sagas/facts.py"}


def test_every_table_has_a_past_or_says_why_not() -> None:
    """A table that is new stands in PAST or NO_PAST of `bootstrap/history.py`; one that is gone stands in neither."""
    found = tables()
    assert {name: place for name, place in found.items() if name not in PAST.keys() | NO_PAST.keys()} == {}
    assert sorted((PAST.keys() | NO_PAST.keys()) - found.keys()) == []
    assert sorted(PAST.keys() & NO_PAST.keys()) == []
    assert all(NO_PAST.values())


def test_every_past_that_is_named_is_told() -> None:
    """The read models that PAST names are those that can be asked."""
    clock = ManualClock()
    codec = EventCodec(EVENTS, clock, Uuid7Source(clock, random.Random(1)), source="urn:test")
    told = {one.name for one in projections(codec)}
    assert set(PAST.values()) - told == set()
    assert told - set(PAST.values()) == {"links"}, (
        "rows have no table: what operators decided is in the log alone"
    )
