"""A port is a promise, and a promise has a suite that every adapter passes."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import PACKAGE, below, name, tree

SUITES = PACKAGE / "testing" / "conformance"

# Ports that stand beside what they belong to instead of in a `ports` module.
MARKED = {
    "Clock",
    "IdSource",
    "Chance",
    "Limiter",
    "Listener",
    "Presence",
    "ServiceTokens",
    "Transport",
    "TransientChannels",
}

# Ports that no adapter fulfils, or whose promise is proven elsewhere: name → why.
WITHOUT_SUITE: dict[str, str] = {
    "LinkControl": "bootstrap's view of the registry of this process; tested on the real registry",
    "HealthBoard": "bootstrap's prober of this process; tested on real dependencies",
    "Upkeep": "bootstrap's care for the data folder; tested on real folders",
    "Facts": "bootstrap's word on this process; tested over HTTP on the whole app",
}


def ports() -> Iterator[tuple[str, str]]:
    """Every Protocol that stands in a `ports` module of kernel, a context or a worker, or is marked: its name and its place."""
    for path in below("src"):
        way = path.relative_to(PACKAGE).with_suffix("").parts
        if way[0] not in {"kernel", "contexts", "workers"}:
            continue
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ClassDef) or not ("ports" in way or node.name in MARKED):
                continue
            if any(ast.unparse(base).startswith("Protocol") for base in node.bases):
                yield node.name, f"{name(path)}:{node.lineno}"


def named_by_suites() -> set[str]:
    """Every name that a conformance suite imports from kernel, contexts or workers."""
    return {
        alias.name
        for path in below("src")
        if path.is_relative_to(SUITES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("autobot.kernel", "autobot.contexts", "autobot.workers"))
        for alias in node.names
    }


def test_every_port_has_a_conformance_suite() -> None:
    """Each port of kernel, contexts and workers is the subject of a module in `autobot.testing.conformance`."""
    suites = named_by_suites()
    missing = [
        f"{place}: {port}" for port, place in ports() if port not in suites and port not in WITHOUT_SUITE
    ]
    assert missing == [], (
        "write src/autobot/testing/conformance/<port>.py, or say in WITHOUT_SUITE why there is none"
    )


def test_exceptions_are_still_true() -> None:
    """The list of ports without a suite names only such ports, each with a reason."""
    declared = {port for port, _ in ports()}
    assert WITHOUT_SUITE.keys() <= declared, "the port is gone: take it off the list"
    assert not WITHOUT_SUITE.keys() & named_by_suites(), "it has a suite now: take it off the list"
    assert all(WITHOUT_SUITE.values())


def test_marked_ports_are_there() -> None:
    """The ports that stand outside a `ports` module are found under their names."""
    assert {port for port, _ in ports()} >= MARKED
