"""A consumer group that fails as a test tells it, with the messaging context over its dead letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from autobot.adapters.jsonschema.validator import JsonSchemaValidator
from autobot.contexts.messaging.module import EVENTS, build, replay_run, replay_starter
from autobot.contexts.sagas.module import reactions
from autobot.contexts.schemas.module import registered_types
from autobot.contexts.schemas.ports import put_version
from autobot.contracts import messaging, replays
from autobot.contracts.schemas import SchemaRegistered
from autobot.kernel.commands.decision import Emit
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.transaction import ANY, Append, Document, Put, Query, Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription, Unrecoverable
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.testing.faults import Through
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock, seeded
from tests.unit.contexts.kit import Ground, context_of

GROUP = "orders"
OUTSIDE = "shop.ordered.v1"
"""A type of others, which the group consumes, too."""
OLA = Principal(id="u1", kind="user", role="operator", user_id="u1", username="ola")
UMA = Principal(id="u2", kind="user", role="user", user_id="u2", username="uma")
SERVICE = Principal(id="s1", kind="service", role="service", user_id="s1", username="service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What the group consumes."""

    TYPE: ClassVar[str] = "autobot.test.ordered.v1"
    number: int
    amount: messaging.Group = "one"


@dataclass(slots=True)
class Orders:
    """The handler: writes into its key's list what it did, and refuses the numbers that it is told to."""

    world: World
    refuses: set[int] = field(default_factory=set)
    given: list[tuple[str, str | None]] = field(default_factory=list)

    async def handle(self, recorded: Recorded, delivery: Delivery) -> Transaction:
        """Do one order."""
        self.given.append((recorded.message.id, recorded.message.causation_id))
        event = self.world.codec.unwrap(recorded)
        if recorded.message.type == OUTSIDE:
            event = Ordered(**json.loads(recorded.message.data))
        if not isinstance(event, Ordered):
            raise Unrecoverable("There is nothing to do.")
        if event.number in self.refuses:
            raise Unrecoverable(f"{'Odd' if event.number % 2 else 'Even'} numbers are refused.")
        key = recorded.message.partition_key
        before = await self.world.store.get("done", key)
        numbers = [*(before.document["numbers"] if before else ()), event.number]
        version = before.version if before else 0
        return Transaction(
            writes=(Put(table="done", key=key, document={"numbers": numbers}, expected=version),)
        )


class Counting(Through):
    """Counts the documents that queries read."""

    documents = 0

    async def query(self, query: Query) -> Sequence[Document]:
        found = await self.store.query(query)
        self.documents += len(found)
        return found


