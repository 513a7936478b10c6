"""What a call becomes on a hop between two roles: bytes by declared types, and back. No code travels.

Each operation of a row has one `Wire`. Both roles build it of the same contracts, so a payload or an answer that
was not declared cannot cross. The form is JSON, as the store keeps answers: an answer over a hop is exactly
what a repeated idempotency key would get.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Final, Protocol, Union, get_args, get_origin

import msgspec

from autobot.kernel.core.errors import BadAnswer, ConfigurationError, InvalidInput, Malformed

_encode: Final = msgspec.json.encode


class Wire(Protocol):
    """Payload and answer of one operation as bytes. Pure; the same object serves any number of calls.

    On a stream the answer is each chunk.
    """

    def payload_bytes(self, payload: Any) -> bytes:
        """Return what is sent. Raises TypeError for a payload that the operation does not take."""
        ...

    def payload_of(self, body: bytes) -> Any:
        """Return the payload. Raises Malformed for what is no such form, InvalidInput for a wrong value."""
        ...

    def answer_bytes(self, answer: Any) -> bytes:
        """Return what is answered. Raises TypeError for an answer that was not declared."""
        ...

    def answer_of(self, payload: Any, body: bytes) -> Any:
        """Return the answer to `payload`. Raises BadAnswer for what was not declared."""
        ...


Wires = Mapping[str, Wire]
"""The operations of a row, by name."""


def decoder_of(kind: Any, what: str) -> msgspec.json.Decoder[Any]:
    """Return the strict reader of a type. Raises ConfigurationError, naming `what`, for one that cannot be read."""
    try:
        return msgspec.json.Decoder(kind)
    except TypeError as error:
        raise ConfigurationError(f"{what} cannot cross a hop: {error}") from error


def read_payload(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw, what: str) -> Any:
    """Return what `body` holds. Raises Malformed for no JSON, InvalidInput for what breaks its type."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{what}: {error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"{what} is not JSON.") from error


def read_answer(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw, what: str) -> Any:
    """Return what `body` holds. Raises BadAnswer for anything but the decoder's type."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer(f"The answer to {what} is not what was declared.") from error


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of several contracts, by its name."""

    name: str
    fields: msgspec.Raw


_named: Final = msgspec.json.Decoder(_Named)


class ByName:
    """Several contracts told apart by their names. Raises ConfigurationError for two of one name."""

    def __init__(self, kinds: Iterable[type[Any]], what: str) -> None:
        self._what = what
        self._decoders: dict[str, tuple[type[Any], msgspec.json.Decoder[Any]]] = {}
        for kind in kinds:
            if kind.__name__ in self._decoders:
                raise ConfigurationError(f"{what} has two contracts called {kind.__name__}.")
            self._decoders[kind.__name__] = kind, decoder_of(kind, f"{what} {kind.__name__}")

    def encode(self, value: Any) -> bytes:
        """Return the contract's fields under its name. Raises TypeError for a contract of another kind."""
        return _encode(_Named(self.name(value), msgspec.Raw(_encode(value))))

    def name(self, value: Any) -> str:
        """Return the name of a value's contract. Raises TypeError for a contract of another kind."""
        kind = type(value)
        known = self._decoders.get(kind.__name__)
        if known is None or known[0] is not kind:
            raise TypeError(f"{self._what} has no contract {kind.__name__}")
        return kind.__name__

    def payload(self, name: str, fields: bytes | msgspec.Raw) -> Any:
        """Return the contract of a payload. Raises InvalidInput for an unknown name or a wrong value."""
        known = self._decoders.get(name)
        if known is None:
            raise InvalidInput(f"There is no {self._what} called {name[:80]!r}.")
        return read_payload(known[1], fields, name)

    def decode(self, body: bytes) -> Any:
        """Return the contract that `encode` wrote. Raises Malformed or InvalidInput."""
        found: _Named = read_payload(_named, body, f"This {self._what}")
        return self.payload(found.name, found.fields)

    def answer(self, body: bytes) -> Any:
        """Return the contract that `encode` wrote. Raises BadAnswer for anything else."""
        found: _Named = read_answer(_named, body, self._what)
        known = self._decoders.get(found.name)
        if known is None:
            raise BadAnswer(f"The answer to {self._what} is not what was declared.")
        return read_answer(known[1], found.fields, self._what)


class TypedWire:
    """Implements `Wire` for one type of payload and one of answers; either may be a union of contracts.

    `operation` names it in errors. Raises ConfigurationError for a type that cannot be read.
    """

    def __init__(self, operation: str, payload: Any, answer: Any) -> None:
        self._operation = operation
        self._payload = decoder_of(payload, f"the payload of {operation}")
        contracts = get_args(answer) if get_origin(answer) in (Union, UnionType) else ()
        self._names = ByName(contracts, operation) if len(contracts) > 1 else None
        self._answer = None if self._names else decoder_of(answer, f"the answer to {operation}")

    def payload_bytes(self, payload: Any) -> bytes:
        """Return what is sent."""
        return _encode(payload)

    def payload_of(self, body: bytes) -> Any:
        """Return the payload."""
        return read_payload(self._payload, body, self._operation)

    def answer_bytes(self, answer: Any) -> bytes:
        """Return what is answered."""
        return _encode(answer) if self._names is None else self._names.encode(answer)

    def answer_of(self, payload: Any, body: bytes) -> Any:
        """Return the answer."""
        if self._names is not None:
            return self._names.answer(body)
        assert self._answer is not None
        return read_answer(self._answer, body, self._operation)
