"""A small product for kernel tests: memory store, a clock that stands still, one counter aggregate."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.commands.bus import Bus
from autobot.kernel.commands.decision import CommandSpec, Decision, Emit, QuerySpec
from autobot.kernel.commands.refusals import Refusals
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Append
from autobot.kernel.sagas.facts import EVENTS


class HandClock:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.seconds = 100.0

    def now(self) -> datetime:
        """Return the wall time."""
        return self.wall

    def monotonic(self) -> float:
        """Return seconds."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds


def user(name: str = "ann", role: Any = "user", scopes: frozenset[str] = frozenset({"*"})) -> Principal:
    """Return a person."""
    return Principal(id=name, kind="user", role=role, user_id=name, username=name, scopes=scopes)


def context_of(principal: Principal) -> CallContext:
    """Return a call of that person."""
    trace = TraceContext(trace_id="1" * 32, span_id="2" * 16)
    return CallContext(correlation_id="c-1", principal=principal, trace=trace, client="127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The counter grew."""

    TYPE: ClassVar[str] = "autobot.test.counted.v1"
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Let the counter grow."""

    counter: str
    by: Annotated[int, Ge(1)]
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How much is it?"""

    counter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The counter's value."""

    value: int


class Counters:
    """The context under test. `pause` lets a test hold a handler at its start."""

    def __init__(self, store: MemoryEventStore, codec: EventCodec) -> None:
        self.store, self.codec, self.runs = store, codec, 0
        self.pause: Callable[[], Awaitable[None]] | None = None
        self.owners: dict[str, str] = {}

    async def total(self, query: Total, context: CallContext) -> Sum:
        """Fold the counter."""
        events = await self.store.read_stream(query.counter)
        return Sum(value=sum(self.codec.unwrap(one).by for one in events))

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose counter it is."""
        return self.owners.get(message.counter)

    async def count(self, command: Count, context: CallContext) -> Decision[Sum]:
        """Grow, but never beyond 100."""
        self.runs += 1
        events = await self.store.read_stream(command.counter)
        before = sum(self.codec.unwrap(one).by for one in events)
        if self.pause is not None:
            await self.pause()
        if before + command.by > 100:
            raise Conflict("The counter is full.")
        emit = Emit(stream=command.counter, expected=len(events) - 1, events=(Counted(by=command.by),))
        return Decision(answer=Sum(value=before + command.by), emits=(emit,), object=command.counter)


class World:
    """Everything wired."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.ids = Uuid7Source(self.clock, random.Random(7))
        self.store = MemoryEventStore(self.clock)
        self.codec = EventCodec((Counted, *EVENTS), self.clock, self.ids, source="urn:autobot:test")
        self.counters = Counters(self.store, self.codec)
        self.refusals = Refusals(self.store, self.clock, self.ids)
        own = Verdict.OWN
        self.commands = (
            CommandSpec(
                command=Count,
                action="test:count",
                handler=self.counters.count,
                answer=Sum,
                owner=self.counters.owner,
                secret=frozenset({"secret"}),
            ),
        )
        self.queries = (QuerySpec(query=Total, action="test:read", handler=self.counters.total),)
        self.bus = Bus(
            commands=self.commands,
            queries=self.queries,
            authorizer=Authorizer(
                (
                    Rule(action="test:count", admin=Verdict.ALLOW, user=own),
                    Rule(action="test:read", admin=Verdict.ALLOW, user=Verdict.ALLOW),
                )
            ),
            store=self.store,
            publish=self.publish,
            refusals=self.refusals,
            clock=self.clock,
            ids=self.ids,
        )

    async def publish(self, emits: Iterable[Emit], context: CallContext) -> tuple[Append, ...]:
        """Wrap facts."""
        return tuple(
            Append(
                stream=emit.stream,
                expected=emit.expected,
                events=tuple(self.codec.wrap(one, emit.stream, context) for one in emit.events),
            )
            for emit in emits
        )
