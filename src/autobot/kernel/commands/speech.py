"""What a process speaks: one word for the shapes of all its commands, queries and answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from hashlib import blake2b
from typing import Any, get_args, get_type_hints

from autobot.kernel.commands.decision import Module

DIGEST_BYTES = 8


def contracts_of(modules: Iterable[Module]) -> str:
    """Return 16 hexadecimal digits that are the same for two processes whose published language is the same.

    Field names, types with their limits, and whether a field may be left out count; documentation does not.
    """
    seen: dict[str, str] = {}
    for module in modules:
        for command in module.commands:
            _note(command.command, seen)
            _note(command.answer, seen)
        for query in module.queries:
            _note(query.query, seen)
            _note(get_type_hints(query.handler, include_extras=True).get("return"), seen)
    text = "\n".join(f"{name}: {shape}" for name, shape in sorted(seen.items()))
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _note(kind: Any, seen: dict[str, str]) -> None:
    """Note the shape of a type and of all that it holds."""
    for inner in get_args(kind):
        _note(inner, seen)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name in seen:
        return
    hints = get_type_hints(kind, include_extras=True)
    parts = []
    for one in fields(kind):
        needed = one.default is MISSING and one.default_factory is MISSING
        parts.append(f"{one.name}{'' if needed else '?'}: {hints[one.name]}")
    seen[name] = "; ".join(parts)
    for one in fields(kind):
        _note(hints[one.name], seen)
