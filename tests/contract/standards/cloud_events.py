"""What CloudEvents 1.0.2 demands of an event in the JSON format (core specification section 3, JSON format section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

NAME: Final = re.compile(r"[a-z0-9]+")
TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+( *;.*)?")
REQUIRED: Final = ("specversion", "id", "source", "type")
TEXTS: Final = (*REQUIRED, "subject", "datacontenttype", "dataschema", "time")
PAYLOAD: Final = ("data", "data_base64")
INTEGER: Final = range(-(2**31), 2**31)


def faults(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an event; nothing for a valid one. Null stands for absent (JSON format section 2.2)."""
    found = {name: value for name, value in event.items() if value is not None or name in PAYLOAD}
    for name in REQUIRED:
        if name not in found:
            yield f"{name} is missing"
    if found.get("specversion", "1.0") != "1.0":
        yield "specversion is not 1.0"
    if "data" in found and "data_base64" in found:
        yield "data stands beside data_base64"
    for name, value in found.items():
        if name not in PAYLOAD:
            yield from _faults_of(name, value)
    if isinstance(found.get("time"), str) and not _is_time(found["time"]):
        yield "time is no RFC 3339"
    kind = found.get("datacontenttype")
    if isinstance(kind, str) and MEDIA_TYPE.fullmatch(kind) is None:
        yield "datacontenttype is no media type"


def _faults_of(name: str, value: object) -> Iterator[str]:
    """Yield what is wrong with one attribute: its name, its type, its text."""
    if NAME.fullmatch(name) is None:
        yield f"{name} is no attribute name"
    if name in TEXTS and not isinstance(value, str):
        yield f"{name} is no text"
    if isinstance(value, str):
        if not value:
            yield f"{name} is empty"
        if any(ord(one) < 0x20 or 0x7F <= ord(one) <= 0x9F for one in value):
            yield f"{name} has control characters"
    elif not isinstance(value, bool | int):
        yield f"{name} is of a type that attributes cannot have"
    elif value not in INTEGER:
        yield f"{name} is no 32-bit integer"


def _is_time(text: str) -> bool:
    if TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True
