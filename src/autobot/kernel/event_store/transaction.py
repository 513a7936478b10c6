"""A transaction is a value: all that must become durable together, decided before anything is written.

Because it is a value and not a session, a writer can join many of them into one commit (group commit),
the memory adapter and a database behave alike, and no lock is held while a handler thinks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from autobot.kernel.core.message import Message

NO_STREAM = -1
"""Expected revision: the stream has no event yet."""
ANY = -2
"""Expected revision: do not check."""
EXISTS = -4
"""Expected revision: the stream has at least one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Events for one stream, in order. `expected` is the last revision seen (first event has revision 0)."""

    stream: str
    expected: int
    events: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A stream that is not written, but must be at `expected` for the transaction to hold."""

    stream: str
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The answer of an executed command under its idempotency key.

    `scope` is tenant, principal and operation; `status` is `done` or the error code of a refusal; `body`
    is JSON; after `expires` the key is new again.
    """

    scope: str
    key: str
    fingerprint: str
    status: str
    body: bytes
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, with which outcome. The store chains entries (hash over the previous hash)."""

    id: str
    time: datetime
    principal: str
    tenant: str
    action: str
    object: str
    outcome: str
    payload_hash: str
    correlation_id: str
    client: str = ""
    reason: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`consumer` has handled everything up to `position`. Only ever moves forward; a lower one changes nothing.

    `expected` (where the consumer stands, 0 when it never ran) makes the move conditional: else
    WrongExpectedVersion, so that two runners of one consumer cannot both write the same effects.
    """

    consumer: str
    position: int
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """`consumer` has handled the message (`source`, `message_id`): a second one is refused as AlreadyHandled."""

    consumer: str
    source: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write one document of a table. `owner`, `group` and `sort` are indexed; `text` is full-text indexed.

    A table is a read model's (rebuildable from the log) or a context's own state; `document` has JSON
    types only. `sort` orders lists (texts compare by code point). `expected` (a document's `version`,
    0 for absent) makes the write conditional: else WrongExpectedVersion.
    """

    table: str
    key: str
    document: Mapping[str, Any]
    owner: str = ""
    group: str = ""
    sort: str = ""
    text: str | None = None
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove one document, its index entries and its text. Absent is no error."""

    table: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Blank the payloads of a stream's events of these types (all when empty). Hashes, ids and order stay."""

    stream: str
    types: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSnapshot:
    """A fold of a stream at `revision`; `schema` names the shape, so that an old shape is ignored."""

    stream: str
    revision: int
    schema: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """From now on the name `table` means the documents kept under `target`; those under `table` stay, unseen.

    A read model that was rebuilt beside the live one goes live by this. A `target` equal to `table` ends
    the alias. Aliases do not chain: `target` names exactly the documents that were written under it.
    """

    table: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Remove every document that is kept under exactly this name (no alias applies), with its text."""

    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """All or nothing, durable when `commit` returns.

    Every condition (`expected` of appends, conditions, writes and checkpoints) speaks of the state before
    the transaction. Effects follow in this order: appends, audit, answer, checkpoints, handled, writes,
    erase, snapshots, aliases, drops.
    """

    appends: tuple[Append, ...] = ()
    conditions: tuple[Condition, ...] = ()
    answer: StoredAnswer | None = None
    audit: tuple[AuditEntry, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    handled: tuple[Handled, ...] = ()
    writes: tuple[Put | Delete, ...] = ()
    erase: tuple[Erase, ...] = ()
    snapshots: tuple[SaveSnapshot, ...] = ()
    aliases: tuple[Alias, ...] = ()
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a commit did. `position` is that of its last event (the head when it appended none).

    `revisions` are the streams' last revisions in the order of `appends`; `repeated` is true when the
    identical batch had been appended before and this is the first result again.
    """

    position: int
    revisions: tuple[int, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event as stored: `revision` in its stream from 0, `position` in the log from 1 without gaps."""

    message: Message
    stream: str
    revision: int
    position: int
    payload_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events a read wants. Empty fields do not restrict; `types` may end in `*`.

    `since` and `until` bound the event's own time, both inclusive.
    """

    types: tuple[str, ...] = ()
    stream: str = ""
    stream_prefix: str = ""
    correlation_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One stored document with its place in the indexes. `version` counts its writes from 1."""

    key: str
    document: Mapping[str, Any]
    owner: str = ""
    group: str = ""
    sort: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of a table, ordered by (`sort`, `key`). `after` is the (sort, key) of the last one seen.

    With `text` only documents whose text has all its words (`event_store.text`; the last one may be the
    beginning of a word) are returned; a text without words matches nothing.
    """

    table: str
    owner: str | None = None
    group: str | None = None
    text: str | None = None
    after: tuple[str, str] | None = None
    limit: int = 50
    order: Literal["ascending", "descending"] = "ascending"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An audit entry in its chain: `hash` = BLAKE2b(previous, entry, hashes of the events of its transaction)."""

    sequence: int
    entry: AuditEntry
    event_hashes: tuple[str, ...]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A stored snapshot."""

    revision: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A full-text hit: the document and a short excerpt around the match (plain text, matches in «»)."""

    document: Document
    excerpt: str
    score: float = field(default=0.0)
