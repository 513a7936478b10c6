"""The guide, which people read and the built-in assistant quotes, names only what exists."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from autobot.bootstrap import openapi_document
from autobot.config import KNOWN, LATER, PREFIX
from autobot.contexts.settings.domain.registry import DEFINITIONS
from autobot.gateway.access import PUBLIC
from tests.contract.docs.pages import (
    GUIDE,
    ROOT,
    called,
    commands,
    fenced,
    page,
    read_command,
    rows,
    section,
    spans,
    wrong,
)

KEYS = {one.key for one in DEFINITIONS}
FIRST_WORDS = {key.partition(".")[0] for key in KEYS}
RESERVED = set(LATER)
each_page = pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.name)
ROUTE = re.compile(r"(?:(GET|POST|PUT|PATCH|DELETE) )?(/(?:api/v1|v1|docs|openapi|problems|metrics|ws)\S*)")


@cache
def paths() -> dict[str, set[str]]:
    """Every documented path with its methods, as this version makes them."""
    documented = json.loads(openapi_document())["paths"]
    found = {path: {method.upper() for method in item} for path, item in documented.items()}
    for public in PUBLIC:
        method, path = public.split(" ", 1)
        found.setdefault(path, set()).add(method)
    return {_bare(path): methods for path, methods in found.items()} | {"/ws": {"GET"}, "/metrics": {"GET"}}


def _bare(path: str) -> str:
    """A path with its parameters unnamed: a reader may call them as they like."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def code(path: Path) -> str:
    """All code of a page."""
    text = path.read_text(encoding="utf-8")
    return "\n".join((*spans(text), *fenced(text)))


@each_page
def test_its_commands_exist(path: Path) -> None:
    """Every `autobot …` is a command with the options that stand beside it."""
    named = [one for text in called(path.read_text(encoding="utf-8")) for one in read_command(text)]
    assert [found for one in named if (found := wrong(one))] == []


@each_page
def test_its_settings_exist(path: Path) -> None:
    """Environment names and keys of settings are those of the product."""
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(rf"\b{PREFIX}([A-Z_]+)\b", text)) <= set(KNOWN)
    dotted = {span for span in spans(text) if re.fullmatch(r"[a-z]+\.[a-z_]+", span)}
    assert {one for one in dotted if one.partition(".")[0] in FIRST_WORDS} <= KEYS


@each_page
def test_its_routes_exist(path: Path) -> None:
    """Every address of the interface is one that this version answers, by that method."""
    wrongs = []
    for span in spans(path.read_text(encoding="utf-8")):
        route = ROUTE.fullmatch(span)
        if route is None:
            continue
        method, address = route[1], _bare(route[2].partition("?")[0])
        known = paths().get(address)
        below = known is None and method is None and any(one.startswith(address + "/") for one in paths())
        if not below and (known is None or (method is not None and method not in known)):
            wrongs.append(span)
    assert wrongs == []


def test_its_page_on_settings_names_every_environment_setting() -> None:
    """The table is complete, except for names reserved for later parts."""
    text = section(page("src/autobot/guide/settings.md"), "Environment variables")
    assert {name for row in rows(text) for name in spans(row[0])} == set(KNOWN) - RESERVED


def test_its_page_on_the_command_line_names_every_command() -> None:
    """Every command and every group stands in the table."""
    text = page("src/autobot/guide/command-line.md")
    told = {one.words[0] for span in called(text) for one in read_command(span)} - {"--help"}
    assert {path[0] for path in commands()} == told


def test_the_pages_are_read() -> None:
    """The guide is not empty, and routes are found in it."""
    assert len(GUIDE) >= 10
    assert sum(ROUTE.fullmatch(span) is not None for path in GUIDE for span in code(path).splitlines()) >= 5
    assert all(path.is_relative_to(ROOT) for path in GUIDE)
