"""What the whole product does with an event that its list of chats cannot take, as the operator's setting says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import NO_STREAM, Append, Transaction
from autobot.testing.harness import App, in_process

pytestmark = pytest.mark.anyio
CHATS = "/api/v1/chat/sessions"
SETTING = "/api/v1/settings/read_models.on_poison"


async def poison(app: App, name: str) -> int:
    """Append a fact of a chat whose data nothing can read; return its position."""
    product = app.product
    event = Message(
        id=f"poison-{name}",
        source="urn:autobot:backend",
        type="autobot.chat.session_created.v1",
        time=product.outside.clock.now(),
        subject=name,
        data=b'{"session_id": 7}',
        correlation_id="c",
        partition_key=name,
    )
    append = Append(stream=f"chat-{name}", expected=NO_STREAM, events=(event,))
    return (await product.store.commit(Transaction(appends=(append,)))).position


async def model(app: App, state: str, skipped: int = 0) -> Any:
    """Return the read model of chats once it is in a state, with so many events left out."""
    while True:
        items = (await app("GET", "/api/v1/system/read-models")).expect(200).json["items"]
        one = next(one for one in items if one["name"] == "chat")
        if (one["state"], one["skipped"]) == (state, skipped):
            return one
        await asyncio.sleep(0)


async def shown(app: App, session: str, position: str) -> bool:
    """Say whether a chat is in the list that has come so far."""
    page = (await app("GET", f"{CHATS}?min_position={position}")).expect(200).json
    return session in {one["id"] for one in page["items"]}


async def test_poison_stops_the_list_or_is_left_out_as_the_setting_says() -> None:
    """By default the list stops, and says at which event and why; set to skip it goes on without it, lists it, and
    leaves the next one out at once; the status says the same."""
    async with asyncio.timeout(60), in_process() as app:
        await app.sign_in()
        at = await poison(app, "one")
        made = (await app("POST", CHATS, {"title": "after it"})).expect(201)
        session, position = made.json["id"], made.headers["x-log-position"]
        one = await model(app, "stopped")
        assert one["on_poison"] == "stop"
        assert one["reason"].count(f"Event {at} ") == 1
        assert one["position"] < at
        (await app("GET", f"{CHATS}?min_position={position}")).problem(503)
        (await app("PUT", SETTING, {"value": "skip", "reason": "a test"})).expect(200)
        assert (await model(app, "live", 1))["on_poison"] == "skip"
        assert await shown(app, session, position)
        await poison(app, "two")
        await model(app, "live", 2)
        listed = (await app("GET", "/api/v1/system/read-models/chat/skipped")).expect(200).json["items"]
        assert listed[0]["position"] == at
        assert all(one["reason"] for one in listed)
        (told,) = (await app("GET", "/api/v1/system/status")).expect(200).json["read_models"]
        assert (told["on_poison"], told["skipped"]) == ("skip", 2)
