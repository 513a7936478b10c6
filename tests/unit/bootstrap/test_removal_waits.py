"""A removal takes no list for whole that may lack what was just made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autobot.testing.harness import PASSWORD, App, in_process

pytestmark = pytest.mark.anyio


async def saga(app: App, path: str) -> Any:
    """Return a saga, empty while there is none."""
    reply = await app("GET", path)
    return reply.json if reply.status == 200 else {"saga": {"state": ""}, "steps": []}


async def test_a_removal_waits_for_the_list_of_chats() -> None:
    """While the list lags behind the log the removal is tried again; no chat is left behind in the end."""
    async with asyncio.timeout(60), in_process() as app:
        await app.sign_in()
        body = {"username": "ann", "role": "user", "password": PASSWORD}
        user = (await app("POST", "/api/v1/auth/users", body)).expect(201).json["id"]
        ann = app.other()
        (await ann.sign_in("ann")).expect(200)
        view = app.product.chat_view
        async with view._runner._writing:
            chat = (await ann("POST", "/api/v1/chat/sessions", {"title": "new"})).expect(201).json["id"]
            path = (await app("DELETE", f"/api/v1/auth/users/{user}")).expect(204).headers["location"]
            while not any(
                one["name"] == "chats" and one["attempts"] for one in (await saga(app, path))["steps"]
            ):
                await asyncio.sleep(0)
        while (await saga(app, path))["saga"]["state"] != "completed":
            await asyncio.sleep(0)
        types = [one.message.type for one in await app.product.store.read_stream(f"chat-{chat}")]
        assert "autobot.chat.session_deleted.v1" in types
