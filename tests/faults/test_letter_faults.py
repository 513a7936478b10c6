"""A group with dead letters, killed after each of its commits in turn."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.transaction import Query
from autobot.testing.history import Attempt, Entry, Finding, History, judge
from tests.faults.letters_child import EFFECTS, GROUP, KEYS, entry_of, id_of
from tests.faults.store_killing import ROOT

KILLED = -9
DISCARDED, REPLACED = id_of(2), id_of(3)
"""What has no effect of its own: it was given up, or its copy stands for it."""


def live(folder: Path, at: int) -> int:
    """Let the process live until its commit number `at`, 0 for ever; return how it ended."""
    words = (sys.executable, "-m", "tests.faults.letters_child", str(folder), str(at))
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert ended.returncode in {0, KILLED}, ended.stderr.decode()
    return ended.returncode


def begun_again(calls: Path) -> list[str]:
    """Return the messages that a handler began although the inbox held them when that life began."""
    found, settled = [], set[str]()
    for line in map(json.loads, calls.read_text().splitlines()):
        settled.update(line.get("handled", ()))
        if line.get("call") in settled:
            found.append(line["call"])
    return found


async def findings(folder: Path) -> list[Finding]:
    """Judge what is left."""
    store = await SqliteEventStore.open(folder / "autobot.db", SystemClock())
    try:
        log = [
            Entry(position=one.position, stream=one.stream, revision=one.revision, event_id=one.message.id)
            for one in await store.read_all()
        ]
        effects = {one.key: one.document["ids"] for one in await store.query(Query(table=EFFECTS))}
        known = await store.handled([entry_of(one) for one in ("copy", DISCARDED, REPLACED)])
        left = await store.query(Query(table="dead_letters", owner=GROUP))
    finally:
        await store.close()
    assert len(known) == 3
    assert left == []
    # The copy stands in its original's place.
    effects = {key: [REPLACED if one == "copy" else one for one in ids] for key, ids in effects.items()}
    ids = tuple(id_of(number) for number in range(1, len(KEYS) + 1))
    return judge(
        History(
            attempts=[Attempt(client="sender", stream="asked", event_ids=ids, position=len(ids))],
            log=log,
            effects={GROUP: effects},
            handles={GROUP: frozenset(ids) - {DISCARDED}},
            beside=frozenset({"fact"}),
        )
    )


def test_killed_after_any_commit_nothing_settled_is_begun_again(tmp_path: Path) -> None:
    """Killed after any one of its commits, a group goes on with what is left: nothing is lost or doubled, and a message
    that was handled, discarded or replaced by a copy is not even given to the handler again."""
    deaths, ended = 0, KILLED
    while ended == KILLED:
        folder = tmp_path / str(deaths)
        folder.mkdir()
        ended = live(folder, deaths + 1)
        deaths += ended == KILLED
        assert live(folder, 0) == 0
        assert asyncio.run(findings(folder)) == [], f"killed at commit {deaths}"
        assert begun_again(folder / "calls") == [], f"killed at commit {deaths}"
    assert deaths >= 12, "too few commits to prove anything"
