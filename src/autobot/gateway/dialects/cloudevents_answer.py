"""CloudEvents 1.0.2 on HTTP, as they go out: the form that `Accept` asks for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.problem import Refused
from autobot.kernel.event_store.documents import is_json

_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_DATA: Final = frozenset({"data", "data_base64", "datacontenttype"})
_encode = msgspec.json.Encoder().encode


def structured(document: Mapping[str, Any]) -> bytes:
    """Return an event in the JSON event format."""
    return _encode(document)


def batch(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Return events in the JSON batch format."""
    return _encode(documents)


def binary(document: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return the header fields and the body of an event in binary mode."""
    fields = {
        f"ce-{name}": quote(_text(value), safe=_PLAIN)
        for name, value in document.items()
        if name not in _DATA
    }
    return fields, _bytes(document)


def _text(value: Any) -> str:
    """Return the canonical text of an attribute (§3.1)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bytes(document: Mapping[str, Any]) -> bytes:
    if "data_base64" in document:
        return b64decode(document["data_base64"])
    if "data" not in document:
        return b""
    data = document["data"]
    # JSON is there as it was stored, or as the value that it says when another role has answered.
    if isinstance(data, msgspec.Raw):
        return bytes(data)
    if is_json(document.get("datacontenttype", "")) or not isinstance(data, str):
        return _encode(data)
    return data.encode()


def chosen(accept: bytes | None, offered: Sequence[str]) -> str:
    """Return which of the offered media types `Accept` prefers, the first where it has no wish (RFC 9110 §12.5.1).

    Raises Refused (406) when it allows none.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.decode("latin-1").split(",") if part.strip()]
    best = max(range(len(offered)), key=lambda index: (_quality(offered[index], ranges), -index))
    if _quality(offered[best], ranges) <= 0:
        raise Refused(kinds.NOT_ACCEPTABLE, f"These forms are there: {', '.join(offered)}.")
    return offered[best]


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = part.split(";")
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip().lower() == "q":
            try:
                return kind.strip().lower(), float(value)
            except ValueError:
                return kind.strip().lower(), 0.0
    return kind.strip().lower(), 1.0


def _quality(offered: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality of a type: that of the most exact range that has it."""
    kind = offered.partition(";")[0].strip().lower()
    for wanted in (kind, kind.partition("/")[0] + "/*", "*/*"):
        for named, quality in ranges:
            if named == wanted:
                return quality
    return 0.0
