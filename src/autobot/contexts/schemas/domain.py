"""A type with its versions: what may be registered next, and why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from autobot.contracts import schemas
from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.compatibility import Mode
from autobot.kernel.core.errors import (
    AlreadyExists,
    Conflict,
    FieldError,
    Forbidden,
    Incompatible,
    InvalidInput,
)
from autobot.kernel.core.message import OWN_PREFIX
from autobot.kernel.messaging.schemas.modes import breaks

DEFAULT_MODE: Final[Mode] = "backward"
SCHEMA_MAX: Final = 64 * 1024
"""Bytes of a schema in canonical form."""
DEPTH_MAX: Final = 40
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ERRORS_MAX: Final = 100
_VERSIONED: Final = re.compile(r"(.+)\.v([1-9][0-9]{0,5})")


def stream_of(name: str) -> str:
    """Return the stream of a type."""
    return f"schema-{name}"


def split(event_type: str) -> tuple[str, int | None]:
    """Return the name of a type and the version at its end, None where there is none."""
    match = _VERSIONED.fullmatch(event_type)
    return (match[1], int(match[2])) if match else (event_type, None)


def versioned(name: str, version: int) -> str:
    """Return the type of a version's messages."""
    return f"{name}.v{version}"


def is_own(event_type: str) -> bool:
    """Say whether a type is one of AutoBot's own."""
    return event_type.lower().startswith(OWN_PREFIX)


def refuse_own(event_type: str) -> None:
    """Raise Forbidden for a type that only AutoBot's contracts may define and only AutoBot may write."""
    if is_own(event_type):
        raise Forbidden(
            f"Types that begin with {OWN_PREFIX} are AutoBot's own; {event_type} is not for others."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredType:
    """The fold of a type's stream. `revision` is that of its last fact, -1 for none."""

    name: str
    mode: Mode = DEFAULT_MODE
    versions: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    revision: int = -1

    def apply(self, event: object) -> RegisteredType:
        """Return the type after a fact."""
        if isinstance(event, schemas.SchemaRegistered):
            versions = {**self.versions, event.version: event.schema}
            return replace(self, mode=event.compatibility, versions=versions, revision=self.revision + 1)
        return replace(self, revision=self.revision + 1)

    @property
    def newest(self) -> int:
        """The newest version, 0 for none."""
        return max(self.versions, default=0)

    def register(self, asked: schemas.RegisterSchema, by: str) -> schemas.SchemaRegistered | int:
        """Return the fact of a registration, or the version that says the same already.

        Raises InvalidInput for two versions that differ, AlreadyExists for a version with another schema,
        Conflict for a version below the newest, Incompatible for what breaks the mode.
        """
        _, named = split(asked.type)
        if named is not None and asked.version not in (None, named):
            wrong = FieldError(
                detail=f"is not the version that the type ends in, {named}", pointer="#/version"
            )
            raise InvalidInput("The type and the version say different things.", errors=(wrong,))
        mode = asked.compatibility or (self.mode if self.versions else DEFAULT_MODE)
        version = named or asked.version or self._next(asked.schema)
        present = self.versions.get(version)
        if present is not None and not equal(present, asked.schema):
            raise AlreadyExists(
                f"Version {version} of {self.name} has another schema; a version never changes.",
                hint=f"Register this one as version {self.newest + 1}.",
            )
        if present is not None and (mode == self.mode or version < self.newest):
            return version
        if version < self.newest:
            raise Conflict(
                f"The newest version of {self.name} is {self.newest}; {version} would come before it."
            )
        self._require_compatible(asked.schema, version, mode)
        return schemas.SchemaRegistered(
            type=self.name, version=version, compatibility=mode, schema=asked.schema, by=by
        )

    def _next(self, schema: dict[str, Any]) -> int:
        newest = self.versions.get(self.newest)
        return self.newest if newest is not None and equal(newest, schema) else self.newest + 1

    def _require_compatible(self, schema: dict[str, Any], version: int, mode: Mode) -> None:
        earlier = {number: one for number, one in self.versions.items() if number < version}
        found = breaks(schema, earlier, mode)
        if not found:
            return
        words = {"backward": "reading messages of version", "forward": "read by version"}
        errors = tuple(
            FieldError(
                detail=f"{words[one.direction]} {one.version}: {one.detail}", pointer=f"#/schema{one.at}"
            )
            for one in found[:ERRORS_MAX]
        )
        noun = "difference" if len(found) == 1 else "differences"
        raise Incompatible(
            f"Version {version} of {self.name} would not be {mode.replace('_', ' ')}: {len(found)} {noun}.",
            errors=errors,
        )


def equal(one: Any, other: Any) -> bool:
    """Say whether two schemas are the same, whatever the order of their members."""
    return canonical_json(one) == canonical_json(other)


def require_plain(schema: dict[str, Any]) -> None:
    """Raise InvalidInput for a schema that is too large or deep, or of another dialect."""
    errors: list[FieldError] = []
    dialect = schema.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        errors.append(FieldError(detail=f"must be {DIALECT}, or be left out", pointer="#/schema/$schema"))
    if _depth(schema) > DEPTH_MAX:
        errors.append(FieldError(detail=f"is nested deeper than {DEPTH_MAX}", pointer="#/schema"))
    elif len(canonical_json(schema)) > SCHEMA_MAX:
        errors.append(FieldError(detail=f"is larger than {SCHEMA_MAX} bytes", pointer="#/schema"))
    if errors:
        raise InvalidInput("This schema cannot be registered.", errors=tuple(errors))


def _depth(value: Any) -> int:
    below, depth = [value], 0
    while below and depth <= DEPTH_MAX + 1:
        depth += 1
        below = [
            part
            for one in below
            for part in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
            if isinstance(part, dict | list)
        ]
    return depth


# ------------------------------------------------------------------------------------ events from outside


def stored_id(tenant: str, event: schemas.OutsideEvent) -> str:
    """Return the id under which an event from outside is stored: the same for the same (source, id)."""
    return id_of(tenant, event.source, event.id)


def id_of(tenant: str, source: str, event_id: str) -> str:
    """Return the id that stands for a sender's (source, id): a UUID of version 8 (RFC 9562 §5.8)."""
    digest = fingerprint("outside", tenant, source, event_id)
    text = f"{digest[:12]}8{digest[13:16]}{'89ab'[int(digest[16], 16) % 4]}{digest[17:32]}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def content_of(event: schemas.OutsideEvent) -> str:
    """Return the fingerprint of all that a sender said."""
    attributes = canonical_json(dict(event.attributes))
    time = event.time.isoformat() if event.time else ""
    return fingerprint(event.type, event.subject or "", time, event.content_type, attributes, event.data)
