"""An operation's payload and answer as the messages of a proto: implements `Wire`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from autobot.kernel.core.errors import BadAnswer, InvalidInput, Malformed

P = TypeVar("P", bound=Message)
A = TypeVar("A", bound=Message)

WRONG: Final = (KeyError, TypeError, ValueError)
"""What a message that holds no payload or answer makes its reader raise."""


class ProtoWire(Generic[P, A]):
    """One operation between its contracts and two messages.

    `write_payload` and `write_answer` make messages of contracts; `read_payload` and `read_answer` contracts of messages,
    and raise ValueError, TypeError or KeyError for what no contract can hold.
    """

    def __init__(
        self,
        operation: str,
        *,
        payload: type[P],
        write_payload: Callable[[Any], P],
        read_payload: Callable[[P], Any],
        answer: type[A],
        write_answer: Callable[[Any], A],
        read_answer: Callable[[A], Any],
    ) -> None:
        self._operation = operation
        self._payload, self._write_payload, self._read_payload = payload, write_payload, read_payload
        self._answer, self._write_answer, self._read_answer = answer, write_answer, read_answer

    def payload_bytes(self, payload: Any) -> bytes:
        """Return what is sent."""
        return self._write_payload(payload).SerializeToString()

    def payload_of(self, body: bytes) -> Any:
        """Return the payload."""
        try:
            message = self._payload.FromString(body)
        except DecodeError as error:
            raise Malformed(f"{self._operation} is not sent as the message that it takes.") from error
        try:
            return self._read_payload(message)
        except WRONG as error:
            raise InvalidInput(f"{self._operation}: {error}.") from error

    def answer_bytes(self, answer: Any) -> bytes:
        """Return what is answered."""
        return self._write_answer(answer).SerializeToString()

    def answer_of(self, payload: Any, body: bytes) -> Any:
        """Return the answer."""
        try:
            return self._read_answer(self._answer.FromString(body))
        except (DecodeError, *WRONG) as error:
            raise BadAnswer(f"The answer to {self._operation} is not what was declared.") from error


class Names:
    """The words of a contract as the numbers of an enumeration, and back.

    0 is never sent: it reads as `unset`, and raises ValueError where there is none.
    """

    def __init__(self, kind: Any, prefix: str, words: tuple[Any, ...], unset: Any = ...) -> None:
        self._what = prefix
        self._numbers: dict[Any, int] = {
            word: kind.Value(f"{prefix}_{str(word).upper().replace('-', '_')}") for word in words
        }
        self._words = {number: word for word, number in self._numbers.items()}
        if unset is not ...:
            self._words[0] = unset
            self._numbers.setdefault(unset, 0)

    def number(self, word: Any) -> int:
        """Return the number of a word. Raises KeyError."""
        return self._numbers[word]

    def word(self, number: int) -> Any:
        """Return the word of a number. Raises ValueError for one that is not known here."""
        if number not in self._words:
            raise ValueError(f"{self._what} has no value {number} here")
        return self._words[number]


def given(message: Message, *names: str) -> dict[str, Any]:
    """Return optional fields that a message has, by name."""
    return {name: getattr(message, name) for name in names if message.HasField(name)}


def set_fields(contract: Any, *names: str) -> dict[str, Any]:
    """Return the members of a contract that are not None, by name."""
    return {name: value for name in names if (value := getattr(contract, name)) is not None}
