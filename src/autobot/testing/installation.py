"""An installation whose roles are processes of their own, under test, and people who work with it meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client, Reply
from autobot.testing.harness import PASSWORD, ServerProcess, environment_for
from autobot.testing.valkey import ValkeyServer

CHAT: Final = "/api/v1/chat/sessions"
WAIT_S: Final = 180.0
LOOK_S: Final = 0.05
PACE_S: Final = 0.05
"""Seconds between an answer and a person's next request: what is asked without a pause takes the cores from what is tested."""


@dataclass
class Installation:
    """`autobot up --scaled` with its servers."""

    server: ServerProcess
    valkey: ValkeyServer
    database: str
    admin: Client = field(init=False)
    _session: tuple[str, str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Sign the administrator in."""
        self.admin = self.client()

    def close(self) -> None:
        """Close the administrator's connection."""
        self.admin.close()

    def client(self) -> Client:
        """Return a client that is signed in."""
        made = Client(self.server.local)
        if self._session is None:
            made.sign_in("admin", PASSWORD).expect(200)
            self._session = (made.cookie, made.csrf)
        # One sign-in for all: sign-ins are limited per name.
        made.cookie, made.csrf = self._session
        return made

    def processes(self) -> dict[str, int]:
        """Return the process id of each role's processes, by the name of its folder."""
        return owners(self.server.folder)

    def address(self, name: str) -> str:
        """Return where a process listens."""
        return str(_told(self.server.folder / "roles" / name)["address"])

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition holds; errors on the way mean not yet."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                found = condition()
            except (OSError, AssertionError, KeyError, ValueError):
                found = None
            if found:
                return found
            time.sleep(LOOK_S)
        raise AssertionError(f"not in time: {what}\n{self.server.log()[-4000:]}")


def _told(folder: Path) -> Any:
    return json.loads((folder / "autobot.lock").read_text(encoding="utf-8"))


def _owner(folder: Path) -> int | None:
    """Return who owns a folder, when that process lives."""
    try:
        pid = int(_told(folder)["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid


def begin(client: Client, key: str) -> Reply:
    """Begin a chat under an idempotency key."""
    return client.post(CHAT, {"title": key}, headers={"idempotency-key": f'"{key}"'})


def titles(client: Client) -> list[str]:
    """Return the titles of all chats."""
    found: list[str] = []
    cursor = ""
    while True:
        page = client.get(f"{CHAT}?limit=100{cursor}").expect(200).json
        found += [one["title"] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


class Load(threading.Thread):
    """A person who begins chats one after the other and repeats what got no answer, under the same key."""

    def __init__(self, installation: Installation, name: str) -> None:
        super().__init__()
        self._installation, self._name = installation, name
        self.ending = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.refused: list[str] = []

    def run(self) -> None:
        """Work until told to end."""
        number = 0
        with self._installation.client() as client:
            while not self.ending.is_set():
                number += 1
                key = f"{self._name}-{number:06}-of-a-test"
                while not self._tried(client, key) and not self.ending.is_set():
                    time.sleep(PACE_S)
                self.ending.wait(PACE_S)

    def _tried(self, client: Client, key: str) -> bool:
        try:
            reply = begin(client, key)
        except (OSError, http.client.HTTPException) as error:
            self.refused.append(repr(error))
            return False
        if reply.status != 201:
            self.refused.append(f"{reply.status} {reply.text[:200]}")
            return False
        self.acknowledged[key] = reply.json["id"]
        return True


@contextmanager
def load(installation: Installation, name: str, people: int = 3) -> Iterator[list[Load]]:
    """Have people work for the block."""
    working = [Load(installation, f"{name}-{number}") for number in range(people)]
    for one in working:
        one.start()
    try:
        yield working
    finally:
        for one in working:
            one.ending.set()
        for one in working:
            one.join(60)


def check_rolling_restart(installation: Installation, name: str) -> None:
    """Exchange every process for a new one under load, at SIGHUP; raise AssertionError for a request that failed."""
    before = installation.processes()
    with load(installation, name) as working:
        os.kill(installation.server.pid, signal.SIGHUP)
        installation.until(
            lambda: (
                len(now := installation.processes()) == len(before)
                and not set(now.values()) & set(before.values())
            ),
            "new processes of every role",
        )
    assert [one for person in working for one in person.refused] == []
    assert all(person.acknowledged for person in working)


def check_killed_under_load(installation: Installation, role: str, name: str) -> None:
    """Kill a process of a role under load; raise AssertionError unless another comes, work goes on and nothing
    that was acknowledged is lost or doubled."""

    def of_role() -> dict[str, int]:
        # A rolling restart gives processes other slots, and so other names.
        return {one: pid for one, pid in installation.processes().items() if one.split("-")[0] == role}

    before = of_role()
    with load(installation, name) as working:
        installation.until(lambda: all(len(one.acknowledged) >= 3 for one in working), "work before the kill")
        killed = next(iter(before.values()))
        os.kill(killed, signal.SIGKILL)
        installation.until(
            lambda: len(now := of_role()) == len(before) and killed not in now.values(), f"another {role}"
        )
        done = [len(one.acknowledged) for one in working]
        installation.until(
            lambda: all(len(one.acknowledged) >= n + 3 for one, n in zip(working, done, strict=True)),
            "work after the kill",
        )
    acknowledged = [key for one in working for key in one.acknowledged]
    there = installation.until(
        lambda: (every := titles(installation.admin)) and set(acknowledged) <= set(every) and every, "chats"
    )
    assert [key for key in acknowledged if there.count(key) != 1] == []


def owners(folder: Path) -> dict[str, int]:
    """Return the process id of each role that runs on a data folder, by the name of its own folder."""
    found = {one.name: _owner(one) for one in sorted((folder / "roles").iterdir())}
    return {name: pid for name, pid in found.items() if pid is not None}


def until_nobody_runs(folder: Path) -> None:
    """Wait until no role runs on a data folder. Raises AssertionError when some stay."""
    until = time.monotonic() + WAIT_S
    while left := owners(folder):
        if time.monotonic() > until:
            raise AssertionError(f"still there: {left}")
        time.sleep(LOOK_S)


class ChildRole:
    """`autobot serve ai --child`, as a parent starts it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, slot: int = 1) -> None:
        self._folder = folder
        words = [sys.executable, "-m", "autobot", "serve", "ai", "--child", "--port", "0"]
        words += ["--slot", str(slot)]
        self._process = subprocess.Popen(
            words, env=environment_for(folder, environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )

    def until_locked(self) -> None:
        """Wait until it owns its folder: it is on its way then."""
        lock, until = self._folder / "roles" / "ai" / "autobot.lock", time.monotonic() + WAIT_S
        while not lock.exists():
            if time.monotonic() > until:
                raise AssertionError("it does not start")
            time.sleep(LOOK_S)

    def let_go(self) -> None:
        """Close its standard input, as the parent's end would."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        return self._process.wait(WAIT_S)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait(WAIT_S)
        if self._process.stdin is not None:
            self._process.stdin.close()
