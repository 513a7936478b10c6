"""`autobot read-models`: the whole way of a rebuild on the command line, beside a running product."""

from __future__ import annotations

import json
from typing import Any

from autobot.testing.harness import run_cli
from tests.integration.product.host import Host
from tests.integration.product.people import Person


def run(host: Host, *words: str) -> Any:
    """Run a subcommand against the host's data folder."""
    return run_cli(host.server.folder, "read-models", *words, environment=host.server.environment)


def listed(host: Host) -> dict[str, Any]:
    """Return the read model of chats as the list tells it."""
    done = run(host, "list", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = next(one for one in json.loads(done.stdout)["items"] if one["name"] == "chat")
    return found


def test_the_whole_way_on_the_command_line(host: Host, alice: Person) -> None:
    """Built beside, compared, switched, rolled back and discarded: each prints how it ended, and the list follows."""
    alice.chat(title="On the command line")
    done = run(host, "rebuild", "chat", "--reason", "counts are wrong")
    assert (done.returncode, "rebuild of chat: completed." in done.stdout) == (0, True)
    assert listed(host)["beside"]["ready"] is True
    assert "whole" in run(host, "list").stdout
    done = run(host, "parity", "chat")
    assert (done.returncode, "chat.sessions" in done.stdout) == (0, True)
    before = listed(host)["beside"]["generation"]
    assert run(host, "switch", "chat").returncode == 0
    assert listed(host)["beside"]["previous"] == before
    done = run(host, "rollback", "chat", "--json")
    assert json.loads(done.stdout)["status"] == "completed"
    assert listed(host)["beside"]["generation"] == before
    assert run(host, "discard", "chat").returncode == 0
    assert listed(host)["beside"]["candidate"] is None
    changes = host.admin.client.get("/api/v1/system/read-models/chat/changes?limit=5").json["items"]
    assert changes[-1]["reason"] == "counts are wrong"


def test_what_cannot_be_done_is_said(host: Host) -> None:
    """Without a candidate there is nothing to switch to, and an unknown name is answered with the known ones."""
    done = run(host, "switch", "chat")
    assert done.returncode != 0
    assert "rebuild it first" in done.stderr + done.stdout
    done = run(host, "rebuild", "nothing")
    assert done.returncode != 0
    assert "there are: chat" in done.stderr + done.stdout
    done = run(host, "discard", "chat", "--kept")
    assert "Nothing of chat is kept" in done.stderr + done.stdout
