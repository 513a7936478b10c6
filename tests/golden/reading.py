"""What a store of today must read from golden data, whatever the engine that keeps it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from autobot.kernel.core.errors import IdempotencyInFlight
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.ports import AlreadyHandled, EventStore
from autobot.kernel.event_store.transaction import Handled, Transaction
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import ManualClock
from tests.golden.generate_event_store import EXPECTED, describe


async def reads_and_goes_on(store: EventStore, golden: Path) -> None:
    """All is as `expected.json` says, the audit chain verifies, what was done stays done, and writing goes on."""
    expected = msgspec.json.decode((golden / EXPECTED).read_bytes())
    found = await describe(store)
    assert found.keys() == expected.keys()
    for name in expected.keys() - {"format"}:
        assert found[name] == expected[name], name
    records = await store.audit(limit=10_000)
    assert verify(records)[1:] == (len(records), None)
    make = Maker(ManualClock())
    with pytest.raises(IdempotencyInFlight):
        await store.commit(make.transaction("new", answer=make.answer("key-3")))
    known = Handled(consumer="group", source="urn:autobot:test", message_id=found["log"][0]["message"]["id"])
    with pytest.raises(AlreadyHandled):
        await store.commit(Transaction(handled=(known,)))
    done = await store.commit(make.transaction("chat-1", expected=len(expected["streams"]["chat-1"]) - 1))
    assert done.position == expected["head"] + 1
