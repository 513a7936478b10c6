"""The process that is killed: a store, a consumer group and a read model; commands in, acknowledgements out.

    python -m tests.faults.store_child FOLDER [early] [postgresql://…] [redis://…]

One JSON object a line. In: `{"n", "ids", "stream", "expected", "key"}` appends a batch with all that may
commit with it; `{"n", "read": stream}` reads a stream's ids; `{"n", "settle": true}` waits until consumer and read
model have caught up. All the time it builds its read
model anew, switches, goes back and discards. Out: `{"ready"}` first, then for each command its `n` with `position`, `revision` and `repeated`,
or `ids`, or `error`. With `early` it acknowledges
before it commits: a fault that the judge must find. The store is the SQLite file in FOLDER, or the database that is named.
With a Redis server's address the group is served over its streams, else from the log.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.system.lock import locked_folder
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection, Reader, Write
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import (
    Append,
    AuditEntry,
    Put,
    Recorded,
    StoredAnswer,
    Transaction,
)
from autobot.kernel.messaging.broker import Broker, Delivery, Subscription
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.testing.streams import streams

DATABASE = "autobot.db"
GROUP = "faults.group"
SCOPE = "default/faults/Append"
READ_MAX = 1_000_000
CHANGE_AFTER = 3
CHANGE_EVERY_S = 1.0
BORN = datetime(2026, 1, 1, tzinfo=UTC)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


async def open_store(folder: Path, url: str, clock: Clock) -> EventStore:
    """Open the database at `url`, or the file in `folder` when that is empty."""
    if url:
        return await PostgresEventStore.open(url, clock)
    return await SqliteEventStore.open(folder / DATABASE, clock)


def transaction(command: dict[str, Any]) -> Transaction:
    """Return the batch of a command: the same for the same command, whenever it is repeated."""
    events = tuple(
        Message(
            id=event_id,
            source="urn:autobot:faults",
            type="autobot.faults.happened.v1",
            time=BORN + timedelta(seconds=command["n"]),
            subject=command["stream"],
            data=json.dumps({"id": event_id, "padding": "x" * (len(event_id) * 37 % 600)}).encode(),
            correlation_id=command["key"],
            partition_key=f"key-{command['n'] % 11}",
        )
        for event_id in command["ids"]
    )
    return Transaction(
        appends=(Append(stream=command["stream"], expected=command["expected"], events=events),),
        answer=StoredAnswer(
            scope=SCOPE, key=command["key"], fingerprint="f", status="done", body=b"{}", expires=FOREVER
        ),
        audit=(
            AuditEntry(
                id=command["key"],
                time=BORN,
                principal="faults",
                tenant="default",
                action="faults:append",
                object=",".join(command["ids"]),
                outcome="accepted",
                payload_hash="",
                correlation_id=command["key"],
            ),
        ),
        writes=tuple(
            Put(
                table="faults.documents",
                key=event_id,
                document={"key": command["key"]},
                text=f"word {event_id}",
            )
            for event_id in command["ids"]
        ),
    )


class Child:
    """Store, group and read model of one life."""

    def __init__(self, store: EventStore, broker: Broker, clock: SystemClock, *, early: bool) -> None:
        self.store, self.broker, self.clock, self.early = store, broker, clock, early
        self.runner = ProjectionRunner(
            Projection(
                name="faults.streams",
                types=("autobot.faults.*",),
                tables=("faults.streams",),
                apply=self.project,
            ),
            store,
            clock,
        )

    async def project(self, recorded: Recorded, reader: Reader) -> Sequence[Write]:
        """List a stream's events in its document."""
        before = await reader.get("faults.streams", recorded.stream)
        ids = [*(before.document["ids"] if before else ()), recorded.message.id]
        return (Put(table="faults.streams", key=recorded.stream, document={"ids": ids}),)

    async def handle(self, recorded: Recorded, delivery: Delivery) -> Transaction:
        """List a key's events in its document."""
        key = recorded.message.partition_key
        before = await self.store.get("faults.effects", key)
        ids = [*(before.document["ids"] if before else ()), recorded.message.id]
        return Transaction(writes=(Put(table="faults.effects", key=key, document={"ids": ids}),))

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one command and say what came of it."""
        try:
            if command.get("settle"):
                deadline = self.clock.monotonic() + 60
                head = await self.store.head()
                await self.broker.settled(GROUP, head, deadline)
                await self.runner.wait_for(head, deadline)
                return {"n": command["n"], "position": head}
            if "read" in command:
                found = await self.store.read_stream(command["read"], limit=READ_MAX)
                return {"n": command["n"], "ids": [one.message.id for one in found]}
            done = await self.store.commit(transaction(command))
            return {
                "n": command["n"],
                "position": done.position,
                "revision": done.revisions[0],
                "repeated": done.repeated,
            }
        except AutoBotError as error:
            return {"n": command["n"], "error": error.code, "detail": error.detail}

    async def answer(self, command: dict[str, Any]) -> None:
        """Do one command and write its line."""
        if self.early and "ids" in command:
            say(
                {
                    "n": command["n"],
                    "position": await self.store.head() + len(command["ids"]),
                    "revision": command["expected"] + len(command["ids"]),
                    "repeated": False,
                }
            )
            await self.command(command)
            return
        say(await self.command(command))

    async def change(self) -> None:
        """Build, switch, go back and discard for as long as the process lives; a kill may come inside of each."""
        kept = False
        while True:
            try:
                if (await self.runner.statistics()).state == "stopped":
                    return
                await self.runner.wait_for(
                    self.runner.position + CHANGE_AFTER, self.clock.monotonic() + CHANGE_EVERY_S
                )
            except DeadlineExceeded:
                pass
            except AutoBotError:
                return
            try:
                await self.runner.build()
                await self.runner.compare()
                await self.runner.switch()
                if kept:
                    await self.runner.rollback()
                    await self.runner.discard()
                kept = not kept
            except AutoBotError:
                # The store is out of reach, or what a life before left is in the way.
                await self.clear()

    async def clear(self) -> None:
        """Remove a candidate that is left, so that the next change begins anew."""
        try:
            await self.runner.discard()
        except AutoBotError:
            return


def say(line: dict[str, Any]) -> None:
    """Write one line at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def brokered(store: EventStore, clock: Clock, redis: str, holder: str) -> AsyncIterator[Broker]:
    """Give the broker over the log, or over the streams of a server."""
    if not redis:
        yield LogBroker(store, clock, random.Random())
        return
    async with streams(redis, store, clock, holder=holder) as broker:
        yield broker


async def live(folder: Path, url: str, redis: str, *, early: bool) -> None:
    """Serve commands until the input ends."""
    loop, clock = asyncio.get_running_loop(), SystemClock()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    with locked_folder(folder):
        store = await open_store(folder, url, clock)
        async with brokered(store, clock, redis, folder.name) as broker:
            child = Child(store, broker, clock, early=early)
            subscription = Subscription(
                group=GROUP,
                types=("autobot.faults.*",),
                handler=child.handle,
                options=ConsumerOptions(concurrency=8),
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(child.broker.serve(subscription))
                group.create_task(child.runner.run())
                changing = group.create_task(child.change())
                say({"ready": True, "head": await store.head()})
                while line := await lines.readline():
                    group.create_task(child.answer(json.loads(line)))
                changing.cancel()
                await store.close()


if __name__ == "__main__":
    words = sys.argv[2:]
    named = next((one for one in words if one.startswith("postgresql:")), "")
    server = next((one for one in words if one.startswith(("unix:", "redis:"))), "")
    asyncio.run(live(Path(sys.argv[1]), named, server, early="early" in words))
