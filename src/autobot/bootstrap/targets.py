"""Where the calls of this process go: rows to other roles follow the roles table, or the addresses that they fix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from autobot.adapters.system.names import resolved
from autobot.bootstrap.placing import HOPS, WORKER_ROW
from autobot.contexts.roles.module import (
    ContractBook,
    Instance,
    Observer,
    bury,
    members,
    roles_in,
    unlike_keys,
)
from autobot.kernel.commands.speech import Contracts
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.addresses import named, plain
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.links.row import TransportName
from autobot.kernel.links.wired import Carrier
from autobot.kernel.resilience.operation import Transport
from autobot.kernel.telemetry.listener import Change, Listener

LOOK_S: Final = 1.0
"""Seconds between two looks, unless a fact about roles or rows wakes the directory before."""
RESOLVE_S: Final = 5.0
"""Seconds between two look-ups of a name, and the longest that one may take."""
STALE: Final = "role_targets_stale_total"
LOST: Final = "role_instances_lost_total"
UNLIKE: Final = "role_keys_unlike_total"
UNRESOLVED: Final = "role_names_unresolved_total"
UNAWAITED: Final = frozenset({"backend-models", WORKER_ROW})
"""Rows that no start waits for: work goes on without them, and the other end of one waits for this one."""
WAKING: Final = ("autobot.roles.", "autobot.system.link")
"""How the types of facts begin that change where calls go."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host's port as targets. Raises OSError."""


Others = Mapping[str, Mapping[TransportName, Transport]]
OpenFor = Callable[[frozenset[TransportName]], Awaitable[Others | None]]


class Reached(NamedTuple):
    """Where the live processes of a role take calls, by transport."""

    http: tuple[str, ...] = ()
    grpc: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()

    def by(self, word: TransportName) -> tuple[str, ...]:
        """Return those that a transport goes to."""
        match word:
            case "grpc":
                return self.grpc
            case "stream":
                return self.stream
        return self.http


