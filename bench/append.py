"""Durable appends with claim, audit record and checkpoint: ours beside raw SQLite, interleaved in one run.

    python bench/append.py [--rounds 6] [--writers 64] [--seconds 1.0] [--folder DIR]

Raw is apsw on the same disk without any of our code: one connection, WAL, synchronous=FULL.
- `raw_one`: one insert into one table a commit, one commit after the other.
- `raw_same`: the rows of one of our appends (event, claim, audit record, checkpoint) a commit.
- `raw_hop`: the same, each handed from an event loop to a thread and answered there: what no store can undercut
  that keeps the disk away from the loop.
- `raw_group`: the same rows, as many transactions a commit as there are writers.
- `raw_events`: events alone, 100 a commit.
Transactions and rows are made before the clock starts. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import tempfile
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import apsw
import uvloop

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.transaction import Append, AuditEntry, Checkpoint, StoredAnswer, Transaction
from bench.around import circumstances, ratio, summary

DATA = b'{"message_id":"0190a0b0-0000-7000-8000-000000000000","content":"' + b"word " * 30 + b'"}'
RAW = """
CREATE TABLE one(position INTEGER PRIMARY KEY, stream TEXT, revision INTEGER, id TEXT, data BLOB);
CREATE TABLE event(position INTEGER PRIMARY KEY, stream TEXT, revision INTEGER, id TEXT UNIQUE, meta BLOB, data BLOB);
CREATE TABLE claim(number INTEGER PRIMARY KEY, scope TEXT, key TEXT, fingerprint TEXT, body BLOB);
CREATE TABLE audit(sequence INTEGER PRIMARY KEY, hash BLOB, body BLOB);
CREATE TABLE checkpoint(consumer TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID;
"""


Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]


class Raw:
    """The floor: bare apsw."""

    def __init__(self, folder: Path) -> None:
        self.connection = apsw.Connection(str(folder / "raw.db"))
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self.connection.execute(RAW)
        self.next = 1

    def _ids(self, count: int) -> range:
        first, self.next = self.next, self.next + count
        return range(first, first + count)

    def one(self, seconds: float) -> float:
        """Commits a second of one insert each."""
        execute = self.connection.execute
        rows = [(n, "chat-1", n, f"{n:036d}", DATA) for n in self._ids(int(20_000 * seconds) + 100)]
        start = time.perf_counter()
        done, spent = 0, 0.0
        for row in rows:
            execute("BEGIN IMMEDIATE")
            execute("INSERT INTO one VALUES(?,?,?,?,?)", row)
            execute("COMMIT")
            done, spent = done + 1, time.perf_counter() - start
            if spent > seconds:
                break
        return done / spent

    def _rows(self, group: int) -> Rows:
        ids = self._ids(group)
        return (
            [(n, f"chat-{n % 64}", n, f"{n:036d}", b"m" * 150, DATA) for n in ids],
            [(n, "default/user/Post", str(uuid.uuid4()), "f" * 64, b"b" * 80) for n in ids],
            [(n, b"h" * 32, b"a" * 280) for n in ids],
        )

    def _commit(self, rows: Rows) -> None:
        execute, many = self.connection.execute, self.connection.executemany
        events, claims, audits = rows
        execute("BEGIN IMMEDIATE")
        many("INSERT INTO event VALUES(?,?,?,?,?,?)", events)
        many("INSERT INTO claim VALUES(?,?,?,?,?)", claims)
        many("INSERT INTO audit VALUES(?,?,?)", audits)
        execute(
            "INSERT INTO checkpoint VALUES('c',?) ON CONFLICT DO UPDATE SET position=excluded.position",
            (events[-1][0],),
        )
        execute("COMMIT")

    def same(self, seconds: float, group: int) -> float:
        """Transactions a second with all rows of ours, `group` a commit."""
        done, spent = 0, 0.0
        while spent < seconds:
            rows = self._rows(group)
            start = time.perf_counter()
            self._commit(rows)
            spent += time.perf_counter() - start
            done += group
        return done / spent

    async def hop(self, seconds: float) -> float:
        """Transactions a second with all rows of ours, each committed by a thread for a loop that waits."""
        loop = asyncio.get_running_loop()
        handed: SimpleQueue[tuple[Rows, asyncio.Future[None]] | None] = SimpleQueue()

        def run() -> None:
            while (item := handed.get()) is not None:
                self._commit(item[0])
                loop.call_soon_threadsafe(item[1].set_result, None)

        thread = threading.Thread(target=run)
        thread.start()
        done, spent = 0, 0.0
        while spent < seconds:
            rows = self._rows(1)
            start = time.perf_counter()
            future: asyncio.Future[None] = loop.create_future()
            handed.put((rows, future))
            await future
            spent += time.perf_counter() - start
            done += 1
        handed.put(None)
        thread.join()
        return done / spent

    def events(self, seconds: float) -> float:
        """Events a second, 100 a commit."""
        done, spent = 0, 0.0
        while spent < seconds:
            rows = [(n, f"chat-{n % 64}", n, f"{n:036d}", DATA) for n in self._ids(100)]
            start = time.perf_counter()
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany("INSERT INTO one VALUES(?,?,?,?,?)", rows)
            self.connection.execute("COMMIT")
            spent += time.perf_counter() - start
            done += 100
        return done / spent


class Ours:
    """The store through its port, one event loop."""

    def __init__(self, store: SqliteEventStore, clock: SystemClock) -> None:
        self.store, self.clock = store, clock
        self.revisions: dict[str, int] = {}
        self.ids = 0

    def transaction(self, writer: int) -> Transaction:
        """Make the next transaction of a writer: its own stream, a random key, one audit entry."""
        stream, now = f"chat-{writer}", self.clock.now()
        revision = self.revisions.get(stream, -1)
        self.revisions[stream] = revision + 1
        self.ids += 1
        event_id = f"0190a0b0-{self.ids:027d}"
        message = Message(
            id=event_id,
            source="urn:autobot:bench",
            type="autobot.chat.message_posted.v1",
            time=now,
            subject=stream,
            data=DATA,
            correlation_id=f"0190a0b0-{self.ids:027d}",
            partition_key=stream,
            traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            principal="0190a0b0-0000-7000-8000-000000000001",
        )
        return Transaction(
            appends=(Append(stream=stream, expected=revision, events=(message,)),),
            answer=StoredAnswer(
                scope=f"default/user-{writer % 8}/PostMessage",
                key=str(uuid.uuid4()),
                fingerprint="f" * 64,
                status="done",
                body=b'{"message_id":"' + event_id.encode() + b'"}',
                expires=now + timedelta(hours=24),
            ),
            audit=(
                AuditEntry(
                    id=event_id,
                    time=now,
                    principal="0190a0b0-0000-7000-8000-000000000001",
                    tenant="default",
                    action="chat:post",
                    object=stream,
                    outcome="accepted",
                    payload_hash="a" * 64,
                    correlation_id=event_id,
                ),
            ),
            checkpoints=(Checkpoint(consumer="chat", position=self.ids),),
        )

    async def writers(self, count: int, seconds: float) -> tuple[float, float]:
        """Do `commits`, and learn where the streams stand then."""
        found = await self.commits(count, seconds)
        for number in range(count):
            recorded = await self.store.read_stream(f"chat-{number}", after=-1, limit=1_000_000)
            self.revisions[f"chat-{number}"] = recorded[-1].revision
        return found

    async def commits(self, count: int, seconds: float) -> tuple[float, float]:
        """Commits a second of `count` writers, each waiting for its own; and CPU µs of a commit."""
        each = int(90_000 * seconds / count) if count > 1 else int(12_000 * seconds)
        # Ids grow with time, as those of the product do, whoever of the writers mints them.
        turns = [[self.transaction(writer) for writer in range(count)] for _ in range(each)]
        work = list(map(list, zip(*turns, strict=True)))
        done = 0
        # What was made beforehand is no garbage of ours: collections need not walk through it.
        gc.collect()
        gc.freeze()
        start, cpu = time.perf_counter(), time.process_time()
        end = start + seconds

        async def writer(transactions: list[Transaction]) -> None:
            nonlocal done
            commit = self.store.commit
            for transaction in transactions:
                await commit(transaction)
                done += 1
                if time.perf_counter() > end:
                    return

        async with asyncio.TaskGroup() as group:
            for transactions in work:
                group.create_task(writer(transactions))
        spent = time.perf_counter() - start
        cpu = time.process_time() - cpu
        gc.unfreeze()
        return done / spent, cpu / done * 1e6


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    clock = SystemClock()
    raw = Raw(folder)
    store = await SqliteEventStore.open(folder / "ours.db", clock)
    ours = Ours(store, clock)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for _ in range(options.rounds):
        note("raw_one", raw.one(options.seconds))
        rate, cpu = await ours.writers(1, options.seconds)
        note("ours_one", rate)
        note("ours_one_cpu_us", cpu)
        note("raw_same", raw.same(options.seconds, 1))
        note("raw_hop", await raw.hop(options.seconds))
        rate, cpu = await ours.writers(options.writers, options.seconds)
        note("ours_many", rate)
        note("ours_many_cpu_us", cpu)
        note("raw_group", raw.same(options.seconds, options.writers))
        note("raw_events", raw.events(options.seconds / 2))
    last, sequence, broken = verify(await store.audit(limit=100_000_000))
    assert broken is None, broken
    assert sequence == await store.head()
    await store.close()
    return {name: summary(values) for name, values in found.items()} | {
        "ratio_one_to_raw_one": ratio(found, "ours_one", "raw_one"),
        "ratio_one_to_raw_same": ratio(found, "ours_one", "raw_same"),
        "ratio_one_to_raw_hop": ratio(found, "ours_one", "raw_hop"),
        "ratio_many_to_raw_group": ratio(found, "ours_many", "raw_group"),
        "audit_records_verified": sequence,
        "audit_hash": last[:16],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk that is measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autobot-bench-", dir=options.folder))
    try:
        around = circumstances(
            "append",
            sqlite=apsw.sqlite_lib_version(),
            rounds=options.rounds,
            writers=options.writers,
            bars={"ratio_one_to_raw_one": 0.6, "ours_many": 45_000},
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(around | runner.run(measure(folder, options)), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
