"""The commands of the guide's page on posting events do what the page says, with the real curl."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autobot.testing.harness import ServerProcess

PAGE = Path(__file__).resolve().parents[3] / "src" / "autobot" / "guide" / "posting-events.md"


@pytest.mark.needs_program("curl")
def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """Each command of the page runs as it stands there: three modes are taken, a type is registered, the log is read."""
    commands = re.findall(r"^```\n(curl [^\n]*)\n```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 5
    with ServerProcess(tmp_path / "data") as server:
        key = server.key("events:publish", "events:admin", "events:read")
        answers: list[Any] = []
        for command in commands:
            done = subprocess.run(
                ["sh", "-c", command],
                env={**os.environ, "URL": server.local, "KEY": key},
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            answers.append(json.loads(done.stdout))
    binary, structured, batch, registered, log = answers
    assert [one["ids"] for one in (binary, structured, batch)] == [["1"], ["2"], ["3", "4"]]
    assert registered["event_type"] == "com.shop.order.v1"
    assert [one["data"] for one in log] == [{"amount": number} for number in (3, 4, 5, 6)]