class TargetDirectory:
    """Connects each row of `hops` to the live processes of its other end, and anew only when those change.

    Calls that are under way go on where they are; the registry keeps what it knows of the targets that stay. While the
    table cannot be read the last known ones stay, which is told and counted: their breakers know better than silence.
    `contracts` is the fingerprint of what this process `speaks`; who does not understand it gets no calls. Nor does who
    has another service key than `key_mark` tells: that would refuse them; it is told once a life, and counted. `others`
    carry a row instead when it says their word: to those processes that take calls that way. `otherwise` carries a row
    for which no process is there. `open_for` opens what carries the words that rows say now, and returns `others` anew
    when something came.
    """

    def __init__(
        self,
        hops: Mapping[str, Transport],
        contracts: str,
        *,
        registry: LinkRegistry,
        store: EventStore,
        codec: EventCodec,
        clock: Clock,
        observer: Observer,
        context: CallContext,
        listener: Listener | None = None,
        speaks: Contracts | None = None,
        resolve: Resolve = resolved,
        key_mark: str = "",
        others: Others | None = None,
        otherwise: Mapping[str, Carrier] | None = None,
        open_for: OpenFor | None = None,
    ) -> None:
        self._key_mark, self._unlike = key_mark, frozenset[tuple[str, int]]()
        self._hops, self._others, self._contracts = dict(hops), dict(others or {}), contracts
        self._otherwise, self._open_for = dict(otherwise or {}), open_for
        self._registry, self._store, self._codec = registry, store, codec
        self._clock, self._observer, self._context, self._listener = clock, observer, context, listener
        self._book, self._names = ContractBook(store, speaks), Names(resolve, clock, listener)
        self._known: dict[str, Reached] = {}
        self._woken = asyncio.Event()
        self._stale = self._unopened = False
        self.found = asyncio.Event()
        """Set while every row has a target."""
        for row in self._hops:
            self._wire(row, Reached())

    async def run(self) -> None:
        """Follow the table until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                await self.look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._woken.wait()
                self._woken.clear()

    async def _listen(self) -> None:
        """Look at once when the log tells of a process or a row. Without the log each second is enough."""
        while True:
            try:
                async for batch in self._store.subscribe(after=await self._store.head()):
                    if any(one.message.type.startswith(WAKING) for one in batch):
                        self._woken.set()
                return
            except AWAY:
                await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read the table once and connect what changed."""
        await self._open()
        await self._resolve()
        try:
            rows = [one for one, _ in await members(self._store)]
            self._observer.look(rows, self._clock.monotonic())
            wanted = {row: await self._able(HOPS[row][1], rows) for row in self._hops}
        except AWAY as error:
            self._keep(error)
            return
        self._read()
        self._compare_keys(rows)
        for row, targets in wanted.items():
            if targets != self._known[row]:
                self._wire(row, targets)
        self._say_found()
        if all(self._observer.state(one)[0] != "lost" for one in rows):
            return
        with suppress(*AWAY):
            # What is lost gets no calls from here already; that it is written down can wait for the next look.
            for one in await bury(self._store, self._codec, self._observer, self._context):
                self._lost(one)

    async def _open(self) -> None:
        """Open what rows ask for since a moment ago: their other ends do so at the same time."""
        if self._open_for is None:
            return
        rows = self._registry.matrix.rows
        try:
            others = await self._open_for(frozenset(rows[row].transport for row in HOPS if row in rows))
        except AutoBotError as error:
            if not self._unopened:
                self._unopened = True
                self._change("closed", "closed", "A transport that a row asks for cannot be opened.", error)
            return
        self._unopened = False
        if others is not None:
            self._others = dict(others)
            for row, known in self._known.items():
                self._wire(row, known)

    async def _able(self, role: str, rows: Sequence[Instance]) -> Reached:
        """Return the addresses that get calls of a role, in one order."""
        found: list[Instance] = []
        for one in rows:
            held = roles_in(one.role)
            if role not in held or self._observer.state(one)[0] != "live":
                continue
            if unlike_keys(self._key_mark, one.key_mark):
                continue
            if not await self._book.reason_against(self._contracts, one.contracts, held):
                found.append(one)
        return Reached(
            tuple(sorted({one.address for one in found})),
            tuple(sorted({one.grpc for one in found if one.grpc})),
            # Whoever of them is first takes a call from the stream of their role.
            (f"calls of {role}",) if found else (),
        )

    def _wire(self, row: str, targets: Reached) -> None:
        self._known[row] = targets
        hint = f"autobot serve {HOPS[row][1]}"
        others = self._others.get(row, {})
        there = Wired(
            transport=self._hops[row],
            targets=targets.http,
            hint=hint,
            aim=self._aimed,
            others={word: Carrier(one, targets.by(word)) for word, one in others.items()},
            otherwise=self._otherwise.get(row),
            agreed=True,
        )
        self._registry.wire(row, there)

    def _aimed(self, fixed: tuple[str, ...]) -> tuple[str, ...]:
        """Return what is known of the addresses that a row fixes; a name that is new gets its own at once."""
        if not self._names.knows(fixed):
            self._woken.set()
        return self._names.addresses(fixed)

    async def _resolve(self) -> None:
        rows = self._registry.matrix.rows
        fixed = {row: rows[row].targets for row in self._hops if row in rows}
        changed = await self._names.resolve(one for targets in fixed.values() for one in targets)
        for row, targets in fixed.items():
            if changed.intersection(targets):
                self._wire(row, self._known[row])

    def _say_found(self) -> None:
        rows = self._registry.matrix.rows
        able = [
            self._aimed(rows[row].targets)
            if row in rows and rows[row].targets
            else known.by(rows[row].transport if row in rows else "http")
            for row, known in self._known.items()
            if row not in UNAWAITED
        ]
        if all(able):
            self.found.set()
        else:
            self.found.clear()

    # ------------------------------------------------------------------------------------------ telling

    def _keep(self, error: AutoBotError) -> None:
        """Say that the last known targets stay: once in words, each time as a count."""
        if self._listener is None:
            return
        self._listener.counted(STALE, 1.0, (("reason", error.code),))
        if not self._stale:
            self._stale = True
            self._change(
                "followed", "kept", "The roles table cannot be read; the last known targets stay.", error
            )

    def _read(self) -> None:
        if self._stale:
            self._stale = False
            self._change("kept", "followed", "The roles table is read again.")

    def _compare_keys(self, rows: Iterable[Instance]) -> None:
        """Tell of each process, once in its life, whose service key is not that of this one."""
        found = {}
        for one in rows:
            reason = unlike_keys(self._key_mark, one.key_mark)
            if reason and self._observer.state(one)[0] != "lost":
                found[one.id, one.epoch] = one, reason
        for key, (one, reason) in found.items():
            if key in self._unlike or self._listener is None:
                continue
            self._listener.counted(UNLIKE, 1.0, (("role", one.role),))
            self._listener.changed(
                Change(kind="role", subject=f"role:{one.id}", before="live", after="refused", reason=reason)
            )
        self._unlike = frozenset(found)

    def _lost(self, one: Instance) -> None:
        if self._listener is not None:
            self._listener.counted(LOST, 1.0, (("role", one.role),))
            reason = f"It said nothing for longer than its lease, {one.lease_s:g} s."
            self._listener.changed(
                Change(kind="role", subject=f"role:{one.id}", before="live", after="lost", reason=reason)
            )

    def _change(self, before: str, after: str, reason: str, error: AutoBotError | None = None) -> None:
        if self._listener is not None:
            self._listener.changed(
                Change(
                    kind="targets", subject="roles", before=before, after=after, reason=reason, error=error
                )
            )


class Names:
    """Names that rows fix, and the addresses that they have. One that does not answer keeps those that it had."""

    def __init__(self, resolve: Resolve, clock: Clock, listener: Listener | None) -> None:
        self._resolve, self._clock, self._listener = resolve, clock, listener
        self._found: dict[str, tuple[str, ...]] = {}
        self._asked_at: dict[str, float] = {}

    def knows(self, targets: Sequence[str]) -> bool:
        """Say whether every name among targets was asked for."""
        return all(named(one) is None or one in self._asked_at for one in targets)

    def addresses(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Return targets with each name in its place as the addresses that it has, each once."""
        found = (address for one in targets for address in self._found.get(one, plain((one,))))
        return tuple(dict.fromkeys(found))

    async def resolve(self, targets: Iterable[str]) -> set[str]:
        """Ask for the names that are due; return those whose addresses changed. Others are forgotten."""
        wanted = {one for one in targets if named(one) is not None}
        for known in (self._found, self._asked_at):
            for gone in known.keys() - wanted:
                del known[gone]
        now = self._clock.monotonic()
        due = {one for one in wanted if now - self._asked_at.get(one, now - RESOLVE_S) >= RESOLVE_S}
        return {one for one in sorted(due) if await self._ask(one)}

    async def _ask(self, target: str) -> bool:
        place = named(target)
        if place is None:
            return False
        self._asked_at[target] = self._clock.monotonic()
        try:
            async with asyncio.timeout(RESOLVE_S):
                # In one order: answers are turned about from one to the next, what they name seldom changes.
                found = tuple(sorted(await self._resolve(*place)))
        except (OSError, TimeoutError):
            if self._listener is not None:
                self._listener.counted(UNRESOLVED, 1.0, (("name", place[0]),))
            return False
        changed = found != self._found.get(target)
        self._found[target] = found
        return changed
