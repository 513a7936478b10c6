"""The fields of a call as gRPC metadata, and back. The names are those of HTTP (`kernel.links.propagation`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Metadata = tuple[tuple[str, str | bytes], ...]


def metadata_of(fields: Mapping[str, str]) -> Metadata:
    """Return fields as metadata."""
    return tuple(fields.items())


def fields_of(metadata: Iterable[Any] | None) -> dict[bytes, bytes]:
    """Return metadata as fields by lower-case name, lines of one name joined with a comma (RFC 9110 §5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in metadata or ():
        key = name.encode("latin-1")
        line = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        fields[key] = line if key not in fields else fields[key] + b", " + line
    return fields
