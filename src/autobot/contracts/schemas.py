"""Published language of the schemas context: what messages may look like, and messages that come from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len, MaxLen

from autobot.kernel.core.compatibility import Mode
from autobot.kernel.core.message import Attribute
from autobot.kernel.core.validate import Pattern

BATCH_MAX = 1_000
"""Events of one post."""
DATA_MAX = 512 * 1024
"""Bytes of one event's data."""
ATTRIBUTES_MAX = 32

TypeName = Annotated[str, Len(1, 200), Pattern(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")]
"""A type of event, with or without `.v<n>` at its end."""
Version = Annotated[int, Ge(1), Le(1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRegistered:
    """A version of a type got its schema, or its newest one got another mode. `type` is without the version."""

    TYPE: ClassVar[str] = "autobot.schemas.schema_registered.v1"
    type: str
    version: int
    compatibility: Mode
    schema: dict[str, Any]
    by: str


EVENTS: tuple[type[Any], ...] = (SchemaRegistered,)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSchema:
    """Register a version of a type. `type` may end in `.v<n>`, which then is the version.

    Without a version it is the next one, or the newest when that has this schema. Without a mode the type
    keeps its own; a new one gets `backward`.
    """

    type: TypeName
    schema: dict[str, Any]
    version: Version | None = None
    compatibility: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideEvent:
    """An event as its sender made it. `data` are the bytes of its content type, empty for none.

    `attributes` are all others of CloudEvents, by name. `time` is None when the sender gave none.
    """

    id: Annotated[str, Len(1, 256)]
    source: Annotated[str, Len(1, 1024)]
    type: Annotated[str, Len(1, 200)]
    data: Annotated[bytes, MaxLen(DATA_MAX)] = b""
    content_type: Annotated[str, Len(0, 200)] = "application/json"
    subject: Annotated[str, Len(1, 1024)] | None = None
    time: datetime | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishEvents:
    """Take events from outside into the log: all of them or none.

    One that came before with the same content is not stored again; with other content it is refused.
    """

    events: Annotated[tuple[OutsideEvent, ...], Len(0, BATCH_MAX)]


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSchemas:
    """Every type with its versions; `search` is part of a type's name."""

    search: Annotated[str, Len(0, 200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSchema:
    """One type with all its versions; a version at the end of the name is passed over."""

    type: TypeName


@dataclass(frozen=True, slots=True, kw_only=True)
class GetEvent:
    """One event: by its position, or by the id that its sender gave it; `source` tells equal ids apart."""

    event: Annotated[str, Len(1, 256)]
    source: Annotated[str, Len(0, 1024)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVersion:
    """One version. `event_type` is the type of its messages; `example` is one of them, None where none was found.

    `registered_by` and `registered_at` are None for types that come with this version of AutoBot.
    """

    version: int
    event_type: str
    schema: dict[str, Any]
    example: Any = None
    registered_by: str | None = None
    registered_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaType:
    """A type of message. `origin`: it comes with AutoBot, or was registered at run time."""

    type: str
    origin: Literal["contract", "registered"]
    compatibility: Mode
    versions: tuple[SchemaVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaSummary:
    """A type in the list. `description` is that of its newest version."""

    type: str
    origin: Literal["contract", "registered"]
    compatibility: Mode
    versions: tuple[int, ...]
    description: str
    registered_by: str | None = None
    registered_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPage:
    """A page of types."""

    items: tuple[SchemaSummary, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The ids of the events in the order in which they were posted; `stored` of them are new."""

    ids: tuple[str, ...]
    stored: int
