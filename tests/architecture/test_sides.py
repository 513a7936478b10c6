"""Each context keeps what changes state apart from what answers, under the same names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autobot.bootstrap.outside import memory_outside
from autobot.bootstrap.product import assemble
from autobot.config import Config
from tests.architecture.sources import PACKAGE, name, tree

CONTEXTS = PACKAGE / "contexts"
WRITE, READ = "handlers", "read_model"


def modules() -> Any:
    """The doors of all contexts, as the product is made of them."""
    return assemble(Config(), memory_outside()).modules


def home(handler: Any) -> list[str]:
    """Return where the class or function stands that does the work, below its context."""
    owner = getattr(handler, "__self__", None)
    place = type(owner).__module__ if owner is not None else handler.__module__
    return str(place).split(".")[3:]


def test_commands_are_handled_on_the_write_side_and_queries_on_the_read_side() -> None:
    """What a command names stands in `handlers`, what a query names in `read_model`, in every context."""
    wrong = []
    for module in modules():
        for specs, side in ((module.commands, WRITE), (module.queries, READ)):
            wrong += [
                f"{module.name}: {getattr(one, 'command', None) or one.query} in {'.'.join(home(one.handler))}"
                for one in specs
                if home(one.handler)[:1] != [side]
            ]
    assert wrong == []


def files_of(side: str) -> Iterator[Path]:
    """Yield the files of a side of all contexts."""
    for context in sorted(CONTEXTS.iterdir()):
        yield from (one for one in (context / f"{side}.py",) if one.is_file())
        yield from sorted((context / side).glob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield modules and names that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", one.name) for one in node.names)


def test_the_read_side_writes_nothing() -> None:
    """No file of a read side makes a decision, emits a fact, or commits; projections return their writes."""
    wrong = [
        f"{name(path)}: {word}"
        for path in files_of(READ)
        for module, word in imports(path)
        if (module.endswith("commands.decision") and word == "Emit")
        or (module.endswith("event_store.transaction") and word in {"Transaction", "Append", "Erase"})
    ]
    wrong += [
        f"{name(path)}:{node.lineno}: commit"
        for path in files_of(READ)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert wrong == []


def test_a_context_has_the_same_file_names_as_the_others() -> None:
    """With commands comes `handlers`, with queries `read_model`; what a context is made of is named as in all of them."""
    known = {"domain", "ports", WRITE, READ, "process", "module", "__init__", "__pycache__"}
    own = {
        "agents": {
            "agent",
            "budget",
            "assistant",
            "catalogue",
            "facade",
            "limits",
            "metering",
            "orchestrator",
            "pool",
            "quotas",
            "rewriting",
            "ranking",
            "routing",
            "similar",
            "spoken",
            "tools",
            "window",
        }
    }
    for context in (one for one in sorted(CONTEXTS.iterdir()) if one.is_dir() and one.name != "__pycache__"):
        found = {one.stem for one in context.iterdir()}
        assert found - known - own.get(context.name, set()) == set(), context.name
        assert {WRITE, READ, "module"} <= found, context.name
