"""The family of files of a context. Pure: names and templates in, texts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Template
from typing import Final

from autobot.cli.scaffold.names import ContextNames
from autobot.kernel.core.errors import ConfigurationError

REGISTER: Final = "src/autobot/bootstrap/registered.py"
IMPORTS: Final = ("# new context: imports", "# new context: end of imports")
ENTRIES: Final = ("# new context: entries", "# new context: end of entries")

FAMILY: Final[Mapping[str, str]] = {
    "init.py.tmpl": "src/autobot/contexts/$name/__init__.py",
    "domain.py.tmpl": "src/autobot/contexts/$name/domain.py",
    "ports.py.tmpl": "src/autobot/contexts/$name/ports.py",
    "handlers.py.tmpl": "src/autobot/contexts/$name/handlers.py",
    "read_model.py.tmpl": "src/autobot/contexts/$name/read_model.py",
    "module.py.tmpl": "src/autobot/contexts/$name/module.py",
    "contract.py.tmpl": "src/autobot/contracts/$name.py",
    "rest.py.tmpl": "src/autobot/gateway/rest/$name.py",
    "test.py.tmpl": "tests/unit/contexts/$name/test_$name.py",
}
"""Template → the file that it becomes."""


def context_files(names: ContextNames, templates: Mapping[str, str]) -> dict[str, str]:
    """Return path → text of every new file."""
    words = {"name": names.name, "entity": names.entity, "Entity": names.pascal, "words": names.words}
    return {
        Template(path).substitute(words): Template(templates[template]).substitute(words)
        for template, path in FAMILY.items()
    }


def registered(text: str, names: ContextNames) -> str:
    """Return the register with the context in it. Raises ConfigurationError when its marks are gone."""
    name = names.name
    imports = [
        f"from autobot.contexts.{name} import module as {name}_module",
        f"from autobot.contracts import {name} as {name}_contract",
        f"from autobot.gateway.rest import {name} as {name}_rest",
    ]
    entry = [
        "    Registered(",
        f"        events={name}_contract.EVENTS,",
        f"        module=lambda on: {name}_module.build(store=on.store, codec=on.codec, ids=on.ids),",
        f"        router={name}_rest.router,",
        "    ),",
    ]
    # The formatter wants an empty line between the last import and the mark.
    text = _between(text, IMPORTS, lambda lines: [*sorted([*filter(None, lines), *imports]), ""])
    return _between(text, ENTRIES, lambda lines: [*lines, *entry])


def _between(text: str, marks: tuple[str, str], change: Callable[[list[str]], list[str]]) -> str:
    lines = text.split("\n")
    bare = [line.strip() for line in lines]
    if any(bare.count(mark) != 1 for mark in marks):
        raise ConfigurationError(
            f"{REGISTER} has lost its marks.", hint=f"It needs the lines {marks[0]!r} and {marks[1]!r}."
        )
    start, end = bare.index(marks[0]) + 1, bare.index(marks[1])
    return "\n".join([*lines[:start], *change(lines[start:end]), *lines[end:]])
