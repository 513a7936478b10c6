"""Two backends and one read model: whoever is asked, its keeper acts, and the other one takes over."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from autobot.testing.client import Client
from autobot.testing.installation import CHAT, Installation

pytestmark = pytest.mark.needs_program("initdb")
MODELS = "/api/v1/system/read-models"


def model(client: Client) -> dict[str, Any]:
    """Return the read model of chats as whichever backend is asked tells it."""
    items = client.get(MODELS).expect(200).json["items"]
    found: dict[str, Any] = next(one for one in items if one["name"] == "chat")
    return found


def change(installation: Installation, act: str) -> dict[str, Any]:
    """Have a change made."""
    client = installation.admin
    asked = client.post(f"{MODELS}/chat/{act}", {"reason": "a test"}).expect(202)

    def ended() -> Any:
        found = client.get(asked.headers["location"]).expect(200).json
        return found if found["ended_at"] is not None else None

    done: dict[str, Any] = installation.until(ended, f"the end of {act}")
    return done


def test_every_backend_takes_orders_for_a_read_model(installation: Installation) -> None:
    """Calls go to both backends by turns: all of them are made, and both tell the same state."""
    installation.until(lambda: model(installation.admin)["state"] == "live", "a live read model")
    for act in ("rebuild", "parity", "switch", "rollback", "discard") * 2:
        done = change(installation, act)
        assert (act, done["status"]) == (act, "completed"), done
    told = [model(installation.admin) for _ in range(6)]
    assert {one["state"] for one in told} == {"live"}
    assert {one["beside"]["generation"] for one in told} == {0}
    assert {one["kept_by"] for one in told} == {told[0]["kept_by"]}


def test_the_other_backend_goes_on_when_the_keeper_is_killed(installation: Installation) -> None:
    """A chat that is begun after the keeper's death is in the list that is asked for with its position, and a rebuild
    works as before."""
    admin = installation.admin
    keeper = installation.until(lambda: model(admin)["kept_by"], "a keeper")
    os.kill(installation.processes()[keeper.partition("@")[0]], signal.SIGKILL)
    made = installation.until(
        lambda: (reply := admin.post(CHAT, {"title": "after the keeper"})).status == 201 and reply, "a chat"
    )
    position, session = made.headers["x-log-position"], made.json["id"]

    def listed() -> bool:
        page = admin.get(f"{CHAT}?limit=100&min_position={position}").expect(200).json
        return session in {one["id"] for one in page["items"]}

    assert installation.until(listed, "the new chat in the list")
    assert change(installation, "rebuild")["status"] == "completed"
    assert change(installation, "discard")["status"] == "completed"
