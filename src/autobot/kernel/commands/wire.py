"""Commands and queries on a hop: by their names in the published language, and nothing else.

`bus_wires` is what both ends of a row to the bus are built with. Only what the given specs publish can be
asked; the answer's type is the one that its spec declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_type_hints

import msgspec

from autobot.kernel.commands.decision import Answer, CommandSpec, QuerySpec
from autobot.kernel.commands.linked import COMMAND, QUERY, REPORT
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.wire import ByName, Wire, decoder_of, read_answer, read_payload

_encode: Final = msgspec.json.encode


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command with its idempotency key."""

    name: str
    fields: msgspec.Raw
    key: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    """What the bus answered."""

    value: msgspec.Raw
    position: int
    replayed: bool = False


_command: Final = msgspec.json.Decoder(_Command)
_answer: Final = msgspec.json.Decoder(_Answer)


class CommandWire:
    """Implements `Wire` for (command, key) → Answer. `answers` has the type that each command is answered with."""

    def __init__(self, answers: Mapping[type[Any], Any]) -> None:
        self._names = ByName(answers, "command")
        self._answers = {
            kind: decoder_of(answer, f"the answer to {kind.__name__}") for kind, answer in answers.items()
        }

    def payload_bytes(self, payload: Any) -> bytes:
        """Return what is sent."""
        command, key = payload
        return _encode(_Command(self._names.name(command), msgspec.Raw(_encode(command)), key))

    def payload_of(self, body: bytes) -> Any:
        """Return (command, key)."""
        found: _Command = read_payload(_command, body, "This command")
        return self._names.payload(found.name, found.fields), found.key

    def answer_bytes(self, answer: Answer[Any]) -> bytes:
        """Return the whole answer."""
        return _encode(_Answer(msgspec.Raw(_encode(answer.value)), answer.position, answer.replayed))

    def answer_of(self, payload: Any, body: bytes) -> Answer[Any]:
        """Return the whole answer."""
        kind = type(payload[0])
        found: _Answer = read_answer(_answer, body, kind.__name__)
        value = read_answer(self._answers[kind], found.value, kind.__name__)
        return Answer(value=value, position=found.position, replayed=found.replayed)


class QueryWire:
    """Implements `Wire` for query → answer. `answers` has the type that each query is answered with."""

    def __init__(self, answers: Mapping[type[Any], Any]) -> None:
        self._names = ByName(answers, "query")
        self._answers = {
            kind: decoder_of(answer, f"the answer to {kind.__name__}") for kind, answer in answers.items()
        }

    def payload_bytes(self, payload: Any) -> bytes:
        """Return what is sent."""
        return self._names.encode(payload)

    def payload_of(self, body: bytes) -> Any:
        """Return the query."""
        return self._names.decode(body)

    def answer_bytes(self, answer: Any) -> bytes:
        """Return the answer."""
        return _encode(answer)

    def answer_of(self, payload: Any, body: bytes) -> Any:
        """Return the answer."""
        kind = type(payload)
        return read_answer(self._answers[kind], body, kind.__name__)


def answer_of_query(spec: QuerySpec) -> Any:
    """Return the type that a query's handler declares to return.

    Raises ConfigurationError, naming the query, for a handler that declares none or anything at all.
    """
    try:
        declared = get_type_hints(spec.handler, include_extras=True).get("return", Any)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"What answers the query {spec.query.__name__} has annotations that cannot be read: {error}."
        ) from error
    if declared is Any or declared is object:
        raise ConfigurationError(
            f"What answers the query {spec.query.__name__} does not declare its answer, so it cannot cross a hop."
        )
    return declared


def bus_wires(commands: Iterable[CommandSpec], queries: Iterable[QuerySpec]) -> dict[str, Wire]:
    """Return the wires of rows to the bus: its operations `command`, `query` and `report`.

    Raises ConfigurationError, naming the command or query, for one whose types cannot cross a hop.
    """
    asked = tuple(queries)
    reports = {spec.query: answer_of_query(spec) for spec in asked if spec.report}
    return {
        COMMAND.name: CommandWire({spec.command: spec.answer for spec in commands}),
        QUERY.name: QueryWire({spec.query: answer_of_query(spec) for spec in asked if not spec.report}),
        REPORT.name: QueryWire(reports),
    }
