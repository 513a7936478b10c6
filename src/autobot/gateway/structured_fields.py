"""Structured Field Values for HTTP (RFC 9651): parse and serialize, exactly.

Bare items map to Python so: Integer → int, Decimal → decimal.Decimal, String → str, Token → Token, Byte
Sequence → bytes, Boolean → bool, Date → Date, Display String → DisplayString. Parsing fails as a whole, with
FieldSyntaxError, for anything that the RFC's algorithms do not accept; serializing fails for any value that they
cannot write.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

INTEGER_MAX: Final = 999_999_999_999_999


class FieldSyntaxError(ValueError):
    """The text is no structured field of the asked type, or the value cannot be written as one."""


class Token(str):
    """A Token (§3.3.4), such as a media type or a keyword."""

    __slots__ = ()


class DisplayString(str):
    """A Display String (§3.3.8): Unicode text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Date:
    """A Date (§3.3.7): seconds since the Unix epoch, leap seconds not counted."""

    seconds: int


BareItem = int | Decimal | str | bytes | bool | Date
Parameters = Mapping[str, BareItem]


@dataclass(frozen=True, slots=True)
class Item:
    """A bare item with parameters (§3.3)."""

    value: BareItem
    params: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InnerList:
    """Items between parentheses, with parameters of the whole (§3.1.1)."""

    items: tuple[Item, ...]
    params: Parameters = field(default_factory=dict)


Member = Item | InnerList

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_NUMBER = re.compile(r"-?([0-9]+)(?:(\.)([0-9]*))?")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*)(={0,2}):")
_DISPLAY = re.compile(r'%"((?:[\x20-\x21\x23-\x24\x26-\x7e]|%[0-9a-f]{2})*)"')
_OWS = re.compile(r"[ \t]*")
_SP = re.compile(r" *")


# ------------------------------------------------------------------------------------------------- parsing


class _Reader:
    """The text of a field and how far it has been read (§4.2)."""

    __slots__ = ("at", "text")

    def __init__(self, value: str | bytes) -> None:
        try:
            self.text = value.decode("ascii") if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            raise FieldSyntaxError("not ASCII") from None
        if not self.text.isascii():
            raise FieldSyntaxError("not ASCII")
        self.at = 0
        self.skip(_SP)

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise FieldSyntaxError(f"no {what} at character {self.at}")
        self.at = match.end()
        return match

    def eat(self, character: str) -> bool:
        if self.peek() == character:
            self.at += 1
            return True
        return False

    def finish(self) -> None:
        self.skip(_SP)
        if self.at != len(self.text):
            raise FieldSyntaxError(f"unexpected text at character {self.at}")

    def next_member(self) -> bool:
        """Move over a comma to the next member; false at the end. A comma at the very end is an error."""
        self.skip(_OWS)
        if self.at == len(self.text):
            return False
        if not self.eat(","):
            raise FieldSyntaxError(f"no comma at character {self.at}")
        self.skip(_OWS)
        if self.at == len(self.text):
            raise FieldSyntaxError("a comma at the end")
        return True


def parse_item(value: str | bytes) -> Item:
    """Parse a field that is an Item (§4.2.3). Raises FieldSyntaxError."""
    reader = _Reader(value)
    item = _item(reader)
    reader.finish()
    return item


def parse_list(value: str | bytes) -> list[Member]:
    """Parse a field that is a List (§4.2.1); an empty field is an empty list. Raises FieldSyntaxError."""
    reader = _Reader(value)
    members: list[Member] = []
    if reader.at == len(reader.text):
        return members
    while True:
        members.append(_member(reader))
        if not reader.next_member():
            return members


def parse_dictionary(value: str | bytes) -> dict[str, Member]:
    """Parse a field that is a Dictionary (§4.2.2); the last of equal keys counts. Raises FieldSyntaxError."""
    reader = _Reader(value)
    members: dict[str, Member] = {}
    if reader.at == len(reader.text):
        return members
    while True:
        key = reader.take(_KEY, "key")[0]
        members[key] = _member(reader) if reader.eat("=") else Item(True, _params(reader))
        if not reader.next_member():
            return members


def _member(reader: _Reader) -> Member:
    return _inner_list(reader) if reader.peek() == "(" else _item(reader)


def _inner_list(reader: _Reader) -> InnerList:
    reader.at += 1
    items: list[Item] = []
    while True:
        reader.skip(_SP)
        if reader.eat(")"):
            return InnerList(tuple(items), _params(reader))
        items.append(_item(reader))
        if reader.peek() not in (" ", ")"):
            raise FieldSyntaxError(f"no space or parenthesis at character {reader.at}")


def _item(reader: _Reader) -> Item:
    value = _bare(reader)
    return Item(value, _params(reader))


def _params(reader: _Reader) -> dict[str, BareItem]:
    params: dict[str, BareItem] = {}
    while reader.eat(";"):
        reader.skip(_SP)
        key = reader.take(_KEY, "parameter key")[0]
        params[key] = _bare(reader) if reader.eat("=") else True
    return params


