"""The process that is killed after one of its commits: a group with dead letters on which a person decides.

    python -m tests.faults.letters_child FOLDER COMMIT

Sends eight messages unless they are there. The first is worked on until all others are settled, so the checkpoint
stands before it all the time; the second, third and fourth are poison: the second is discarded, the third gets a copy,
the fourth is replayed. Ends itself by SIGKILL once its commit number COMMIT is durable, before anybody is told; 0 is
never. What a handler does outside of any transaction is a line `{"call": id}` in FOLDER/calls; each life begins there
with `{"handled": ids}`, what the inbox holds then. Prints `done` at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import Any, Final

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import (
    ANY,
    Append,
    Committed,
    Handled,
    Put,
    Recorded,
    Transaction,
)
from autobot.kernel.messaging.broker import Delivery, Subscription, Unrecoverable
from autobot.kernel.messaging.dead_letters import DeadLetters
from autobot.kernel.messaging.facts import EventCopied, stream_of
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.testing.faults import Through
from tests.faults.store_child import BORN

GROUP: Final = "faults.letters"
SOURCE: Final = "urn:autobot:faults"
KEYS: Final = "abcdeebd"
POISON: Final = (2, 3, 4)
PATIENCE_S: Final = 30.0
EFFECTS: Final = "faults.effects"
DECISIONS: Final = "faults.decisions"


def id_of(number: int) -> str:
    """Return the id of a message."""
    return f"m-{number}"


def entry_of(message_id: str) -> Handled:
    """Return the inbox's entry of a message."""
    return Handled(consumer=GROUP, source=SOURCE, message_id=message_id)


class Dies(Through):
    """A store that kills its process after one of its commits."""

    def __init__(self, store: EventStore, at: int) -> None:
        super().__init__(store)
        self.committed = asyncio.Event()
        self._left = at

    async def commit(self, transaction: Transaction) -> Committed:
        done = await self.store.commit(transaction)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.committed.set()
        return done


def message(number: int, message_id: str, type_name: str, subject: str, data: Any, key: str) -> Message:
    """Return a message that is the same in every life."""
    return Message(
        id=message_id,
        source=SOURCE,
        type=type_name,
        time=BORN,
        subject=subject,
        data=json.dumps(data).encode(),
        correlation_id=f"c-{number}",
        partition_key=key,
    )


def sent() -> Transaction:
    """Return what is sent."""
    events = tuple(
        message(number, id_of(number), "autobot.faults.asked.v1", "asked", {"number": number}, key)
        for number, key in enumerate(KEYS, start=1)
    )
    return Transaction(appends=(Append(stream="asked", expected=ANY, events=events),))


class Life:
    """One life."""

    def __init__(self, store: Dies, clock: SystemClock, calls: Path) -> None:
        self.store, self.letters = store, DeadLetters(store, clock)
        self.broker, self.clock = LogBroker(store, clock, Random(1)), clock
        self.calls, self.rest_settled = calls, asyncio.Event()

    def note(self, line: dict[str, Any]) -> None:
        """Write a line that outlives the process."""
        with self.calls.open("a") as file:
            file.write(json.dumps(line) + "\n")

    async def handle(self, recorded: Recorded, delivery: Delivery) -> Transaction:
        """Act outside of the transaction, then return an effect inside it."""
        one = recorded.message
        number = json.loads(one.data)["number"]
        self.note({"call": one.id})
        if number == 1:
            await self.rest_settled.wait()
        if number in POISON and await self.store.get(DECISIONS, str(number)) is None:
            raise Unrecoverable("Somebody has to look at this.")
        before = await self.store.get(EFFECTS, one.partition_key)
        done = [*(before.document["ids"] if before else ()), one.id]
        version = before.version if before else 0
        put = Put(table=EFFECTS, key=one.partition_key, document={"ids": done}, expected=version)
        return Transaction(writes=(put,))

    async def decide(self) -> None:
        """Decide on each dead letter, once each, when they are all there or decided on."""
        ways = {2: self.letters.discard, 3: self._edit, 4: self.letters.replay}
        for number in POISON:
            letter = f"{GROUP}-{number:020d}"
            if await self.store.get(DECISIONS, str(number)) is None:
                made = await ways[number](letter)
                put = Put(table=DECISIONS, key=str(number), document={}, expected=0)
                await self.store.commit(
                    Transaction(appends=made.appends, writes=(*made.writes, put), handled=made.handled)
                )
            self.broker.wake(GROUP, letter)

    async def _edit(self, letter: str) -> Transaction:
        made = await self.letters.edit(letter, event_id="copy", copy=0)
        fact = {"letter": letter, "event_id": "copy", "data": {"number": 30}}
        event = message(30, "fact", EventCopied.TYPE, stream_of(letter), fact, letter)
        append = Append(stream=stream_of(letter), expected=-1, events=(event,))
        return Transaction(appends=(append,), writes=made.writes, handled=made.handled)

    async def until(self, dead: int) -> None:
        """Wait until nothing is left to do but the first message and the decisions on so many letters."""

        async def reached() -> bool:
            state = await self.broker.statistics(GROUP)
            parked = 2 if dead else 0
            settled = await self.store.handled([entry_of(id_of(one)) for one in (5, 6)])
            return (state.dead, state.parked, len(settled)) == (dead, parked, 2)

        async with asyncio.timeout(PATIENCE_S):
            while not await reached():
                await self.store.committed.wait()
                self.store.committed.clear()

    async def live(self) -> None:
        """Serve, decide, and end when all is settled."""
        if await self.store.head() == 0:
            await self.store.commit(sent())
        numbers = range(1, len(KEYS) + 1)
        known = await self.store.handled([entry_of(one) for one in (*map(id_of, numbers), "copy")])
        self.note({"handled": sorted(one.message_id for one in known)})
        subscription = Subscription(group=GROUP, types=("autobot.faults.asked.v1",), handler=self.handle)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.broker.serve(subscription))
            while GROUP not in self.broker.groups:
                await asyncio.sleep(0)
            if await self.store.get(DECISIONS, str(POISON[0])) is None:
                await self.until(len(POISON))
            await self.decide()
            await self.until(0)
            self.rest_settled.set()
            deadline = self.clock.monotonic() + PATIENCE_S
            await self.broker.settled(GROUP, await self.store.head(), deadline)
            task.cancel()


async def main(folder: Path, at: int) -> None:
    """Live once."""
    clock = SystemClock()
    store = await SqliteEventStore.open(folder / "autobot.db", clock)
    await Life(Dies(store, at), clock, folder / "calls").live()
    await store.close()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
