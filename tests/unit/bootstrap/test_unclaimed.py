"""What this version cannot read: it becomes a dead letter with a plain reason, and nothing else stops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from autobot.bootstrap.following import GROUP, UNCLAIMED
from autobot.bootstrap.product import Product
from autobot.contracts import chat
from autobot.kernel.event_store.transaction import ANY, Append, Query, Transaction
from autobot.kernel.messaging.parking import DEAD
from autobot.testing.harness import App, in_process
from autobot.testing.messages import Maker

pytestmark = pytest.mark.anyio


async def stored(product: Product, type: str, data: Any, stream: str = "strange") -> None:  # noqa: A002
    """Put an event into the log as another version of AutoBot would have."""
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    make = Maker(product.outside.clock, prefix=type)
    message = make.message(stream, type=type, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    append = Append(stream=stream, expected=ANY, events=(replace(message, data=raw),))
    await product.store.commit(Transaction(appends=(append,)))


async def letters(product: Product) -> list[dict[str, Any]]:
    """The dead letters, when both groups looked at all that is in the log."""
    until = product.outside.clock.monotonic() + 10
    for group in (UNCLAIMED, GROUP):
        await product.broker.settled(group, await product.store.head(), until)
    return [dict(one.document) for one in await product.store.query(Query(table=DEAD))]


async def goes_on(app: App) -> None:
    """A person asks something and is answered."""
    made = (await app("POST", "/api/v1/chat/sessions", {})).expect(201).json
    said = {"content": "/help"}
    (await app("POST", f"/api/v1/chat/sessions/{made['id']}/messages", said)).expect(202)


async def test_an_unknown_version_of_our_own_type_is_a_dead_letter() -> None:
    """An event that a newer version wrote stands among the dead letters; reactions, chats and the log go on."""
    async with in_process() as app:
        await app.sign_in()
        await stored(app.product, "autobot.chat.reply_requested.v9", {"anything": 1})
        await goes_on(app)
        (letter,) = await letters(app.product)
        assert (letter["group"], letter["type"]) == (UNCLAIMED, "autobot.chat.reply_requested.v9")
        assert letter["reason"] == (
            "This version of AutoBot does not know the type autobot.chat.reply_requested.v9; a newer one wrote it."
        )
        assert (await app("GET", "/api/v1/events?limit=200")).status == 200


@pytest.mark.parametrize("data", [b"{", b'{"session_id": 7}', b"[]", b'"\xff"'])
async def test_data_that_does_not_decode_is_a_dead_letter(data: bytes) -> None:
    """Stored bytes of a known type that are not its contract's stop nobody but themselves."""
    async with in_process() as app:
        await app.sign_in()
        await stored(app.product, chat.ReplyRequested.TYPE, data)
        await goes_on(app)
        (letter,) = await letters(app.product)
        assert (letter["group"], letter["type"], letter["state"]) == (GROUP, chat.ReplyRequested.TYPE, "dead")
        assert "does not decode" in letter["reason"]
        status = (await app("GET", "/api/v1/system/status")).json
        assert {one["state"] for one in status["consumers"]} == {"running"}


async def test_all_that_this_version_knows_is_claimed() -> None:
    """What AutoBot writes itself is no dead letter."""
    async with in_process() as app:
        await app.sign_in()
        await goes_on(app)
        assert await letters(app.product) == []
