"""Banned calls are reported, each with its cure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

# Planted line → a word of the cure that ruff must print.
BANNED = {
    "import datetime\ndatetime.datetime.now()": "Clock",
    "from datetime import datetime\ndatetime.utcnow()": "Clock",
    "from datetime import date\ndate.today()": "Clock",
    "import uuid\nuuid.uuid4()": "IdSource",
    "import random\nrandom.random()": "Chance",
    "import asyncio\nasyncio.create_task(work())": "TaskGroup",
    "from asyncio import ensure_future\nensure_future(work())": "TaskGroup",
    "import asyncio\nasyncio.wait_for(work(), 1)": "asyncio.timeout",
    "from unittest.mock import Mock\nMock()": "fake",
    "from unittest import mock\nmock.patch": "fake",
    "from starlette.middleware.base import BaseHTTPMiddleware\nBaseHTTPMiddleware": "pure ASGI",
    "import requests\nrequests.get": "through a link",
    "import httpx\nhttpx.get": "through a link",
    "import pickle\npickle.loads": "msgspec",
}


def messages(source: str, place: str) -> list[str]:
    """What ruff says of a source that stands at this place of the tree."""
    ruff = Path(sys.executable).parent / "ruff"
    done = subprocess.run(
        [ruff, "check", "--output-format=json", "--select=TID251", f"--stdin-filename={place}", "-"],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    return [str(finding["message"]) for finding in json.loads(done.stdout)]


@pytest.mark.parametrize("source", BANNED, ids=lambda source: source.splitlines()[-1])
@pytest.mark.parametrize("place", ["src/autobot/kernel/planted.py", "tests/unit/test_planted.py"])
def test_a_banned_call_names_its_cure(source: str, place: str) -> None:
    """A call that the house bans is reported in sources and tests alike, with what to do instead."""
    found = messages(source, place)
    assert any(BANNED[source] in message for message in found), found


def test_the_adapter_that_is_the_clock_may_ask_the_system() -> None:
    """The one exception stands: the system adapter reads the time and makes ids."""
    assert messages("import uuid\nuuid.uuid4()", "src/autobot/adapters/system/ids.py") == []
