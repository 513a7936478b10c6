"""Events that this version's own consumers cannot handle, written as a crash or a foreign program would leave them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.contracts import chat
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import ANY, Append, Transaction

DATABASE = "autobot.db"


def reply_requested(number: int, data: Any, stream: str = "chat-poison") -> Message:
    """Return a request for a reply with this data, whatever its contract says."""
    return Message(
        id=f"poison-{number:04d}",
        source="urn:autobot:test",
        type=chat.ReplyRequested.TYPE,
        time=SystemClock().now(),
        subject=stream,
        data=msgspec.json.encode(data),
        correlation_id=f"poison-{number}",
        partition_key=stream,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        principal="test",
    )


def append(messages: list[Message]) -> Transaction:
    """Return what appends them, one after the other."""
    return Transaction(
        appends=tuple(Append(stream=one.subject, expected=ANY, events=(one,)) for one in messages)
    )


def poison(folder: Path, messages: list[Message]) -> None:
    """Write events into the log of a data folder that no AutoBot runs on."""

    async def write() -> None:
        store = await SqliteEventStore.open(folder / DATABASE, SystemClock())
        for one in messages:
            await store.commit(append([one]))
        await store.close()

    # A thread of its own: this one may hold the loop of a browser's driver.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(write())).result()
