"""One round of our store on SQLite: appends with claim, audit and checkpoint, and replay, a second, as JSON."""

import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.repository import Repository
from bench.append import Ours
from bench.replay import Conversation, MessagePosted, apply, fill


async def main() -> None:
    seconds, length, clock = float(sys.argv[1]), int(sys.argv[2]), SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        store = await SqliteEventStore.open(Path(folder) / "append.db", clock)
        ours = Ours(store, clock)
        one, _ = await ours.writers(1, seconds)
        many, _ = await ours.writers(64, seconds)
        await store.close()
        store = await SqliteEventStore.open(Path(folder) / "replay.db", clock)
        ids = Uuid7Source(clock, random.Random(1))
        codec = EventCodec((MessagePosted,), clock, ids, source="urn:autobot:bench")
        await fill(store, codec, length, 1)
        repository = Repository(store, codec, initial=lambda stream: Conversation(), apply=apply)
        began = time.perf_counter()
        loaded = await repository.load("chat-0")
        replayed = loaded.state.messages / (time.perf_counter() - began)
        await store.close()
    found = {
        "append with claim, audit, checkpoint, one writer": one,
        "append with claim, audit, checkpoint, 64 writers": many,
        "replay": replayed,
    }
    print(json.dumps(found))


asyncio.run(main())
