"""Consumer groups of all roles: one list, one word to hold them, wherever they are served."""

from __future__ import annotations

from typing import Any

import pytest

from autobot.testing.installation import CHAT, Installation

pytestmark = pytest.mark.needs_program("initdb")
CONSUMERS = "/api/v1/messaging/consumers"
AWAY = "reactions-ai"


def told(installation: Installation, group: str) -> list[dict[str, Any]]:
    """Return what each process that serves a group says of it itself."""
    status = installation.admin.get("/api/v1/system/status").expect(200).json
    return [one for one in status["consumers"] if one["group"] == group]


def test_a_process_that_serves_no_part_stands_by_and_names_who_does(installation: Installation) -> None:
    """Of two backends one may hold every part of a group; the other is no longer starting, it waits to take over."""

    def settled() -> list[dict[str, Any]]:
        found = [
            one
            for one in installation.admin.get(CONSUMERS).expect(200).json["items"]
            if one["group"] == "reactions"
        ]
        states = {one["state"] for one in found}
        return found if len(found) == 2 and states <= {"running", "standby"} and "running" in states else []

    found = installation.until(settled, "every process to know what it serves")
    serving = {one["process"] for one in found if one["state"] == "running"}
    for one in found:
        assert (one["state"] == "running") == (one["reason"] == "")
        assert one["state"] == "running" or any(name in one["reason"] for name in serving)


def test_groups_of_every_role_are_listed_and_held(installation: Installation) -> None:
    """The list and the status show the same groups with the role and the process of each, lag and age; a group of
    another role is held by a word to the backend, and goes on by another."""
    admin = installation.admin

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = admin.get(CONSUMERS).expect(200).json["items"]
        return found

    def whole(page: list[dict[str, Any]]) -> bool:
        served = [one["group"] for one in page]
        return AWAY in served and served.count("reactions") == 2

    # Either backend may be asked, and each hears of the others by itself.
    installation.until(
        lambda: all(whole(listed()) for _ in range(8)), "figures of all processes in every backend"
    )
    page = listed()
    status = admin.get("/api/v1/system/status").expect(200).json["consumers"]
    assert {(one["group"], one["process"], one["role"]) for one in page} == {
        (one["group"], one["process"], one["role"]) for one in status
    }
    assert len({(one["group"], one["process"]) for one in page}) == len(page)
    assert all(one["process"].startswith(one["role"]) for one in page)
    assert all(one["lag"] >= 0 and one["oldest_age_s"] >= 0 for one in page)
    held = admin.post(f"{CONSUMERS}/{AWAY}/pause", {"reason": "a test"}).expect(200).json
    assert (held["held"], held["state"], held["role"]) == (True, "paused", "ai")
    try:
        installation.until(lambda: told(installation, AWAY)[0]["held"], "ai to follow the word")
        session = admin.post(CHAT, {"title": "held"}).expect(201).json["id"]
        asked = admin.post(f"{CHAT}/{session}/messages", {"content": "Are you there?"}).expect(202).json
        installation.until(lambda: told(installation, AWAY)[0]["lag"] > 0, "lag of the held group")
        run = f"/api/v1/chat/runs/{asked['run_id']}"
        reply = admin.get(run)
        assert reply.status == 503 or reply.json["ended_at"] is None
    finally:
        admin.post(f"{CONSUMERS}/{AWAY}/resume", {"reason": "the test is over"}).expect(200)
    installation.until(
        lambda: (found := admin.get(run)).status == 200 and found.json["ended_at"] is not None,
        "the reply of the released group",
    )
    (still,) = {one["held"] for one in listed() if one["group"] == AWAY}
    assert not still
