"""Rules of the layout that imports cannot show; each failure names the cure."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT, below, functions, name, tracked, tree

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400

# The ratchet: what is over the limit today, with its present size. Sizes here may only fall.
LONG_FUNCTIONS: dict[str, int] = {}
LONG_FILES: dict[str, int] = {}

# Put together from halves, so that this file does not name them.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "proxy.golang" + ".org",
    "crates" + ".io",
)
# Written by package managers, not by people.
LOCK_FILES = ("uv.lock", "web/package-lock.json")

UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|not implemented yet|placeholder implementation"
    r"|simulated (output|result)",
)
PATCHED = re.compile(r"unittest\.mock|from mock import|monkeypatch\.setattr|\bmocker\b")
SLEEPS = re.compile(r"\b(asyncio|time|anyio|trio)\.sleep\((?!0\))")
VIRTUAL = "autobot.testing.virtual_time"
LOGGED_EXCEPTIONS = {"pass", "..."}


def test_every_package_folder_has_an_init_file() -> None:
    """A folder with Python files and no `__init__.py` is invisible to import-linter, so there is none."""
    folders = {path.parent for path in below("src")}
    parents = {parent for folder in folders for parent in folder.parents if parent.is_relative_to(PACKAGE)}
    missing = sorted(name(folder) for folder in folders | parents if not (folder / "__init__.py").is_file())
    assert missing == [], "add an __init__.py with a one-line docstring"


def test_functions_stay_short() -> None:
    """A function has at most 50 lines; what the ratchet allows may only shrink."""
    sizes = {}
    for path in below("src", "tools"):
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                sizes[f"{name(path)}::{function.name}"] = lines
    grown = {key: lines for key, lines in sizes.items() if lines > LONG_FUNCTIONS.get(key, 0)}
    assert grown == {}, "split what does two things"
    assert LONG_FUNCTIONS.keys() <= sizes.keys(), "it is short now: take it off the list"


def test_files_stay_short() -> None:
    """A file has at most 400 lines; what the ratchet allows may only shrink."""
    sizes = {
        name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in below("src", "tools", "tests")
    }
    long = {key: lines for key, lines in sizes.items() if lines > FILE_LINES_MAX}
    grown = {key: lines for key, lines in long.items() if lines > LONG_FILES.get(key, 0)}
    assert grown == {}, "a file that holds two ideas becomes two files"
    assert LONG_FILES.keys() <= long.keys(), "it is short now: take it off the list"


def test_no_file_names_a_package_registry() -> None:
    """Files that people write name packages, never the host that serves them: each machine has its own mirror."""
    found = []
    for path in tracked():
        if name(path) in LOCK_FILES or path.stat().st_size > 2_000_000:
            continue
        text = path.read_bytes()
        found += [f"{name(path)}: {host}" for host in REGISTRY_HOSTS if host.encode() in text]
    assert found == []


@pytest.mark.parametrize(
    ("folders", "suffixes", "pattern", "cure"),
    [
        (
            ("src", "web", "tools"),
            (".py", ".ts", ".vue"),
            UNFINISHED,
            "finish it, or raise Absent with the step that adds it",
        ),
        (("tests",), (".py",), PATCHED, "write a fake that passes the port's conformance suite"),
    ],
    ids=["nothing unfinished", "no mocks"],
)
def test_banned_words(
    folders: tuple[str, ...], suffixes: tuple[str, ...], pattern: re.Pattern[str], cure: str
) -> None:
    """Words that stand for work not done and for patched code do not occur."""
    speaks_of_them = Path(__file__).parent
    files = [
        path
        for suffix in suffixes
        for path in below(*folders, suffix=suffix)
        if path.parent != speaks_of_them
    ]
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    assert found == [], cure


def _runs_in_virtual_time(text: str) -> bool:
    """Whether a test file, or a helper of the tests that it imports, sets up virtual time."""
    helpers = [
        ROOT / f"{way.replace('.', '/')}.py" for way in re.findall(r"(?m)^from (tests[\w.]+) import", text)
    ]
    return any(
        VIRTUAL in one
        for one in (text, *(path.read_text(encoding="utf-8") for path in helpers if path.is_file()))
    )


def test_tests_do_not_sleep() -> None:
    """No test waits for wall-clock time; in virtual time asyncio.sleep only moves the clock."""
    found = []
    for path in below("tests"):
        if path.parent == Path(__file__).parent:
            continue
        text = path.read_text(encoding="utf-8")
        virtual = _runs_in_virtual_time(text)
        for number, line in enumerate(text.splitlines(), start=1):
            sleep = SLEEPS.search(line)
            if sleep and not (virtual and sleep[1] == "asyncio"):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    assert found == [], "wait for an event, or use virtual time"


def test_no_error_is_swallowed() -> None:
    """No handler of a broad exception does nothing."""
    found = []
    for path in below("src", "tools"):
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            if broad and all(ast.unparse(line) in LOGGED_EXCEPTIONS for line in node.body):
                found.append(f"{name(path)}:{node.lineno}")
    assert found == [], "map it to the error tree, or let it pass"


def test_tests_say_what_they_prove() -> None:
    """Every test has a docstring that states the behaviour."""
    found = []
    for path in below("tests"):
        if not path.name.startswith("test_"):
            continue
        found += [
            f"{name(path)}:{function.lineno}: {function.name}"
            for function in functions(path)
            if function.name.startswith("test_") and not ast.get_docstring(function)
        ]
    assert found == [], "say in a sentence what the product does"


def test_contracts_are_frozen_slotted_keyword_only() -> None:
    """Every dataclass of the published language is frozen, slotted and keyword-only."""
    found = []
    for path in below("src"):
        if not path.is_relative_to(PACKAGE / "contracts"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                found += [
                    f"{name(path)}:{node.lineno}: {node.name}" for use in node.decorator_list if _loose(use)
                ]
    assert found == [], "write @dataclass(frozen=True, slots=True, kw_only=True)"


def _loose(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if ast.unparse(called) not in {"dataclass", "dataclasses.dataclass"}:
        return False
    given = (
        {word.arg: ast.unparse(word.value) for word in decorator.keywords}
        if isinstance(decorator, ast.Call)
        else {}
    )
    return any(given.get(flag) != "True" for flag in ("frozen", "slots", "kw_only"))


def test_every_suite_that_make_test_runs_is_a_folder_of_tests() -> None:
    """No folder of tests is left out of `make test`."""
    from tools.suites import REQUIRED_FOLDERS

    holding = {
        "/".join(path.relative_to(ROOT).parts[:2]) for path in below("tests") if path.name.startswith("test_")
    }
    assert holding <= set(REQUIRED_FOLDERS), "name the folder in tools/suites.py"
