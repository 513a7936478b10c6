"""Reads the changes out of CONTRIBUTING.md and applies them as a person would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```diff\n\+\+\+ (?P<path>\S+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Change:
    """One block: a file, the lines that must be there, and what they become."""

    path: str
    before: str
    after: str


def section(text: str, title: str) -> str:
    """The part of a page below one heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the guide has no section “{title}”"
    return found[1]


def changes(text: str) -> list[Change]:
    """Every block of a section, in order."""
    found = []
    for block in BLOCK.finditer(text):
        lines = block["body"].splitlines()
        assert all(line[:1] in {"+", "-", " "} for line in lines), block["path"]
        before = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
        after = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
        found.append(Change(block["path"], before, after))
    return found


def apply(root: Path, change: Change) -> None:
    """Make a change. The lines that say where must stand in the file exactly once."""
    file = root / change.path
    text = file.read_text(encoding="utf-8")
    assert text.count(change.before) == 1, f"{change.path} has not once:\n{change.before}"
    file.write_text(text.replace(change.before, change.after), encoding="utf-8")
