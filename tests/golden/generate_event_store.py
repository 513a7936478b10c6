"""Writes the golden data of today's event store formats, once for each format that is merged.

    python -m tests.golden.generate_event_store tests/golden/event_store_v1
    python -m tests.golden.generate_event_store tests/golden/postgres_v1

The second one is a dump in SQL of a PostgreSQL database with the same content; it needs PostgreSQL's programs. The
content is fixed; `expected.json` beside the data says what every later version must read from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from autobot.adapters.postgres import schema as postgres
from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.schema import VERSION
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.table_hash import table_hash
from autobot.kernel.event_store.transaction import (
    Alias,
    Append,
    Checkpoint,
    Delete,
    Erase,
    Filter,
    Handled,
    Put,
    Query,
    Recorded,
    SaveSnapshot,
    Transaction,
)
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock

DATABASE = "autobot.db"
DUMP = "autobot.sql"
EXPECTED = "expected.json"
TABLES = ("chat.sessions", "chat.sessions~1", "identity.users")
START = datetime(2026, 1, 1, tzinfo=UTC)


async def fill(store: EventStore, clock: ManualClock) -> None:
    """Use everything that the port can make durable."""
    make = Maker(clock, prefix="golden")
    for number in range(30):
        stream = f"chat-{number % 4}"
        message = make.message(
            stream,
            {"text": f"grüße {number} 🔑", "nested": {"list": [1, 2.5, None, True]}},
            type=("autobot.chat.message_posted.v1", "autobot.chat.session_created.v1")[number % 2],
            causation_id=f"cause-{number}" if number % 3 else None,
            correlation_id=f"correlation-{number % 5}",
            traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            partition_key="" if number % 7 == 0 else stream,
            tenant="other" if number == 8 else "default",
        )
        put = Put(
            table=TABLES[number % 2],
            key=f"key-{number % 9}",
            document={"number": number, "title": f"Title {number}", "ünïcode": "✓"},
            owner=f"user-{number % 2}",
            group=f"group-{number % 3}",
            sort=f"{number % 5:03d}",
            text=f"The quick brown fox number {number}" if number % 2 else None,
        )
        await store.commit(
            Transaction(
                appends=(Append(stream=stream, expected=number // 4 - 1, events=(message,)),),
                answer=make.answer(f"key-{number}", body=b'{"number":%d}' % number, hours=24 * 365 * 200),
                audit=(make.entry(reason="because" if number % 2 else ""),),
                checkpoints=(Checkpoint(consumer="projection:chat", position=number),),
                handled=(Handled(consumer="group", source=message.source, message_id=message.id),),
                writes=(put, Delete(table="identity.users", key="nobody")),
            )
        )
        clock.advance(1.5)
    users = tuple(
        Put(table="identity.users", key=f"u{one}", document={"id": one}, sort=str(one)) for one in range(3)
    )
    saved = SaveSnapshot(stream="chat-1", revision=5, schema="conversation.v1", data=b'{"messages":6}')
    await store.commit(Transaction(writes=users, snapshots=(saved,)))
    erase = Erase(stream="chat-2", types=("autobot.chat.message_posted.v1",), reason="asked")
    await store.commit(make.transaction("chat-2", audit=(make.entry(),), erase=(erase,)))
    await store.commit(Transaction(aliases=(Alias(table="chat.sessions", target="chat.sessions~1"),)))


async def describe(store: EventStore, format_version: int = VERSION) -> dict[str, Any]:
    """Return all that can be read, as JSON."""
    head = await store.head()
    log = await store.read_all(limit=10_000)
    answers = [await store.answer("default/ann/Do", f"key-{number}", START) for number in range(31)]
    tables = {}
    for name in TABLES:
        documents = await store.query(Query(table=name, limit=1000))
        tables[name] = {
            "documents": [asdict(one) for one in documents],
            "hash": await table_hash(store, name),
            "found": [hit.document.key for hit in await store.search(Query(table=name, text="quick fo"))],
        }
    snapshot = await store.snapshot("chat-1", "conversation.v1")
    assert snapshot is not None
    found: dict[str, Any] = {
        "format": format_version,
        "head": head,
        "log": [_written(one) for one in log],
        "streams": {
            name: [one.position for one in await store.read_stream(name)]
            for name in sorted({one.stream for one in log})
        },
        "correlation": [
            one.position for one in await store.read_all(where=Filter(correlation_id="correlation-3"))
        ],
        "positions_at": [
            await store.position_at(START + timedelta(seconds=seconds)) for seconds in (-1, 0, 7, 20, 1000)
        ],
        "answers": [asdict(one) if one else None for one in answers],
        "audit": [asdict(one) for one in await store.audit(limit=10_000)],
        "checkpoint": await store.checkpoint("projection:chat"),
        "snapshot": asdict(snapshot),
        "tables": tables,
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def _written(one: Recorded) -> dict[str, Any]:
    """Return an event as JSON types, without what older versions did not have and this event has not."""
    found = asdict(one)
    if not found["message"]["attributes"]:
        del found["message"]["attributes"]
    return found


async def generate(folder: Path) -> None:
    """Write the folder of a database file; it must not exist."""
    folder.mkdir(parents=True)
    clock = ManualClock()
    store = await SqliteEventStore.open(folder / DATABASE, clock)
    await fill(store, clock)
    await store.vacuum()
    expected = await describe(store)
    await store.close()
    _seal(folder, DATABASE, expected)


async def generate_dump(folder: Path, cluster: Cluster) -> None:
    """Write the folder of a database's dump; it must not exist."""
    folder.mkdir(parents=True)
    clock = ManualClock()
    store = await PostgresEventStore.open(cluster.emptied(), clock)
    await fill(store, clock)
    expected = await describe(store, postgres.VERSION)
    await store.close()
    (folder / DUMP).write_text(cluster.dump() + "\n", encoding="utf-8")
    _seal(folder, DUMP, expected)


def _seal(folder: Path, data: str, expected: dict[str, Any]) -> None:
    (folder / EXPECTED).write_bytes(msgspec.json.format(msgspec.json.encode(expected), indent=1) + b"\n")
    (folder / "blake2b").write_text(digest_of(folder / data) + "\n")


def digest_of(path: Path) -> str:
    """Return what tells whether a file is as it was merged."""
    return hashlib.blake2b(path.read_bytes()).hexdigest()


def main(folder: Path) -> None:
    """Write the golden data that the folder's name asks for."""
    if folder.name.startswith("postgres_"):
        with Cluster() as cluster:
            asyncio.run(generate_dump(folder, cluster))
    else:
        asyncio.run(generate(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
