"""The import rules hold, and each catches the wrong move that it is there for."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"

RINGS = "Rings: wiring > edges > contexts > contracts > kernel"
KERNEL = "Kernel: each brick stands only on the bricks below it"
CONTEXT = "Inside a context: module > handlers, read_model, process > ports > domain"
CONTEXTS = "Contexts never import one another; they meet in contracts"
ADAPTERS = "Adapters never import one another"
GATEWAY = "The gateway speaks contracts, never a context"
ADAPTER_PORTS = "An adapter sees a context only through its ports"
WORKER_PORTS = "What serves or calls a worker sees its ports alone"
PROTECTED = "Only the wiring and the test kit see an adapter"
NO_IO = "Kernel, contracts and contexts do no third-party I/O"
ARGUMENTS = "Time, chance, processes and environment come in by argument"
PLAIN = "The published language is plain dataclasses"
CORE_ALONE = "The published language stands on core alone"
NO_VENDOR = "The gateway knows the web, not the vendors"
ONE_CLIENT = "Only the HTTP adapter holds an HTTP client"
CYCLES = "No cycles among siblings anywhere"

# What each planted move may lean on: a context, its neighbour and two adapters of its own. {me} is unique to the move.
SCENERY = (
    "contexts/{me}/__init__.py",
    "contexts/{me}/domain.py",
    "contexts/{me}/ports.py",
    "contexts/{me}/handlers.py",
    "contexts/{me}/module.py",
    "contexts/{me}_too/__init__.py",
    "contexts/{me}_too/domain.py",
    "adapters/{me}/__init__.py",
    "adapters/{me}_too/__init__.py",
)

# The file that gets a line, what that line imports (empty: the file itself is out of place), and the rule that it breaks.
WRONG_MOVES = (
    ("kernel/core/{me}.py", "autobot.contracts", RINGS),
    ("contracts/{me}.py", "autobot.contexts.{me}", RINGS),
    ("contexts/{me}/domain.py", "autobot.adapters.{me}", RINGS),
    ("adapters/{me}/__init__.py", "autobot.config", RINGS),
    ("gateway/{me}.py", "autobot.adapters.{me}", RINGS),
    ("workers/{me}.py", "autobot.gateway", RINGS),
    ("config.py", "autobot.bootstrap", RINGS),
    ("{me}.py", "", RINGS),
    ("kernel/core/{me}.py", "autobot.kernel.links", KERNEL),
    ("kernel/resilience/{me}.py", "autobot.kernel.event_store", KERNEL),
    ("kernel/{me}/__init__.py", "", KERNEL),
    ("contexts/{me}/domain.py", "autobot.contexts.{me}.ports", CONTEXT),
    ("contexts/{me}/ports.py", "autobot.contexts.{me}.handlers", CONTEXT),
    ("contexts/{me}/helpers.py", "", CONTEXT),
    ("contexts/{me}/handlers.py", "autobot.contexts.{me}_too.domain", CONTEXTS),
    ("adapters/{me}/__init__.py", "autobot.adapters.{me}_too", ADAPTERS),
    ("gateway/{me}.py", "autobot.contexts.{me}.module", GATEWAY),
    ("adapters/{me}/__init__.py", "autobot.contexts.{me}.handlers", ADAPTER_PORTS),
    ("adapters/{me}/__init__.py", "autobot.workers.npu.comparing", WORKER_PORTS),
    ("gateway/{me}.py", "autobot.workers.npu.comparing", WORKER_PORTS),
    ("cli/{me}.py", "autobot.adapters.{me}", PROTECTED),
    ("kernel/links/{me}.py", "aiohttp", NO_IO),
    ("contexts/{me}/handlers.py", "apsw", NO_IO),
    ("kernel/resilience/{me}.py", "time", ARGUMENTS),
    ("contexts/{me}/handlers.py", "os", ARGUMENTS),
    ("contracts/{me}.py", "pydantic", PLAIN),
    ("contracts/{me}.py", "autobot.kernel.links", CORE_ALONE),
    ("gateway/{me}.py", "aiohttp", NO_VENDOR),
    ("adapters/{me}/__init__.py", "httpx", ONE_CLIENT),
    ("adapters/{me}/one.py", "autobot.adapters.{me}.two", CYCLES),
)


def copied(folder: Path) -> Path:
    """A copy of the sources and their rules in `folder`; returns its package."""
    package = folder / "src" / "autobot"
    shutil.copytree(ROOT / "src" / "autobot", package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return package


def plant(package: Path, number: int) -> None:
    """Put a wrong move, and what it leans on, into a copy."""
    file, imported, _ = WRONG_MOVES[number]
    for name in SCENERY:
        write(package / name.format(me=me(number)), "")
    write(
        package / f"adapters/{me(number)}/two.py",
        f"import autobot.adapters.{me(number)}.one" if file.endswith("one.py") else "",
    )
    write(
        package / file.format(me=me(number)), f"import {imported.format(me=me(number))}" if imported else ""
    )


def me(number: int) -> str:
    """The name that a move goes by."""
    return f"planted_{number:02}"


def write(path: Path, line: str) -> None:
    """Add a line to a file, which may be new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        handle.write(line + "\n")


def linted(folder: Path) -> tuple[int, str]:
    """Exit code and output of import-linter on a copy."""
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def verdicts(text: str) -> dict[str, str]:
    """Contract name → KEPT or BROKEN."""
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", text, re.MULTILINE))


@cache
def findings() -> dict[str, str]:
    """What import-linter says under each rule when every wrong move is planted in one copy."""
    with TemporaryDirectory() as folder:
        package = copied(Path(folder))
        for number in range(len(WRONG_MOVES)):
            plant(package, number)
        _, text = linted(Path(folder))
    parts = re.split(r"^(.+)\n-{5,}$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_tree_keeps_every_rule(tmp_path: Path) -> None:
    """The sources, with new contexts and adapters beside them, keep all import rules."""
    package = copied(tmp_path)
    for name in SCENERY:
        write(package / name.format(me="planted"), "")
    code, text = linted(tmp_path)
    assert code == 0, text
    assert verdicts(text) == dict.fromkeys((move[2] for move in WRONG_MOVES), "KEPT"), text


@pytest.mark.parametrize(
    "number", range(len(WRONG_MOVES)), ids=lambda number: " ".join(WRONG_MOVES[number][:2])
)
def test_a_wrong_move_is_caught(number: int) -> None:
    """A wrong import, or a file outside the layout, is reported under the rule that speaks of it."""
    file, imported, rule = (part.format(me=me(number)) for part in WRONG_MOVES[number])
    importer = ".".join(("autobot", *Path(file).with_suffix("").parts)).removesuffix(".__init__")
    assert rule in findings(), f"{rule} was kept"
    said = findings()[rule]
    if rule == CYCLES:
        expected = rf"No cycles are allowed in {re.escape(importer.rpartition('.')[0])}\."
    elif imported:
        expected = rf"{re.escape(importer)}\b.*-> {re.escape(imported)}\b"
    else:
        expected = rf"- {re.escape(importer)}\n"
    assert re.search(expected, said), said
