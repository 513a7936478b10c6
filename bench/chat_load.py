"""Loading a long chat in a process that never saw it: from a snapshot, and folded whole, interleaved in one run.

    python bench/chat_load.py [--rounds 7] [--events 10000] [--folder DIR]

The chat is written by the commands' own rules on an SQLite store (FULL): a message of 20 words and a reply of 100 words
in turn, three events a turn. The snapshot is the one that the product would have taken on the way, so up to a fifth of
the events come after it. Prints one JSON object; times are milliseconds a load, sizes bytes.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import uvloop

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.chat.domain import Conversation, stream_of
from autobot.contexts.chat.ports import SCHEMA, SNAPSHOTS, Conversations
from autobot.contracts import chat
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import ANY, Append, Transaction
from bench.around import circumstances, summary

SESSION = "0190a0b0-0000-7000-8000-000000000001"
CONTEXT = CallContext(
    correlation_id="0190a0b0-0000-7000-8000-000000000000",
    principal=SYSTEM,
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
)
TURNS_A_COMMIT = 50


def turn(conversation: Conversation, new: Any) -> list[Any]:
    """Say something and have it answered; the facts are folded in as they come."""
    when, asked = datetime.now(UTC), [new() for _ in range(3)]
    facts = list(
        conversation.post(
            "word " * 20, None, message_id=asked[0], reply_id=asked[1], run_id=asked[2], asked_by={"id": "u"}
        )
    )
    for fact in facts:
        conversation.apply(fact, when)
    reply = chat.Reply(content="answer " * 100, status="complete")
    recorded = conversation.record(asked[1], asked[2], reply)
    for fact in recorded:
        conversation.apply(fact, when)
    return [*facts, *recorded]


async def fill(store: SqliteEventStore, codec: EventCodec, events: int, new: Any) -> dict[str, float]:
    """Write the chat, with its snapshots as they fall due; return what those cost."""
    conversation, stream = Conversation(id=SESSION), stream_of(SESSION)
    facts: list[Any] = [chat.SessionCreated(session_id=SESSION, owner="u", title="Long", model=None)]
    conversation.apply(facts[0], datetime.now(UTC))
    written, snapshots, size, cost = 0, 0, 0, 0.0
    writing = Conversations(store, codec)
    while written < events:
        for _ in range(TURNS_A_COMMIT):
            facts += turn(conversation, new)
        await writing.load(SESSION)
        start = time.process_time()
        due = writing.due(SESSION)
        cost += (time.process_time() - start) * bool(due)
        snapshots += len(due)
        size += sum(len(one.data) for one in due)
        events_made = tuple(codec.wrap(one, stream, CONTEXT) for one in facts)
        append = Append(stream=stream, expected=ANY, events=events_made)
        await store.commit(Transaction(appends=(append,), snapshots=due))
        written += len(facts)
        facts = []
    return {"snapshots": snapshots, "snapshot_bytes_in_all": size, "encode_ms_in_all": round(cost * 1000, 1)}


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    clock, path = SystemClock(), folder / "ours.db"
    ids = Uuid7Source(clock, random.Random(1))
    codec = EventCodec(chat.EVENTS, clock, ids, source="urn:autobot:bench")
    store = await SqliteEventStore.open(path, clock)
    cost = await fill(store, codec, options.events, ids.new)
    await store.close()
    store = await SqliteEventStore.open(path, clock)
    found: dict[str, list[float]] = {}
    revisions: set[int] = set()
    for _ in range(options.rounds):
        for name, snapshots in (("whole", None), ("from_snapshot", SNAPSHOTS)):
            gc.collect()
            start, cpu = time.perf_counter(), time.process_time()
            conversation, revision = await Conversations(store, codec, snapshots).load(SESSION)
            found.setdefault(name, []).append((time.perf_counter() - start) * 1000)
            found.setdefault(f"{name}_cpu", []).append((time.process_time() - cpu) * 1000)
            revisions.add(revision)
            assert conversation.branch()
    kept = await store.snapshot(stream_of(SESSION), SCHEMA)
    await store.close()
    (revision,) = revisions
    return (
        {name: summary(values, min) for name, values in found.items()}
        | cost
        | {
            "events": revision + 1,
            "snapshot_at": kept.revision + 1 if kept else None,
            "snapshot_bytes": len(kept.data) if kept else 0,
            "ratio": round(
                statistics.median(a / b for a, b in zip(found["whole"], found["from_snapshot"], strict=True)),
                2,
            ),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autobot-bench-", dir=options.folder))
    try:
        around = circumstances("chat_load", sqlite=apsw.sqlite_lib_version(), rounds=options.rounds)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(around | runner.run(measure(folder, options)), indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
