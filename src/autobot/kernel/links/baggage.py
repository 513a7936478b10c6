"""W3C Baggage: the header field `baggage`, read and written. Pure.

Source: W3C Baggage, section 3 (grammar, percent-encoding, limits). Only members on an allow-list are kept,
because baggage travels to every service behind; properties of members are checked and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

ALLOWED: Final = frozenset({"user_id", "tenant_id"})
"""Keys that this product reads and passes on."""

MEMBERS_MAX: Final = 64
LENGTH_MAX: Final = 8192

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = rb"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_OWS: Final = rb"[ \t]*"
_PROPERTY: Final = _TOKEN + _OWS + rb"(?:=" + _OWS + _VALUE + rb")?"
_MEMBER: Final = re.compile(
    rb"(" + _TOKEN + rb")" + _OWS + rb"=" + _OWS + rb"(" + _VALUE + rb")"
    rb"(?:" + _OWS + rb";" + _OWS + _PROPERTY + rb")*"
)
_PLAIN: Final = "!#$&'()*+-./:<=>?@[]^_`{|}~"
"""Octets that a value may hold unencoded, except the percent sign."""


def parse_baggage(field: bytes, allowed: frozenset[str] = ALLOWED) -> tuple[tuple[str, str], ...]:
    """Return the allowed members of `baggage` (several lines joined by commas) as (key, decoded value).

    A malformed member is left out; of a key given twice the first counts; members after the 64th and
    what lies beyond 8,192 bytes are not read. Octets that are no UTF-8 become U+FFFD.
    """
    if len(field) > LENGTH_MAX:
        field = field[: field.rfind(b",", 0, LENGTH_MAX + 1)] if b"," in field[: LENGTH_MAX + 1] else b""
    found: dict[str, str] = {}
    for part in field.split(b",", MEMBERS_MAX)[:MEMBERS_MAX]:
        match = _MEMBER.fullmatch(part.strip(b" \t"))
        if match is None:
            continue
        key = match[1].decode("ascii")
        if key in allowed and key not in found:
            found[key] = unquote_to_bytes(match[2]).decode("utf-8", "replace")
    return tuple(found.items())


def format_baggage(members: Iterable[tuple[str, str]], allowed: frozenset[str] = ALLOWED) -> str:
    """Return the field for the allowed `members`; empty when there is none. What exceeds the limits is left out."""
    parts: list[str] = []
    length = -1
    for key, value in members:
        if key not in allowed:
            continue
        part = f"{key}={quote(value, safe=_PLAIN)}"
        length += len(part) + 1
        if len(parts) == MEMBERS_MAX or length > LENGTH_MAX:
            break
        parts.append(part)
    return ",".join(parts)
