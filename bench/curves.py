"""Cost curves: what a store does a second when it has more streams, and when it holds more events.

    python -m bench.curves [--sizes 10000,100000,1000000] [--postgres-sizes 10000,100000] [--streams 1,10,100] [--rounds 5]

Stores of all sizes are made first, then measured in turn, round after round, so that whatever else the machine does
hits all alike. Each figure is the median over the rounds; the ratio beside it is to the smallest of its row.
- `append`: 64 writers (16 on PostgreSQL), each commit one event with claim, audit record and checkpoint.
- `read stream`: pages of a hundred events of streams that chance chooses; by stored events these are whole streams.
- `catch up`: a subscription that begins 20,000 events before the head.
- `cpu`: microseconds of processor time an operation or event, the server's included; it tells what load hides.
A row is flat when, at a hundred times as many, a store does at least FLAT of the rate, or spends at most 1/FLAT of the
processor time. A stream alone lies in one piece; among a hundred each of its events lies on a page of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Append, Transaction
from autobot.testing.postgres import Cluster
from bench.append import DATA, Ours
from bench.run import circumstances

RECORD = Path(__file__).resolve().parent / "results" / "curves.md"
FLAT = 0.5
FILLED = 1000
"""Events a commit while a store is filled."""
LONG = 100
"""Events a stream of a filled store."""
APPENDS = 2000
READS = 60
BEHIND = 20_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Writing(Ours):
    """Writers that share so many streams, wherever these end."""

    def __init__(self, store: EventStore, clock: SystemClock, *, streams: int, first_id: int) -> None:
        super().__init__(store, clock)  # type: ignore[arg-type]
        self.streams, self.ids = streams, first_id

    def transaction(self, writer: int) -> Transaction:
        """Make the next transaction of a writer."""
        made = super().transaction(writer % self.streams)
        (append,) = made.appends
        return replace(made, appends=(replace(append, expected=ANY),))

    async def appended(self, count: int, writers: int) -> float:
        """Commit so many, and return the seconds."""
        work = [[self.transaction(writer) for _ in range(count // writers)] for writer in range(writers)]
        gc.collect()
        gc.freeze()
        began = time.perf_counter()

        async def write(transactions: list[Transaction]) -> None:
            for transaction in transactions:
                await self.store.commit(transaction)

        async with asyncio.TaskGroup() as group:
            for transactions in work:
                group.create_task(write(transactions))
        spent = time.perf_counter() - began
        gc.unfreeze()
        return spent


@dataclass
class Place:
    """A store of one size or number of streams, and what was measured on it."""

    label: str
    store: EventStore
    writing: Writing
    streams: Sequence[str]
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def pages(self, chance: random.Random) -> list[tuple[str, int]]:
        """Choose pages of a hundred events to read: stream, and the revision before the first."""
        written = 0 if self.streams[0].startswith("filled") else self.writing.ids // self.writing.streams
        names = [chance.choice(self.streams) for _ in range(READS)]
        return [(name, chance.randrange(max(1, written - LONG)) - 1) for name in names]


def message(number: int, stream: str) -> Message:
    """Return an event as chat stores it."""
    return Message(
        id=f"0190a0a0-{number:027d}",
        source="urn:autobot:bench",
        type="autobot.chat.message_posted.v1",
        time=BEGAN,
        subject=stream,
        data=DATA,
        correlation_id=f"0190a0a0-{number:027d}",
        partition_key=stream,
        principal="0190a0b0-0000-7000-8000-000000000001",
    )


async def fill(store: EventStore, events: int) -> list[str]:
    """Write so many events, in streams of a hundred whose events interleave by tens."""
    names = [f"filled-{number}" for number in range(events // LONG)]
    number = 0
    for start in range(0, len(names), FILLED // 10):
        some = names[start : start + FILLED // 10]
        for _ in range(LONG // 10):
            appends = []
            for name in some:
                messages = tuple(message(number + one, name) for one in range(10))
                number += 10
                appends.append(Append(stream=name, expected=ANY, events=messages))
            await store.commit(Transaction(appends=tuple(appends)))
    return names


async def measure(places: Sequence[Place], rounds: int, writers: int, server_s: Callable[[], float]) -> None:
    """Measure all in turn. The first round warms up and is not counted."""
    chance = random.Random(1)

    async def timed(place: Place, name: str, count: int, work: Awaitable[float | None], counts: bool) -> None:
        server, client, began = server_s(), time.process_time(), time.perf_counter()
        spent = await work or time.perf_counter() - began
        if counts:
            cpu = time.process_time() - client + server_s() - server
            place.rates.setdefault(name, []).append(count / spent)
            place.cpu.setdefault(name, []).append(cpu / count * 1e6)

    for number in range(rounds + 1):
        for place in chance.sample(list(places), len(places)):
            append = place.writing.appended(APPENDS, writers)
            await timed(place, "append", APPENDS, append, number > 0)
            pages = place.pages(chance)
            began, read = time.perf_counter(), 0
            server, client = server_s(), time.process_time()
            for name, after in pages:
                read += len(await place.store.read_stream(name, after=after, limit=LONG))
            if number:
                spent, cpu = time.perf_counter() - began, time.process_time() - client + server_s() - server
                place.rates.setdefault("read stream", []).append(read / spent)
                place.cpu.setdefault("read stream", []).append(cpu / read * 1e6)
            behind = min(BEHIND, await place.store.head())
            await timed(place, "catch up", behind, caught_up(place.store, behind), number > 0)


async def caught_up(store: EventStore, behind: int) -> None:
    """Follow the log from so far behind its head until it is reached."""
    head = await store.head()
    async for batch in store.subscribe(after=head - behind):
        if batch[-1].position >= head:
            return


def table(title: str, places: Sequence[Place]) -> tuple[list[str], bool]:
    """Return a table in Markdown, and whether all of it is flat."""
    labels = " | ".join(place.label for place in places)
    lines = [f"### {title}", "", f"| a second | {labels} | ratio | cpu µs | ratio | |"]
    lines.append("|---" * (len(places) + 5) + "|")
    flat = True
    for name in places[0].rates:
        rates = [statistics.median(place.rates[name]) for place in places]
        cpu = [statistics.median(place.cpu[name]) for place in places]
        ratio, spent = rates[-1] / rates[0], cpu[0] / cpu[-1]
        good = max(ratio, spent) >= FLAT
        flat = flat and good
        shown = " | ".join(f"{one:,.0f}" for one in rates)
        costs = " → ".join(f"{one:.1f}" for one in cpu)
        lines.append(
            f"| {name} | {shown} | {ratio:.2f} | {costs} | {1 / spent:.2f} | {'flat' if good else 'NOT FLAT'} |"
        )
    return [*lines, ""], flat


async def by_size(
    opened: Callable[[int], Awaitable[EventStore]], sizes: Sequence[int], writers: int
) -> list[Place]:
    """Make a store of each size."""
    made = []
    for size in sizes:
        store = await opened(size)
        names = await fill(store, size)
        writing = Writing(store, SystemClock(), streams=writers, first_id=0)
        made.append(Place(f"{size:,} events", store, writing, names))
    return made


async def by_streams(
    opened: Callable[[int], Awaitable[EventStore]], counts: Sequence[int], writers: int
) -> list[Place]:
    """Make a store for each number of streams; they hold what the writers write."""
    made = []
    for count in counts:
        store = await opened(count)
        writing = Writing(store, SystemClock(), streams=count, first_id=0)
        names = [f"chat-{number}" for number in range(min(count, writers))]
        made.append(Place(f"{count} stream{'s' if count > 1 else ''}", store, writing, names))
    return made


async def curves(folder: Path, options: argparse.Namespace) -> tuple[list[str], bool]:
    """Measure everything that was asked for."""
    lines: list[str] = []
    flat = True
    clock = SystemClock()

    async def file(number: int) -> EventStore:
        return await SqliteEventStore.open(folder / f"{len(lines)}-{number}.db", clock)

    async def one(title: str, places: list[Place], writers: int, server_s: Callable[[], float]) -> None:
        nonlocal flat
        await measure(places, options.rounds, writers, server_s)
        for place in places:
            await place.store.close()
        rows, good = table(f"{title}, load {os.getloadavg()[0]:.1f}", places)
        lines.extend(rows)
        flat = flat and good

    await one("SQLite by streams", await by_streams(file, options.streams, 100), 100, lambda: 0.0)
    await one("SQLite by stored events", await by_size(file, options.sizes, 64), 64, lambda: 0.0)
    if options.postgres_sizes:
        cluster = Cluster(below=folder)
        folder.chmod(0o755)
        with cluster:

            async def database(number: int) -> EventStore:
                return await PostgresEventStore.open(cluster.database(), clock)

            places = await by_streams(database, options.streams, 100)
            await one("PostgreSQL by streams", places, 100, cluster.cpu_s)
            places = await by_size(database, options.postgres_sizes, 16)
            await one("PostgreSQL by stored events", places, 16, cluster.cpu_s)
    return lines, flat


def numbers(text: str) -> list[int]:
    """Read a list of numbers; empty for none."""
    return [int(one) for one in text.split(",") if one]


def main() -> int:
    """Measure, print, and record where asked; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--postgres-sizes", type=numbers, default=[10_000, 100_000])
    parser.add_argument("--streams", type=numbers, default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk that is measured")
    parser.add_argument("--record", action="store_true", help="write bench/results/curves.md")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autobot-curves-", dir=options.folder))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines, flat = runner.run(curves(folder, options))
    finally:
        shutil.rmtree(folder)
    lines.append("Everything is flat." if flat else "Something is not flat.")
    print("\n".join(lines))
    if options.record:
        words = " ".join(one for one in sys.argv[1:] if one != "--record")
        head = [
            "# Cost curves",
            "",
            circumstances(),
            "",
            f"`python -m bench.curves {words}`".replace(" `", "`"),
            "",
        ]
        RECORD.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
