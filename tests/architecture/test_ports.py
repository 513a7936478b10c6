"""A port is a promise, and a promise has a suite that every adapter passes."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import PACKAGE, below, name, tree

SUITES = PACKAGE / "testing" / "conformance"

# Protocols that no adapter fulfils, or whose promise is proven elsewhere: name → why.
WITHOUT_SUITE: dict[str, str] = {}


def protocols() -> Iterator[tuple[str, str]]:
    """Every Protocol that kernel and contexts declare: its name and where it stands."""
    for path in below("src"):
        if path.relative_to(PACKAGE).parts[0] not in {"kernel", "contexts"}:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).startswith("Protocol") for base in node.bases
            ):
                yield node.name, f"{name(path)}:{node.lineno}"


def named_by_suites() -> set[str]:
    """Every name that a conformance suite imports from kernel or contexts."""
    return {
        alias.name
        for path in below("src")
        if path.is_relative_to(SUITES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("autobot.kernel", "autobot.contexts"))
        for alias in node.names
    }


def test_every_port_has_a_conformance_suite() -> None:
    """Each Protocol of kernel and contexts is the subject of a module in `autobot.testing.conformance`."""
    suites = named_by_suites()
    missing = [
        f"{place}: {port}" for port, place in protocols() if port not in suites and port not in WITHOUT_SUITE
    ]
    assert missing == [], (
        "write src/autobot/testing/conformance/<port>.py, or say in WITHOUT_SUITE why there is none"
    )


def test_exceptions_are_still_true() -> None:
    """The list of ports without a suite names only such ports, each with a reason."""
    declared = {port for port, _ in protocols()}
    assert WITHOUT_SUITE.keys() <= declared, "the port is gone: take it off the list"
    assert not WITHOUT_SUITE.keys() & named_by_suites(), "it has a suite now: take it off the list"
    assert all(WITHOUT_SUITE.values())
