"""Reads the project's pages: tables, code, links, and the commands that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

from autobot.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
GUIDE = sorted((ROOT / "src" / "autobot" / "guide").glob("*.md"))
ROOT_PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCS = sorted((ROOT / "docs").rglob("*.md"))

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s(/])autobot((?: (?:\[?-{1,2}[a-z]|[a-z])[^\s,;|&>`]*)+)")


def page(name: str) -> str:
    """The text of a page at the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """The part of a page below one heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section “{title}”"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [index for index, row in enumerate(cells) if all(set(cell) <= set("-: ") for cell in row)]
    heads = {index - 1 for index in ruled} | set(ruled)
    return [row for index, row in enumerate(cells) if index not in heads]


def spans(text: str) -> list[str]:
    """Every code span outside fenced blocks."""
    return SPAN.findall(FENCE.sub("", text))


def fenced(text: str) -> list[str]:
    """Every fenced block."""
    return FENCE.findall(text)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@dataclass(frozen=True)
class Named:
    """A command as a page names it."""

    words: tuple[str, ...]
    options: tuple[str, ...]


def commands() -> dict[tuple[str, ...], frozenset[str]]:
    """Every command of the command line with its options."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            names = [name for one in command.params for name in (*one.opts, *one.secondary_opts)]
            yield path, frozenset(name for name in names if name.startswith("-"))
            return
        for name, one in inner.items():
            yield from walk(one, (*path, name))

    return dict(walk(typer.main.get_command(app), ()))


def read_command(text: str) -> list[Named]:
    """Read `users list · add` or `keys create NAME --scope '*' [--user NAME]` as the commands that it names."""
    known = commands()
    groups = {path[0] for path in known if len(path) == 2}
    words = text.replace("[", " ").replace("]", " ").split()
    options = tuple(word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word))
    if words[0] not in groups or len(words) == 1:
        return [Named((words[0],), options)]
    plain = [words[1], *(words[at + 1] for at, word in enumerate(words[:-1]) if word == "·")]
    return [Named((words[0], one), options) for one in plain]


def wrong(named: Named) -> str | None:
    """What is wrong with a command, None when it exists with its options."""
    if named.words[0].startswith("--") or any(path[:1] == named.words for path in commands()):
        # The program's own options, and a group as a whole.
        return (
            None
            if named.words[0] in {path[0] for path in commands()} | {"--help"}
            else f"no {named.words[0]}"
        )
    found = commands().get(named.words)
    if found is None:
        return f"autobot {' '.join(named.words)} is no command"
    unknown = [one for one in named.options if one not in found and one not in {"--help", "--json"}]
    return f"autobot {' '.join(named.words)} has no {unknown[0]}" if unknown else None


def called(text: str) -> list[str]:
    """Every `autobot …` in code spans and blocks, without the program's name."""
    return [found.strip() for code in (*spans(text), *fenced(text)) for found in COMMAND.findall(code)]
