"""Durable appends to PostgreSQL: ours beside raw asyncpg on the same server, interleaved in one run.

    python -m bench.append_postgres [--rounds 4] [--writers 16] [--seconds 1.0] [--folder DIR]

A server of its own with fsync and synchronous_commit on, on a socket in a temporary folder, ended afterwards.
- `raw_one`: one insert into one table (an identity column, id unique) a commit, one after the other.
- `raw_writers`: the same by as many tasks as there are writers, each with a connection of its own.
- `raw_group`: as many rows in one insert as there are writers, a commit each.
- `ours_one`, `ours_writers`: one event with claim, audit record and checkpoint a commit, over the port.
- `ours_events_one`, `ours_events_writers`: one event a commit.
- `…_cpu_us`, `…_server_us`: CPU of our process and of the server's for each, in microseconds.
- `ours_two_stores`: the same writers spread over two stores, as two processes would be.
Transactions are made before the clock starts. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Transaction
from autobot.kernel.event_store.verification import verify_store
from autobot.testing.postgres import Cluster
from bench.append import DATA, Ours
from bench.around import circumstances, ratio, summary

RAW = """
CREATE TABLE IF NOT EXISTS raw(
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text, revision bigint, id text UNIQUE, data bytea
)
"""
INSERT = "INSERT INTO raw(stream, revision, id, data) VALUES ($1, $2, $3, $4)"
MANY = "INSERT INTO raw(stream, revision, id, data) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[])"


class Raw:
    """The floor: bare asyncpg."""

    def __init__(self, connections: list[Any]) -> None:
        self.connections, self.next = connections, 1

    def row(self) -> tuple[str, int, str, bytes]:
        self.next += 1
        return f"chat-{self.next % 64}", self.next, f"{self.next:036d}", DATA

    async def writers(self, count: int, seconds: float) -> float:
        """Commits a second of so many connections, one insert each."""
        done, start = 0, time.perf_counter()

        async def writer(connection: Any) -> None:
            nonlocal done
            statement = await connection.prepare(INSERT)
            while time.perf_counter() - start < seconds:
                await statement.fetch(*self.row())
                done += 1

        await asyncio.gather(*(writer(one) for one in self.connections[:count]))
        return done / (time.perf_counter() - start)

    async def group(self, count: int, seconds: float) -> float:
        """Rows a second, so many a commit."""
        done, start = 0, time.perf_counter()
        statement = await self.connections[0].prepare(MANY)
        while time.perf_counter() - start < seconds:
            columns = [list(one) for one in zip(*(self.row() for _ in range(count)), strict=True)]
            await statement.fetch(*columns)
            done += count
        return done / (time.perf_counter() - start)


class Spread:
    """Commits by several stores, each its share of the writers; reads by the first."""

    def __init__(self, stores: list[PostgresEventStore]) -> None:
        self.stores = stores
        self.read_stream = stores[0].read_stream

    async def commit(self, transaction: Transaction) -> Any:
        writer = int(transaction.appends[0].stream.rpartition("-")[2])
        return await self.stores[writer % len(self.stores)].commit(transaction)


class Events(Ours):
    """Events alone."""

    def transaction(self, writer: int) -> Transaction:
        return replace(super().transaction(writer), answer=None, audit=(), checkpoints=())


async def measure(cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    clock, found = SystemClock(), dict[str, list[float]]()
    connections = [await asyncpg.connect(cluster.database()) for _ in range(1)]
    url = cluster.url("test_1")
    connections += [await asyncpg.connect(url) for _ in range(options.writers - 1)]
    await connections[0].execute(RAW)
    raw = Raw(connections)
    store = await PostgresEventStore.open(cluster.url("postgres"), clock)

    def ours(kind: type[Ours], store: EventStore | Spread, like: Ours | None = None) -> Ours:
        made = kind(store, clock)  # type: ignore[arg-type]
        if like is not None:
            made.revisions = like.revisions
        return made

    whole = ours(Ours, store)
    plain = ours(Events, store, whole)
    plain.ids = 10**9

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    async def floor(name: str, work: Awaitable[float]) -> None:
        server, client = cluster.cpu_s(), time.process_time()
        rate = await work
        note(name, rate)
        note(f"{name}_cpu_us", (time.process_time() - client) / (rate * options.seconds) * 1e6)
        note(f"{name}_server_us", (cluster.cpu_s() - server) / (rate * options.seconds) * 1e6)

    async def run(name: str, writing: Ours, count: int) -> None:
        work = writing.writers(count, options.seconds)
        before = cluster.cpu_s()
        rate, cpu = await work
        note(name, rate)
        note(f"{name}_cpu_us", cpu)
        note(f"{name}_server_us", (cluster.cpu_s() - before) / (rate * options.seconds) * 1e6)

    for _ in range(options.rounds):
        await floor("raw_one", raw.writers(1, options.seconds))
        await run("ours_one", whole, 1)
        await run("ours_events_one", plain, 1)
        await floor("raw_writers", raw.writers(options.writers, options.seconds))
        await run("ours_writers", whole, options.writers)
        await run("ours_events_writers", plain, options.writers)
        await floor("raw_group", raw.group(options.writers, options.seconds))
        other = await PostgresEventStore.open(cluster.url("postgres"), clock)
        both = ours(Events, Spread([store, other]), whole)
        both.ids = (len(found["raw_one"]) + 1) * 10**9
        await run("ours_two_stores", both, options.writers)
        await other.close()
        gc.collect()
    verified = await verify_store(store)
    assert verified.sound, verified.broken
    assert verified.events == await store.head()
    for one in (store, *connections):
        await one.close()
    return {name: summary(values) for name, values in found.items()} | {
        "ratio_one_to_raw_one": ratio(found, "ours_events_one", "raw_one"),
        "ratio_writers_to_raw_writers": ratio(found, "ours_events_writers", "raw_writers"),
        "ratio_whole_one_to_raw_one": ratio(found, "ours_one", "raw_one"),
        "ratio_whole_writers_to_raw_writers": ratio(found, "ours_writers", "raw_writers"),
        "events_verified": verified.events,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the server writes; the disk that is measured"
    )
    options = parser.parse_args()
    around = circumstances(
        "append_postgres",
        rounds=options.rounds,
        writers=options.writers,
        bars={"ours_events_one": 4_500, "ours_events_writers": 15_000},
    )
    with (
        Cluster(durable=True, below=options.folder) as cluster,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        around["server"] = cluster.sql("SHOW server_version")
        print(json.dumps(around | runner.run(measure(cluster, options)), indent=1))


if __name__ == "__main__":
    main()