class World(Ground):
    """Store, broker, engine and bus, in virtual time."""

    def __init__(self) -> None:
        super().__init__((*EVENTS, *facts.EVENTS, Ordered), clock=VirtualClock())
        self.store: Counting = Counting(self.store)
        self.broker = LogBroker(self.store, self.clock, seeded())
        self.orders = Orders(self)
        self.engine: RunEngine
        self.elsewhere: list[dict[str, Any]] = []
        module = build(
            store=self.store,
            codec=self.codec,
            clock=self.clock,
            ids=self.ids,
            broker=self.broker,
            shown=lambda one: {"id": one.message.id, "data": one.message.data.decode()},
            check_of=registered_types(self.store, self.codec, JsonSchemaValidator()).check_of,
            served=self.served,
        )
        self.commands = self.bus([module])

    async def served(self) -> list[dict[str, Any]]:
        """Return this process's groups, and those of the others that a test tells of."""
        here = [asdict(await self.broker.statistics(one)) for one in self.broker.groups]
        return [*({**one, "role": "backend", "process": "here"} for one in here), *self.elsewhere]

    async def do(self, command: Any, principal: Principal = OLA, key: str | None = None) -> Any:
        """Run a command and return its answer."""
        return (await self.commands.dispatch(command, context_of(principal), key=key)).value

    async def ask(self, query: Any, principal: Principal = OLA) -> Any:
        """Ask a query."""
        return await self.commands.ask(query, context_of(principal))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Serve the group and carry replays, as a process does between its start and its end."""

        async def frame(channel: str, body: dict[str, Any]) -> None:
            return

        definition = replay_run(bus=self.commands, store=self.store, clock=self.clock)
        self.engine = RunEngine([definition], self.store, self.codec, self.clock, frame)
        start = replay_starter(self.codec, self.engine.accept)

        async def begin(recorded: Recorded, delivery: Delivery) -> Transaction:
            await start(recorded)
            return Transaction()

        options = ConsumerOptions(delays=(), immediate=0, pause_after=1_000)
        told = reactions(self.codec, self.engine)

        async def hear(recorded: Recorded, delivery: Delivery) -> Transaction:
            await told[recorded.message.type](recorded)
            return Transaction()

        groups = (
            Subscription(group="words", types=tuple(told), handler=hear),
            Subscription(
                group=GROUP, types=(Ordered.TYPE, OUTSIDE), handler=self.orders.handle, options=options
            ),
            Subscription(group="replays", types=("autobot.messaging.replay_requested.v1",), handler=begin),
        )
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(self.broker.serve(one)) for one in groups]
            carrying = group.create_task(self.engine.serve())
            await self.engine.recovered.wait()
            try:
                yield self
            finally:
                self.engine.close()
                await carrying
                for task in serving:
                    task.cancel()

    async def order(self, keys: Sequence[str], start: int = 1) -> None:
        """Append a numbered order for each letter, which is its key, and wait until all are settled."""
        for number, key in enumerate(keys, start):
            await self.append(key, number)
        await self.settled()

    async def append(self, key: str, number: int) -> None:
        """Append one order."""
        emit = Emit(stream=key, expected=ANY, events=(Ordered(number=number),))
        await self.store.commit(Transaction(appends=await self.publish([emit], context_of())))

    async def outside(self, event_id: str, data: bytes, content_type: str = "application/json") -> None:
        """Append an event of others, whose key is its id, and wait until all are settled."""
        message = Maker(self.clock).message(
            f"outside-{event_id}",
            id=event_id,
            source="urn:shop",
            type=OUTSIDE,
            content_type=content_type,
            partition_key=event_id,
            attributes=(("id", f"their-{event_id}"),),
        )
        append = Append(stream=message.subject, expected=ANY, events=(replace(message, data=data),))
        await self.store.commit(Transaction(appends=(append,)))
        await self.settled()

    async def register(self, schema: dict[str, Any]) -> None:
        """Give the type of others a schema, as a registration stores it."""
        fact = SchemaRegistered(
            type=OUTSIDE.removesuffix(".v1"), version=1, compatibility="backward", schema=schema, by="ola"
        )
        await self.store.commit(Transaction(writes=(put_version(fact, "2026-01-01T00:00:00Z"),)))

    async def no_replay_runs(self) -> None:
        """Wait until every replay is over."""
        while any(one.ended_at is None for one in (await self.ask(replays.ListReplays())).items):
            await asyncio.sleep(1.0)

    async def settled(self) -> None:
        """Wait until the group has nothing to do."""
        while True:
            await self.broker.settled(GROUP, await self.store.head(), self.clock.monotonic() + 3600)
            await asyncio.sleep(1.0)
            waiting = await self.store.query(Query(table="parked_messages", owner=GROUP, limit=1000))
            if all(one.document["state"] == "behind" for one in waiting):
                return

    async def letters(self, **selection: Any) -> tuple[messaging.DeadLetterSummary, ...]:
        """Return dead letters."""
        query = messaging.ListDeadLetters(selection=messaging.Selection(**selection), limit=200)
        items: tuple[messaging.DeadLetterSummary, ...] = (await self.ask(query)).items
        return items

    async def done(self) -> dict[str, list[int]]:
        """Return by key what was done, in order."""
        found = await self.store.query(Query(table="done", limit=1000))
        return {one.key: one.document["numbers"] for one in found}
