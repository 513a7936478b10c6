"""`autobot add PART`: installs what a part needs into this environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from autobot.cli.output import Exit, complain, say


def requirements(extra: str) -> list[str]:
    """Return the requirements of one of the project's extras, as its own metadata lists them."""
    try:
        declared = requires("autobot") or []
    except PackageNotFoundError:
        declared = []
    marker = f'extra == "{extra}"'
    plain = [one.replace("'", '"') for one in declared]
    return [one.split(";")[0].strip() for one in plain if marker in one]


def install(extras: Sequence[str]) -> int:
    """Install the extras by uv or pip. Prints what it runs; returns an exit code."""
    wanted = [one for extra in extras for one in requirements(extra)]
    beside = Path(sys.prefix).parent / ".tools" / "bin" / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    command = (
        [uv, "pip", "install", "--python", sys.executable, *wanted]
        if uv
        else [sys.executable, "-m", "pip", "install", *wanted]
    )
    say("$ " + " ".join(command))
    done = subprocess.run(command, check=False)  # noqa: S603 - our own argv, no shell
    if done.returncode != 0:
        complain(
            "The part could not be installed; nothing else was changed.", "Is the package index reachable?"
        )
        return Exit.FAILED
    say("Added. Restart AutoBot to use it.")
    return Exit.OK
