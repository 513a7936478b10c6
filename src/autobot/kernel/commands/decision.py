"""What a handler answers: facts and writes to make durable, and the answer. It decides; the bus acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import Event
from autobot.kernel.event_store.transaction import Condition, Delete, Erase, Handled, Put, SaveSnapshot

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Facts for one stream; those from outside are in their envelopes already. `expected` as in `transaction.Append`."""

    stream: str
    expected: int
    events: tuple[Event | Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[A]):
    """The outcome of a command. `object` names what it was about, for the audit.

    `handled`: messages that a consumer need not handle any more, because the command decided on them. `snapshots`:
    states that were read for it and are due to be kept.
    """

    answer: A
    emits: tuple[Emit, ...] = ()
    conditions: tuple[Condition, ...] = ()
    writes: tuple[Put | Delete, ...] = ()
    erase: tuple[Erase, ...] = ()
    handled: tuple[Handled, ...] = ()
    snapshots: tuple[SaveSnapshot, ...] = ()
    object: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """How one command is handled.

    `owner` finds the user id that the object belongs to (None: it does not exist yet, or has none); it
    is asked only when the verdict is *own*. `secret` fields are left out of fingerprint and audit hash.
    `rerun` lets the bus repeat the handler when the stream moved on under it (a decision is a pure
    function of what was read, so repeating it is safe unless the caller gave an expected version).
    `then` acts on the committed facts in this process before the caller hears of it (applies a policy,
    drops a cache entry); other processes and the next start follow the log.
    """

    command: type[Any]
    action: str
    handler: Callable[[Any, CallContext], Awaitable[Decision[Any]]]
    answer: Any
    owner: Callable[[Any, CallContext], Awaitable[str | None]] | None = None
    secret: frozenset[str] = frozenset()
    rerun: bool = True
    then: Callable[[Decision[Any]], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """How one query is answered. The handler does its own per-object filtering unless `owner` is given.

    `report`: it reads the whole log, or a table whole, however large; between roles it has a row of its own.
    """

    query: type[Any]
    action: str
    handler: Callable[[Any, CallContext], Awaitable[Any]]
    owner: Callable[[Any, CallContext], Awaitable[str | None]] | None = None
    report: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[A]):
    """What the bus returns. `position` is the log position that shows the effect; `replayed` marks a stored answer."""

    value: A
    position: int
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """All that a context gives to bootstrap: its only door."""

    name: str
    commands: tuple[CommandSpec, ...] = ()
    queries: tuple[QuerySpec, ...] = ()
    events: tuple[type[Any], ...] = ()
    projections: tuple[Any, ...] = ()
    consumers: tuple[Any, ...] = ()
    rules: tuple[Any, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
