"""What people ask of dead letters, when there are few of them and when there are very many.

    python -m bench.letters [--sizes 1000,10000,100000] [--rounds 7] [--no-postgres]

Dead letters of two groups with twenty causes are written as consumers write them, then asked for: the first page of
fifty, a page in the midst of them, a page of one cause, all causes with their ages, what a replay of a group would
replay, how many are old, and the statistics that a group tells of itself. Each figure is the median of the rounds, in
milliseconds of time and of processor time of this process; PostgreSQL's own is not in the latter.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Query, Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.dead_letters import DeadLetters, place_of
from autobot.kernel.messaging.parking import DEAD, PARKED, Parked
from autobot.testing.postgres import Cluster
from bench.around import line

RECORD: Final = Path(__file__).resolve().parent / "results" / "letters.md"
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
CAUSES, FILLED, PAGE = 20, 1000, 50
STACK: Final = tuple(f"/srv/autobot/lib/handlers.py:{line} handle" for line in range(20))


def letter(number: int) -> Parked:
    """Return a dead letter as a consumer leaves it."""
    at, cause = rfc3339(BEGAN + timedelta(seconds=number)), number % CAUSES
    group = f"group-{cause % 2}"
    return Parked(
        id=f"{group}-{number:020d}",
        group=group,
        key=f"chat-{number}",
        position=number,
        event_id=f"00000000-0000-7000-8000-{number:012d}",
        source="urn:autobot:backend",
        type=f"autobot.chat.happened{cause % 5}.v1",
        stream=f"chat-{number}",
        correlation_id=f"00000000-0000-7000-9000-{number:012d}",
        state="dead",
        due=at,
        attempts=12,
        handler="handle",
        error="autobot.kernel.core.errors.ConnectionLost",
        reason="The other side went away.",
        stack=STACK,
        fingerprint=f"{cause:016x}",
        first_failed=at,
        last_failed=at,
    )


async def fill(store: EventStore, count: int) -> None:
    """Write so many dead letters."""
    for first in range(1, count + 1, FILLED):
        rows = map(letter, range(first, min(first + FILLED, count + 1)))
        await store.commit(Transaction(writes=tuple(one for row in rows for one in parking.put(row))))


def questions(store: EventStore, count: int) -> Mapping[str, Callable[[], Awaitable[Any]]]:
    """Return what is asked, by name."""
    letters = DeadLetters(store, SystemClock())
    middle, old = place_of(letter(count // 2)), BEGAN + timedelta(seconds=count // 3)

    async def causes() -> int:
        found = 0
        for cause in await letters.causes():
            await letters.ends(cause)
            await letters.older(old, cause=cause)
            found += await letters.count(cause=cause)
        return found

    async def preview() -> int:
        page = await letters.page("group-1", limit=PAGE)
        return await letters.count(group="group-1") if page else 0

    async def told() -> int:
        dead = await store.count(Query(table=DEAD, owner="group-1"))
        return dead + await store.count(Query(table=PARKED, owner="group-1"))

    async def of_a_cause() -> int:
        (first, *_) = await letters.causes(lambda one: one.group == "group-1")
        return len(await letters.page(causes=[first], limit=PAGE))

    return {
        "first page of 50": lambda: letters.page(limit=PAGE),
        "page in the midst": lambda: letters.page(after=middle, limit=PAGE),
        "page of one cause": of_a_cause,
        "causes with ages": causes,
        "preview of a group": preview,
        "old ones of a group": lambda: letters.older(old, group="group-1"),
        "statistics of a group": told,
    }


async def measured(store: EventStore, count: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Fill a store and return milliseconds of time and of processor by question."""
    await fill(store, count)
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for name, ask in questions(store, count).items():
            began, spent = time.perf_counter(), time.process_time()
            await ask()
            one = ((time.perf_counter() - began) * 1000, (time.process_time() - spent) * 1000)
            if number:
                found.setdefault(name, []).append(one)
    return {
        name: (statistics.median(a for a, _ in each), statistics.median(b for _, b in each))
        for name, each in found.items()
    }


def table(name: str, sizes: list[int], columns: list[dict[str, tuple[float, float]]]) -> str:
    """Return a store's figures as Markdown."""
    head = " | ".join(f"{size:,}" for size in sizes)
    lines = [f"### {name}", "", f"| ms (of them processor) | {head} |", "|---" * (len(sizes) + 1) + "|"]
    for question in columns[0]:
        cells = " | ".join(f"{one[question][0]:.2f} ({one[question][1]:.2f})" for one in columns)
        lines.append(f"| {question} | {cells} |")
    return "\n".join(lines)


async def main(sizes: list[int], rounds: int, *, postgres: bool) -> str:
    """Measure all."""
    clock, tables = SystemClock(), []
    columns = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            store = await SqliteEventStore.open(Path(folder) / "autobot.db", clock)
            columns.append(await measured(store, size, rounds))
            await store.close()
    tables.append(table("SQLite", sizes, columns))
    if postgres:
        columns = []
        with Cluster() as cluster:
            for size in sizes:
                database = await PostgresEventStore.open(cluster.emptied(), clock)
                columns.append(await measured(database, size, rounds))
                await database.close()
        tables.append(table("PostgreSQL", sizes, columns))
    return "\n\n".join(tables)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-postgres", action="store_true")
    given = parser.parse_args()
    text = asyncio.run(
        main([int(one) for one in given.sizes.split(",")], given.rounds, postgres=not given.no_postgres)
    )
    words = " ".join(["python -m bench.letters", *sys.argv[1:]])
    RECORD.write_text(f"# Dead letters\n\n{line()}\n\n`{words}`\n\n{text}\n", encoding="utf-8")
    print(text)
