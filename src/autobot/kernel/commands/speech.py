"""What a process speaks: the schemas of all its commands, queries and answers, known by a fingerprint.

A caller may call a process when that one knows every command and query of its role that the caller may send, reads
all that the caller can write in them, and answers nothing that the caller cannot read. The callee may know more: so
it is exchanged for a newer one first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.wire import answer_of_query
from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.messaging.schemas.inclusion import Difference, differences

DIGITS: Final = 32
"""Hexadecimal digits of a fingerprint: 128 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A command or query: the role that handles it, the schemas of what is sent and of the answer."""

    role: str
    payload: Any
    answer: Any


@dataclass(frozen=True, slots=True)
class Contracts:
    """All that can be asked, by the name of the command or query."""

    operations: Mapping[str, Operation]

    def document(self) -> dict[str, Any]:
        """Return them as JSON types; `contracts_in` reads them."""
        found: dict[str, Any] = msgspec.to_builtins(dict(self.operations))
        return found

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits of BLAKE2b over the canonical JSON."""
        return fingerprint("contracts", canonical_json(self.document()))[:DIGITS]


def contracts_in(document: Mapping[str, Any]) -> Contracts:
    """Return the contracts of a stored document."""
    return Contracts(msgspec.convert(dict(document), dict[str, Operation]))


def contracts_of(
    modules: Iterable[Module], schema: Callable[[Any], Any], role_of: Callable[[str], str]
) -> Contracts:
    """Return what modules can be asked. `schema` makes the JSON Schema of a type; `role_of` says where a context runs.

    Raises ConfigurationError for a query whose handler does not declare its answer.
    """
    found: dict[str, Operation] = {}
    for module in modules:
        asked = [(spec.command, spec.answer) for spec in module.commands]
        asked += [(spec.query, answer_of_query(spec)) for spec in module.queries]
        for kind, answer in asked:
            found[kind.__name__] = Operation(
                role=role_of(module.name), payload=schema(kind), answer=schema(answer)
            )
    return Contracts(found)


def reason_against(caller: Contracts, callee: Contracts, roles: Iterable[str]) -> str:
    """Return why `caller` must not call a process that holds `roles` and speaks as `callee`; "" when it may."""
    held, found = frozenset(roles), list[str]()
    for name, sent in sorted(caller.operations.items()):
        if sent.role not in held:
            continue
        handled = callee.operations.get(name)
        if handled is None:
            found.append(f"it does not know {name}")
            continue
        found += _told(f"{name} as it is sent", differences(sent.payload, handled.payload))
        # Who reads an answer skips members that it does not know; who is told to do something must know them all.
        found += _told(f"the answer to {name}", differences(handled.answer, sent.answer, tolerant=True))
    if not found:
        return ""
    return found[0] if len(found) == 1 else f"{found[0]}, and {len(found) - 1} more"


def _told(what: str, found: list[Difference]) -> list[str]:
    return [f"{what}: {one.detail} at {one.reader_at or '/'}" for one in found]
