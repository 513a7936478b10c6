"""Events through Valkey: publish → group → handler → acknowledgement, ours beside bare redis-py, interleaved.

    python -m bench.streams [--rounds 3] [--messages 10000] [--paced 2.0]

A server of its own on a socket in a temporary folder, nothing kept. One process publishes and consumes, on uvloop.
- `ours`: events of a log in memory, relayed to four parts, handled by a group with envelope, lanes by key, inbox
  and dead letters; the log is filled before the clock starts.
- `ours_effect`: the same, and each handler writes a document with its acknowledgement, in SQLite (FULL).
- `raw`: redis-py and hiredis, bare: pipelines of 200 XADD, XREADGROUP of 200, one XACK for all of them; the same
  payload, no envelope, no order per key, no inbox, no dead letters.
- `…_cpu_us`: CPU of this process a message. `…_p50_us`, `…_p99_us`: from the commit (raw: the XADD) to the handler,
  at 200 messages a second.
Prints one JSON object; bars are those of a quiet machine, `load` says how quiet this one was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import redis.asyncio as bare
import uvloop

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.testing.messages import Maker
from autobot.testing.streams import streams
from autobot.testing.valkey import ValkeyServer
from bench.around import circumstances

KEYS, BATCH, RATE = 64, 200, 200
BARS = {"ours": 30_000, "ours_effect": 10_000, "ours_p50_us": 260, "ours_p99_us": 800}
DATA = {"message_id": "0190a0b0-0000-7000-8000-000000000000", "content": "word " * 30}


class Ours:
    """A group that counts what it handles; with `effect` each message writes a document."""

    def __init__(self, store: EventStore, *, effect: bool) -> None:
        self.store, self.effect = store, effect
        self.maker = Maker(SystemClock())
        self.wanted, self.seen = 0, 0
        self.reached = asyncio.Event()
        self.sent: dict[str, float] = {}
        self.waits: list[float] = []

    async def handle(self, recorded: Recorded, delivery: Delivery) -> Transaction:
        began = self.sent.pop(recorded.message.id, None)
        if began is not None:
            self.waits.append(time.perf_counter() - began)
        self.seen += 1
        if self.seen >= self.wanted:
            self.reached.set()
        if not self.effect:
            return Transaction()
        key = recorded.message.partition_key
        return Transaction(writes=(Put(table="effects", key=key, document={"seen": recorded.position}),))

    async def fill(self, count: int) -> None:
        for number in range(count // 50):
            stream = f"k{number % KEYS}"
            events = tuple(self.maker.message(stream, data=DATA) for _ in range(50))
            append = self.maker.append(stream, 0)
            await self.store.commit(
                Transaction(appends=(type(append)(stream=stream, expected=-2, events=events),))
            )

    async def flow(self, broker: SourceBroker, count: int) -> tuple[float, float]:
        """Return messages a second, and CPU a message, from the start of the group to the last handler."""
        self.wanted, self.seen = count, 0
        wanted = Subscription(group=f"bench-{time.monotonic_ns()}", types=("*",), handler=self.handle)
        began, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(broker.serve(wanted))
            await self.reached.wait()
            await broker.settled(
                wanted.group, await self.store.head(), asyncio.get_running_loop().time() + 60
            )
            took, spent = time.perf_counter() - began, time.process_time() - cpu
            serving.cancel()
        return count / took, spent / count * 1e6

    async def paced(self, broker: SourceBroker, seconds: float) -> None:
        """Commit at the rate, one by one, while the group runs."""
        wanted = Subscription(group=f"paced-{time.monotonic_ns()}", types=("*",), handler=self.handle)
        self.wanted, self.seen = 1, 0
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(broker.serve(wanted))
            await self.store.commit(self.maker.transaction("k0"))
            await self.reached.wait()
            loop = asyncio.get_running_loop()
            due = loop.time()
            for number in range(int(seconds * RATE)):
                due += 1 / RATE
                await asyncio.sleep(max(0.0, due - loop.time()))
                event = self.maker.message(f"k{number % KEYS}", data=DATA)
                append = self.maker.append(event.subject, 0)
                self.sent[event.id] = time.perf_counter()
                await self.store.commit(
                    Transaction(appends=(type(append)(stream=event.subject, expected=-2, events=(event,)),))
                )
            await broker.settled(wanted.group, await self.store.head(), loop.time() + 60)
            serving.cancel()


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncIterator[EventStore]:
    clock = SystemClock()
    store: Any = MemoryEventStore(clock)
    if kind == "ours_effect":
        store = await SqliteEventStore.open(folder / f"{time.monotonic_ns()}.db", clock)
    yield store
    await store.close()


async def emptied(url: str) -> None:
    async with bare.Redis.from_url(url) as client:
        await client.flushall()


async def raw(url: str, count: int, paced_s: float) -> dict[str, float]:
    client = bare.Redis.from_url(url, protocol=2)
    await client.flushall()
    await client.xgroup_create("s", "g", "0", mkstream=True)
    payload = json.dumps(DATA).encode()
    seen = 0

    async def consume(until: int, waits: list[float] | None = None) -> None:
        nonlocal seen
        while seen < until:
            found = await client.xreadgroup("g", "c", {"s": ">"}, count=BATCH, block=1_000)
            ids = [one for one, _ in found[0][1]] if found else []
            if waits is not None and found:
                now = time.perf_counter()
                waits += [now - float(fields[b"at"]) for _, fields in found[0][1]]
            if ids:
                await client.xack("s", "g", *ids)
                seen += len(ids)

    async def publish() -> None:
        for _ in range(count // BATCH):
            pipe = client.pipeline(transaction=False)
            for _ in range(BATCH):
                pipe.xadd("s", {"data": payload})
            await pipe.execute()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(publish(), consume(count))
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    waits: list[float] = []
    number = int(paced_s * RATE)
    reading = asyncio.ensure_future(consume(count + number, waits))
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(number):
        due += 1 / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        await client.xadd("s", {"data": payload, "at": repr(time.perf_counter())})
    await reading
    await client.aclose()
    return {
        "raw": count / took,
        "raw_cpu_us": spent / count * 1e6,
        "raw_p50_us": statistics.median(waits) * 1e6,
        "raw_p99_us": statistics.quantiles(waits, n=100)[98] * 1e6,
    }


async def ours(kind: str, url: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    await emptied(url)
    count = options.messages - options.messages % 50
    async with opened(kind, folder) as store:
        one = Ours(store, effect=kind == "ours_effect")
        await one.fill(count)
        async with streams(url, store, SystemClock(), block=1.0, upkeep=1.0, lease=6.0) as broker:
            rate, cpu = await one.flow(broker, count)
    found = {kind: rate, f"{kind}_cpu_us": cpu}
    if kind == "ours":
        await emptied(url)
        async with opened(kind, folder) as store:
            one = Ours(store, effect=False)
            async with streams(url, store, SystemClock(), block=1.0, upkeep=1.0, lease=6.0) as broker:
                await one.paced(broker, options.paced)
        found["ours_p50_us"] = statistics.median(one.waits) * 1e6
        found["ours_p99_us"] = statistics.quantiles(one.waits, n=100)[98] * 1e6
    return found


async def measure(valkey: ValkeyServer, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    rounds: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for part in (
            raw(valkey.url, options.messages - options.messages % BATCH, options.paced),
            ours("ours", valkey.url, folder, options),
            ours("ours_effect", valkey.url, folder, options),
        ):
            for name, value in (await part).items():
                rounds.setdefault(name, []).append(value)
    return {name: round(statistics.median(values), 1) for name, values in rounds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--paced", type=float, default=2.0)
    options = parser.parse_args()
    around = circumstances("streams", rounds=options.rounds, messages=options.messages, bars=BARS)
    with ValkeyServer() as valkey, tempfile.TemporaryDirectory() as folder:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(measure(valkey, Path(folder), options))
        client_version = valkey.ask(b"INFO server").decode(errors="replace")
    around["server"] = next(
        (one for one in client_version.splitlines() if one.startswith("valkey_version")), "?"
    )
    print(json.dumps(around | found, indent=1))


if __name__ == "__main__":
    main()
