"""The import rules hold, and each catches the wrong move that it is there for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
PROTECTED = "Only the wiring and the test kit see an adapter"
NO_IO = "Kernel, contracts and contexts do no third-party I/O"
ARGUMENTS = "Time, chance, processes and environment come in by argument"
PLAIN = "The published language is plain dataclasses"
CORE_ALONE = "The published language stands on core alone"
NO_VENDOR = "The gateway knows the web, not the vendors"
ONE_CLIENT = "Only the HTTP adapter holds an HTTP client"
CYCLES = "No cycles among siblings anywhere"

# A context and two adapters that every planted move may lean on.
SCENERY = {
    "contexts/planted/__init__.py": "",
    "contexts/planted/domain.py": "",
    "contexts/planted/ports.py": "",
    "contexts/planted/handlers.py": "",
    "contexts/planted/module.py": "",
    "contexts/planted_too/__init__.py": "",
    "contexts/planted_too/domain.py": "",
    "adapters/planted/__init__.py": "",
    "adapters/planted_too/__init__.py": "",
}

WRONG_MOVES = [
    ("kernel/core/planted.py", "import autobot.contracts", RINGS),
    ("contracts/planted.py", "import autobot.contexts", RINGS),
    ("contexts/planted/domain.py", "import autobot.adapters.planted", RINGS),
    ("adapters/planted/__init__.py", "import autobot.config", RINGS),
    ("gateway/planted.py", "import autobot.adapters.planted", RINGS),
    ("workers/planted.py", "import autobot.gateway", RINGS),
    ("config.py", "import autobot.bootstrap", RINGS),
    ("helpers.py", "", RINGS),
    ("kernel/core/planted.py", "import autobot.kernel.links", KERNEL),
    ("kernel/resilience/planted.py", "import autobot.kernel.event_store", KERNEL),
    ("kernel/helpers/__init__.py", "", KERNEL),
    ("contexts/planted/domain.py", "import autobot.contexts.planted.ports", CONTEXT),
    ("contexts/planted/ports.py", "import autobot.contexts.planted.handlers", CONTEXT),
    ("contexts/planted/helpers.py", "", CONTEXT),
    ("contexts/planted/handlers.py", "import autobot.contexts.planted_too.domain", CONTEXTS),
    ("adapters/planted/__init__.py", "import autobot.adapters.planted_too", ADAPTERS),
    ("gateway/planted.py", "import autobot.contexts.planted.module", GATEWAY),
    ("adapters/planted/__init__.py", "import autobot.contexts.planted.handlers", ADAPTER_PORTS),
    ("cli/planted.py", "import autobot.adapters.planted", PROTECTED),
    ("kernel/links/planted.py", "import aiohttp", NO_IO),
    ("contexts/planted/handlers.py", "import apsw", NO_IO),
    ("kernel/resilience/planted.py", "import time", ARGUMENTS),
    ("contexts/planted/handlers.py", "import os", ARGUMENTS),
    ("contracts/planted.py", "import pydantic", PLAIN),
    ("contracts/planted.py", "import autobot.kernel.links", CORE_ALONE),
    ("gateway/planted.py", "import aiohttp", NO_VENDOR),
    ("adapters/planted/__init__.py", "import httpx", ONE_CLIENT),
    ("adapters/planted/one.py", "import autobot.adapters.planted.two", CYCLES),
]


def planted(folder: Path, *plants: dict[str, str]) -> Path:
    """A copy of the sources and their rules in `folder`, with lines added to files."""
    package = folder / "src" / "autobot"
    shutil.copytree(ROOT / "src" / "autobot", package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, line in (item for files in plants for item in files.items()):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as handle:
            handle.write(line + "\n")
    return folder


def verdicts(folder: Path) -> tuple[int, dict[str, str], str]:
    """Exit code, contract name → KEPT or BROKEN, and the whole output of import-linter on a copy."""
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout + done.stderr
    return done.returncode, dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", text, re.MULTILINE)), text


def test_the_tree_keeps_every_rule(tmp_path: Path) -> None:
    """The sources, with a new context and two new adapters beside them, keep all import rules."""
    code, found, text = verdicts(planted(tmp_path, SCENERY))
    assert code == 0, text
    assert found == dict.fromkeys({move[2] for move in WRONG_MOVES}, "KEPT"), text


@pytest.mark.parametrize(("file", "line", "rule"), WRONG_MOVES, ids=lambda value: str(value)[:40])
def test_a_wrong_move_is_caught(tmp_path: Path, file: str, line: str, rule: str) -> None:
    """A wrong import or a file outside the layout breaks exactly the rule that speaks of it."""
    other_half = {"adapters/planted/two.py": "import autobot.adapters.planted.one"} if rule == CYCLES else {}
    code, found, text = verdicts(planted(tmp_path, SCENERY, other_half, {file: line}))
    assert code != 0, text
    assert found.get(rule) == "BROKEN", text