def _bare(reader: _Reader) -> BareItem:
    first = reader.peek()
    if first == '"':
        return re.sub(r'\\(["\\])', r"\1", reader.take(_STRING, "string")[1])
    if first == "-" or ("0" <= first <= "9" and first):
        return _number(reader)
    if first == ":":
        return _byte_sequence(reader)
    if first == "?":
        return reader.take(re.compile(r"\?([01])"), "boolean")[1] == "1"
    if first == "@":
        reader.at += 1
        seconds = _number(reader)
        if not isinstance(seconds, int):
            raise FieldSyntaxError("a date has no fraction")
        return Date(seconds)
    if first == "%":
        return _display_string(reader)
    return Token(reader.take(_TOKEN, "item")[0])


def _number(reader: _Reader) -> int | Decimal:
    match = reader.take(_NUMBER, "number")
    whole, dot, fraction = match.groups()
    if dot is None:
        if len(whole) > 15:
            raise FieldSyntaxError("an integer has at most 15 digits")
        return int(match[0])
    if len(whole) > 12 or not 1 <= len(fraction) <= 3:
        raise FieldSyntaxError("a decimal has at most 12 digits before and 1 to 3 after the point")
    return Decimal(match[0])


def _byte_sequence(reader: _Reader) -> bytes:
    match = reader.take(_BYTES, "byte sequence")
    text = match[1]
    if len(text) % 4 == 1:
        raise FieldSyntaxError("not base64")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise FieldSyntaxError("not base64") from None


def _display_string(reader: _Reader) -> DisplayString:
    text = reader.take(_DISPLAY, "display string")[1]
    raw = re.sub(rb"%([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("ascii"))
    try:
        return DisplayString(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise FieldSyntaxError("a display string is not UTF-8") from None


# --------------------------------------------------------------------------------------------- serializing


def serialize_item(item: Item) -> str:
    """Write an Item (§4.1.3). Raises FieldSyntaxError for a value outside the RFC's ranges."""
    return serialize_bare(item.value) + _write_params(item.params)


def serialize_list(members: Sequence[Member]) -> str:
    """Write a List (§4.1.1). An empty one gives empty text: then the field is not sent at all."""
    return ", ".join(_write_member(member) for member in members)


def serialize_dictionary(members: Mapping[str, Member]) -> str:
    """Write a Dictionary (§4.1.2). An empty one gives empty text: then the field is not sent at all."""
    out = []
    for key, member in members.items():
        if isinstance(member, Item) and member.value is True:
            out.append(_key(key) + _write_params(member.params))
        else:
            out.append(f"{_key(key)}={_write_member(member)}")
    return ", ".join(out)


def _write_member(member: Member) -> str:
    if isinstance(member, Item):
        return serialize_item(member)
    return f"({' '.join(serialize_item(item) for item in member.items)}){_write_params(member.params)}"


def _write_params(params: Parameters) -> str:
    return "".join(
        f";{_key(key)}" + ("" if value is True else f"={serialize_bare(value)}")
        for key, value in params.items()
    )


def _key(key: str) -> str:
    if _KEY.fullmatch(key) is None:
        raise FieldSyntaxError(f"{key!r} is no key")
    return key


def serialize_bare(value: BareItem) -> str:
    """Write a bare item (§4.1.3.1). Raises FieldSyntaxError for a value outside the RFC's ranges."""
    match value:
        case bool():
            return "?1" if value else "?0"
        case int():
            return _write_integer(value)
        case Decimal():
            return _write_decimal(value)
        case Date():
            return "@" + _write_integer(value.seconds)
        case bytes():
            return f":{base64.b64encode(value).decode()}:"
        case Token():
            if _TOKEN.fullmatch(value) is None:
                raise FieldSyntaxError(f"{str(value)!r} is no token")
            return str(value)
        case DisplayString():
            return _write_display(value)
        case str():
            if any(not " " <= character <= "~" for character in value):
                raise FieldSyntaxError("a string holds printable ASCII only; use a display string")
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    raise FieldSyntaxError(f"{type(value).__name__} is no bare item")


def _write_integer(value: int) -> str:
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise FieldSyntaxError("an integer has at most 15 digits")
    return str(value)


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise FieldSyntaxError("a decimal is a finite number")
    rounded = value.quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN) if value.adjusted() < 15 else value
    if rounded.adjusted() >= 12:
        raise FieldSyntaxError("a decimal has at most 12 digits before the point")
    whole, _, fraction = f"{rounded:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def _write_display(value: str) -> str:
    try:
        raw = value.encode("utf-8")
    except UnicodeEncodeError:
        raise FieldSyntaxError("a display string cannot hold surrogates") from None
    body = "".join(
        f"%{byte:02x}" if byte in (0x22, 0x25) or not 0x20 <= byte <= 0x7E else chr(byte) for byte in raw
    )
    return f'%"{body}"'
