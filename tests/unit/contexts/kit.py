"""Contexts on the memory store, through the real bus: what their tests share."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from autobot.adapters.argon2.passwords import Argon2Options, Argon2Passwords
from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.vault.vault import AesVault
from autobot.contexts.identity.ports.secrets import PasswordCheck
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.commands.bus import Bus
from autobot.kernel.commands.decision import Emit, Module
from autobot.kernel.commands.refusals import Refusals
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext, Principal, Role, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Append

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROLES: tuple[Role, ...] = ("admin", "operator", "user", "viewer")
CHAT_RULES = (
    Rule(action="chat:read", **dict.fromkeys(ROLES, Verdict.OWN)),
    Rule(action="chat:write", admin=Verdict.OWN, operator=Verdict.OWN, user=Verdict.OWN),
    Rule(action="metrics:read", admin=Verdict.ALLOW, operator=Verdict.ALLOW),
)
"""Rules of another context, so that keys have something to be scoped to."""


class HandClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self._passed = timedelta()

    def now(self) -> datetime:
        return START + self._passed

    def monotonic(self) -> float:
        return 1000.0 + self._passed.total_seconds()

    def move(self, **passed: float) -> None:
        """Let time pass; arguments as of timedelta."""
        self._passed += timedelta(**passed)


class NumberedTokens:
    """Tokens that a test can foresee: 43 characters, different each time."""

    def __init__(self) -> None:
        self._chance = random.Random(7)

    def new(self) -> str:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return "".join(self._chance.choices(alphabet, k=43))


class CountedPasswords:
    """Real argon2id at the lowest cost, counting what was done."""

    def __init__(self) -> None:
        self._inner = Argon2Passwords(Argon2Options(memory_kib=8, passes=1))
        self.hashed = 0
        self.verified: list[bool] = []
        self.then: Callable[[], Awaitable[None]] | None = None

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return await self._inner.hash(password)

    async def verify(self, password: str, stored: str | None) -> PasswordCheck:
        """Note whether there was a hash to compare with."""
        self.verified.append(stored is not None)
        found = await self._inner.verify(password, stored)
        if self.then is not None:
            await self.then()
        return found

    def raise_cost(self) -> None:
        """Hash at a higher cost from now on."""
        self._inner = Argon2Passwords(Argon2Options(memory_kib=16, passes=2))


class Ground:
    """Clock, ids, store and codec: what every context is built from."""

    clock: Any

    def __init__(self, events: Iterable[type[Any]], seed: int = 1, clock: Clock | None = None) -> None:
        self.clock = clock or HandClock()
        self.ids = Uuid7Source(self.clock, random.Random(seed))
        self.store: EventStore = MemoryEventStore(self.clock)
        self.codec = EventCodec(tuple(events), self.clock, self.ids, source="/test")
        self.vault = AesVault(b"k" * 32)
        self.tokens = NumberedTokens()
        self.passwords = CountedPasswords()
        self.authorizer = Authorizer(())

    def bus(self, modules: Iterable[Module], rules: Iterable[Rule] = CHAT_RULES) -> Bus:
        """Return the real bus over these modules."""
        modules = tuple(modules)
        self.authorizer = Authorizer([*rules, *(rule for one in modules for rule in one.rules)])
        return Bus(
            commands=[spec for one in modules for spec in one.commands],
            queries=[spec for one in modules for spec in one.queries],
            authorizer=self.authorizer,
            store=self.store,
            publish=self.publish,
            refusals=Refusals(self.store, self.clock, self.ids),
            clock=self.clock,
            ids=self.ids,
        )

    async def publish(self, emits: Iterable[Emit], context: CallContext) -> tuple[Append, ...]:
        """Wrap facts into envelopes."""
        return tuple(
            Append(
                stream=one.stream,
                expected=one.expected,
                events=tuple(self.codec.wrap(event, one.stream, context) for event in one.events),
            )
            for one in emits
        )

    def actions_of(self, role: Role) -> list[str]:
        """Return what a role may do."""
        asker = Principal(id="x", kind="user", role=role, user_id="x")
        return [
            one for one in self.authorizer.actions if self.authorizer.verdict(asker, one) is not Verdict.DENY
        ]

    async def facts(self, prefix: str = "") -> list[Any]:
        """Return all facts of the log whose type begins so."""
        log = await self.store.read_all(limit=100_000)
        return [self.codec.unwrap(one) for one in log if one.message.type.startswith(prefix)]

    async def everything_stored(self) -> str:
        """Return all that a disk would hold, as text: to look for what must not be there."""
        text = " ".join(_texts(vars(self.store), set()))
        assert await self.store.head() == 0 or "autobot." in text, "the walk finds what is stored"
        return text


def _texts(value: Any, seen: set[int]) -> Iterable[str]:
    """Yield every text below `value`, whatever it is kept in."""
    if isinstance(value, str | bytes):
        yield value if isinstance(value, str) else value.decode("utf-8", "replace")
    elif id(value) not in seen:
        seen.add(id(value))
        parts: list[Any] = []
        if isinstance(value, Mapping):
            parts = [*value.keys(), *value.values()]
        elif isinstance(value, Iterable):
            parts = list(value)
        elif is_dataclass(value):
            parts = [getattr(value, one.name) for one in fields(value)]
        for part in parts:
            yield from _texts(part, seen)


def context_of(principal: Principal = SYSTEM, client: str = "192.0.2.1") -> CallContext:
    """Return a call context of a principal."""
    return CallContext(
        correlation_id="correlation",
        principal=principal,
        trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
        client=client,
    )


def with_scopes(principal: Principal, *scopes: str) -> Principal:
    """Return the principal with these scopes alone."""
    return replace(principal, scopes=frozenset(scopes))
