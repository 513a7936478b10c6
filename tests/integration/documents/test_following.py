"""How far a document is, as it happens: facts and progress over the WebSocket, for those who may read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from tests.integration.documents.test_documents import BASE, settled, upload

pytestmark = pytest.mark.anyio
LONG = b"Ferns grow in the shade of tall trees, and mosses on stones.\n\n" * 60_000


@asynccontextmanager
async def socket(server: ServerProcess, key: str) -> AsyncIterator[ClientConnection]:
    """Dial `/ws` with a key."""
    address = server.local.replace("http://", "ws://") + "/ws"
    async with connect(address, additional_headers={"Authorization": f"Bearer {key}"}) as made:
        yield made


async def subscribed(connection: ClientConnection, document_id: str) -> None:
    """Follow a document from its first fact on."""
    await connection.send(json.dumps({"type": "subscribe", "channel": f"document:{document_id}", "after": 0}))


async def hear(connection: ClientConnection) -> Any:
    """Return the next frame."""
    async with asyncio.timeout(60):
        return json.loads(await connection.recv())


def facts(frames: list[Any]) -> list[str]:
    """Return what was said, in a word each."""
    return [one["event"]["type"].split(".")[2] for one in frames if one["type"] == "event"]


async def test_facts_and_progress_come_as_they_happen(client: Client, server: ServerProcess) -> None:
    """Who follows a document hears that it came, how far it is, and how it ended; later all facts again, by their seq."""
    key = server.key("knowledge:read", name="following")
    heard: list[Any] = []
    # It waits behind others until it is followed: nobody hears of progress that was before they listened.
    for number in range(3):
        upload(client, LONG + bytes([65 + number]), f"before-{number}.txt").expect(202)
    async with socket(server, key) as following:
        # Progress is told twice a second: this one takes longer than that.
        made = upload(client, LONG * 2, "ferns.txt").expect(202).json
        await subscribed(following, made["id"])
        while "document_indexed" not in facts(heard):
            heard.append(await hear(following))
    assert facts(heard) == ["document_received", "document_indexed"]
    told = [one for one in heard if one["type"] == "progress"]
    assert {one["version"] for one in told} == {1}
    assert {one["status"] for one in told} & {"parsing", "chunking", "embedding"}
    client("PATCH", f"{BASE}/documents/{made['id']}", {"title": "Ferns"}).expect(200)
    again: list[Any] = []
    async with socket(server, key) as following:
        await subscribed(following, made["id"])
        while "document_changed" not in facts(again):
            again.append(await hear(following))
    assert [one["seq"] for one in again if one["type"] == "event"] == [1, 2, 3]


async def test_nobody_hears_of_what_they_may_not_read(client: Client, server: ServerProcess) -> None:
    """A document of others is not there; who loses the right to read is told once, and hears nothing more."""
    with Client(server.local) as admin:
        admin.sign_in("admin", PASSWORD).expect(200)
        user = admin.post("/api/v1/auth/users", {"username": "rhea", "role": "user"})
        rhea = user.expect(201).json["id"]
        body = {"name": "rhea", "scopes": ["knowledge:read"], "user_id": rhea}
        key = admin.post("/api/v1/auth/keys", body).expect(201).json["key"]
    place = client.post(f"{BASE}/collections", {"name": "Shared"}).expect(201).json["id"]
    made = upload(client, b"Mosses grow on stones.", "moss.md", collection=place).expect(202).json
    settled(client, made["id"])
    async with socket(server, key) as following:
        await subscribed(following, made["id"])
        refused = await hear(following)
        assert (refused["type"], refused["problem"]["code"]) == ("error", "not-found")
        client("PATCH", f"{BASE}/collections/{place}", {"readers": [rhea]}).expect(200)
        await subscribed(following, made["id"])
        heard: list[Any] = []
        while "document_indexed" not in facts(heard):
            heard.append(await hear(following))
        client("PATCH", f"{BASE}/documents/{made['id']}", {"tags": ["seen"]}).expect(200)
        assert facts([await hear(following)]) == ["document_changed"]
        client("PATCH", f"{BASE}/collections/{place}", {"readers": []}).expect(200)
        client("PATCH", f"{BASE}/documents/{made['id']}", {"tags": ["unseen"]}).expect(200)
        ended = await hear(following)
        assert (ended["type"], ended["reason"]) == ("resync", "permissions")
        await subscribed(following, made["id"])
        assert (await hear(following))["type"] == "error"
        await following.send(json.dumps({"type": "ping"}))
        assert (await hear(following))["type"] == "pong"
