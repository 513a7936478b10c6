"""Replay of an aggregate from the SQLite store, beside raw reads of the same bytes, interleaved in one run.

    python bench/replay.py [--rounds 5] [--events 50000] [--streams 8] [--folder DIR]

The log holds `--streams` aggregates whose events interleave, as in life; one of them is folded through
`Repository.load` (port, envelope, codec and pure `apply` included).
- `raw_rows`: the rows of that stream fetched by apsw, payloads decoded by msgspec, nothing else.
- `raw_table`: the same payloads read in order from a table of their own.
Prints one JSON object; figures are events a second.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import apsw
import msgspec
import uvloop

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.repository import Repository
from autobot.kernel.event_store.transaction import ANY, Append, Recorded, Transaction
from bench.around import circumstances, summary


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePosted:
    """As chat stores it."""

    TYPE: ClassVar[str] = "autobot.bench.message_posted.v1"
    message_id: str
    parent_id: str | None
    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A small aggregate: what most of ours do with an event."""

    messages: int = 0
    last: str = ""


def apply(state: Conversation, event: Any, recorded: Recorded) -> Conversation:
    return Conversation(messages=state.messages + 1, last=event.message_id)


async def fill(store: SqliteEventStore, codec: EventCodec, events: int, streams: int) -> None:
    context = CallContext(
        correlation_id="0190a0b0-0000-7000-8000-000000000000",
        principal=SYSTEM,
        trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
    )
    for start in range(0, events, 500):
        appends = []
        for number in range(streams):
            stream = f"chat-{number}"
            made = tuple(
                codec.wrap(
                    MessagePosted(
                        message_id=f"m{one:034d}", parent_id=None, role="user", content="word " * 20
                    ),
                    stream,
                    context,
                )
                for one in range(start, start + 10)
            )
            appends.append((stream, made))
        for one in range(50):
            for stream, made in appends:
                fresh = tuple(replace(message, id=f"{message.id}{start}{one}") for message in made)
                await store.commit(Transaction(appends=(Append(stream=stream, expected=ANY, events=fresh),)))


def raw_rows(path: Path, stream: str) -> Callable[[], int]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    decode = msgspec.json.Decoder(MessagePosted).decode

    def run() -> int:
        rows = connection.execute(
            "SELECT e.position, e.revision, e.data FROM streams s CROSS JOIN events e ON e.position = s.position"
            " WHERE s.stream = ? ORDER BY s.revision",
            (stream,),
        )
        count = 0
        for _, _, data in rows:
            decode(data)
            count += 1
        return count

    return run


def raw_table(path: Path, source: Path, stream: str) -> Callable[[], int]:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE event(revision INTEGER PRIMARY KEY, data BLOB)").fetchall()
    connection.execute("ATTACH ? AS source", (str(source),)).fetchall()
    connection.execute(
        "INSERT INTO event SELECT revision, data FROM source.events WHERE stream = ? ORDER BY revision",
        (stream,),
    ).fetchall()
    connection.execute("DETACH source").fetchall()
    decode = msgspec.json.Decoder(MessagePosted).decode

    def run() -> int:
        count = 0
        for _, data in connection.execute("SELECT revision, data FROM event ORDER BY revision"):
            decode(data)
            count += 1
        return count

    return run


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    clock = SystemClock()
    path = folder / "ours.db"
    store = await SqliteEventStore.open(path, clock)
    codec = EventCodec(
        (MessagePosted,), clock, Uuid7Source(clock, random.Random(1)), source="urn:autobot:bench"
    )
    await fill(store, codec, options.events, options.streams)
    await store.close()
    store = await SqliteEventStore.open(path, clock)
    repository = Repository(store, codec, initial=lambda stream: Conversation(), apply=apply)
    floors = {
        "raw_rows": raw_rows(path, "chat-3"),
        "raw_table": raw_table(folder / "raw.db", path, "chat-3"),
    }
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, floor in floors.items():
            start = time.perf_counter()
            count = floor()
            found.setdefault(name, []).append(count / (time.perf_counter() - start))
        gc.collect()
        start, cpu = time.perf_counter(), time.process_time()
        loaded = await repository.load("chat-3")
        found.setdefault("ours", []).append((loaded.revision + 1) / (time.perf_counter() - start))
        found.setdefault("ours_cpu_us", []).append((time.process_time() - cpu) / (loaded.revision + 1) * 1e6)
        assert loaded.state.messages == count
    await store.close()
    return {name: summary(values) for name, values in found.items()} | {
        "events": count,
        "log": options.events * options.streams,
        "ratio_to_raw_rows": round(
            statistics.median(a / b for a, b in zip(found["ours"], found["raw_rows"], strict=True)), 3
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=50_000, help="of each stream")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autobot-bench-", dir=options.folder))
    try:
        around = circumstances(
            "replay", sqlite=apsw.sqlite_lib_version(), rounds=options.rounds, bars={"ours": 180_000}
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(around | runner.run(measure(folder, options)), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
