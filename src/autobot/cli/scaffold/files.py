"""Reads templates and the checkout, and writes: all files or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from autobot.kernel.core.errors import Absent, Conflict

TEMPLATES: Final = Path(__file__).parent / "templates"
CHECKOUT: Final = Path(__file__).resolve().parents[4]
"""The project's root, where this package lies in a checkout."""


def checkout() -> Path:
    """Return the project's root. Raises Absent where the package was installed without its sources."""
    if not (CHECKOUT / "pyproject.toml").is_file() or not (CHECKOUT / "src" / "autobot").is_dir():
        raise Absent(
            "checkout",
            "New code is written into a checkout of the project, and this is an installed package.",
            hint="Clone the project and run .venv/bin/autobot there.",
        )
    return CHECKOUT


def templates() -> dict[str, str]:
    """Return every template by its file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.tmpl")}


def declared_classes(root: Path) -> frozenset[str]:
    """Return the names of all classes of the published language."""
    sources = (root / "src" / "autobot" / "contracts").rglob("*.py")
    found = (re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE) for path in sources)
    return frozenset(name for names in found for name in names)


def refuse_taken(root: Path, new: Iterable[str]) -> None:
    """Raise Conflict when one of these files is there already."""
    taken = sorted(path for path in new if (root / path).exists())
    if taken:
        raise Conflict(f"{taken[0]} is there already; nothing was written.", hint="Choose another name.")


def write_all(root: Path, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Write new files, then change those that are there. Raises Conflict, and then nothing was written."""
    refuse_taken(root, new)
    before = {path: (root / path).read_text(encoding="utf-8") for path in changed}
    written: list[Path] = []
    try:
        for path, text in new.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            written.append(root / path)
            (root / path).write_text(text, encoding="utf-8")
        for path, text in changed.items():
            (root / path).write_text(text, encoding="utf-8")
    except OSError:
        for file in written:
            file.unlink(missing_ok=True)
        for path, text in before.items():
            (root / path).write_text(text, encoding="utf-8")
        raise
