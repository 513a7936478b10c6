"""Two gateways of one installation: what one lets in or shows, the other knows."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from websockets.sync.client import ClientConnection, connect

from autobot.testing.client import Client
from autobot.testing.installation import CHAT, Installation

pytestmark = pytest.mark.needs_program("initdb")
GATEWAYS = ("gateway", "gateway-2")
PRESENCE = "/api/v1/system/presence"


@contextmanager
def answered_by(installation: Installation, name: str) -> Iterator[None]:
    """Let only one gateway take new connections for the block: the other stands still."""
    others = [pid for one, pid in installation.processes().items() if one in GATEWAYS and one != name]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def both_there(installation: Installation) -> None:
    """Wait until both gateways run."""
    installation.until(lambda: set(GATEWAYS) <= installation.processes().keys(), "two gateways")


def test_a_revoked_key_is_refused_by_the_other_gateway_at_once(installation: Installation) -> None:
    """The next request after a revocation is refused everywhere, though the key was just proven there and Redis does
    not answer: what counts is the log."""
    both_there(installation)
    admin = installation.admin
    made = admin.post("/api/v1/auth/keys", {"name": "gateways", "scopes": ["*"]}).expect(201).json
    with ExitStack() as stack:
        clients = []
        for name in GATEWAYS:
            with answered_by(installation, name):
                client = stack.enter_context(Client(installation.server.local, key=made["key"]))
                client.get(CHAT).expect(200)
                clients.append(client)
        for client in clients:
            client.get(CHAT).expect(200)
        installation.valkey.freeze()
        try:
            admin("DELETE", f"/api/v1/auth/keys/{made['id']}").expect(204)
            assert [client.get(CHAT).status for client in clients] == [401, 401]
        finally:
            installation.valkey.thaw()


@contextmanager
def dialled(installation: Installation, client: Client, channel: str) -> Iterator[ClientConnection]:
    """Open a live connection that follows a channel, for the block."""
    address = installation.server.local.replace("http://", "ws://") + "/ws"
    fields = {"Cookie": client.cookie, "Origin": installation.server.local}
    with connect(address, additional_headers=fields) as connection:
        connection.send(json.dumps({"type": "subscribe", "channel": channel}))
        connection.recv(timeout=20)
        yield connection


def test_windows_are_seen_across_gateways(installation: Installation) -> None:
    """A chat that is open at both gateways is known by both to be open in two windows, until one is closed."""
    both_there(installation)
    admin = installation.admin
    session = admin.post(CHAT, {"title": "windows"}).expect(201).json["id"]
    channel = f"chat.session:{session}"

    def processes() -> list[str]:
        seen = admin.get(f"{PRESENCE}?channel={channel}").expect(200).json
        assert seen["complete"]
        return sorted(one["process"].partition("@")[0] for one in seen["items"])

    with ExitStack() as stack:
        opened = []
        for name in GATEWAYS:
            with answered_by(installation, name):
                opened.append(stack.enter_context(dialled(installation, admin, channel)))
        installation.until(lambda: processes() == sorted(GATEWAYS), "a window at each gateway")
        opened[0].close()
        installation.until(lambda: processes() == ["gateway-2"], "the other window alone")


def test_only_who_manages_people_sees_the_windows_of_others(installation: Installation) -> None:
    """Everybody sees their own windows; those of others are for who may manage users."""
    admin = installation.admin
    admin.get(f"{PRESENCE}?everyone=true").expect(200)
    key = admin.post("/api/v1/auth/keys", {"name": "narrow", "scopes": ["chat:read"]}).expect(201).json["key"]
    with Client(installation.server.local, key=key) as narrow:
        narrow.get(PRESENCE).expect(200)
        narrow.get(f"{PRESENCE}?everyone=true").problem(403)
