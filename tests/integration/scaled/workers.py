"""Workers for inference beside an installation, each a process with a place in the roles table, and people who embed."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autobot.testing.harness import environment_for
from autobot.testing.installation import PACE_S, Installation

READY = "Takes work at "
ROLES = "/api/v1/system/roles"
PATIENCE_S = 120.0


class WorkerProcess:
    """`autobot serve npu` with the database and the key of an installation."""

    def __init__(self, installation: Installation, slot: int, *options: str) -> None:
        folder = installation.server.folder
        environment = {
            "AUTOBOT_DATABASE_URL": installation.database,
            "AUTOBOT_SECRET_KEY_FILE": str(folder / "secret.key"),
            "AUTOBOT_NPU_DEVICE": "AUTO",
        }
        words = [
            sys.executable,
            "-m",
            "autobot",
            "serve",
            "npu",
            "--port",
            "0",
            "--slot",
            str(slot),
            *options,
        ]
        self._process = subprocess.Popen(
            words, env=environment_for(folder, environment), stdout=subprocess.PIPE, text=True
        )
        output = self._process.stdout
        assert output is not None
        self.said: list[str] = []
        for line in output:
            self.said.append(line)
            if line.startswith(READY):
                self.address = line.removeprefix(READY).strip()
                return
        raise AssertionError(f"the worker ended: {self.said}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, word: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end and return its exit code."""
        self._process.send_signal(word)
        code = self._process.wait(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def ended(self) -> None:
        """End it in order if it still runs."""
        if self._process.poll() is None:
            self.stop()


@contextmanager
def worker(installation: Installation, slot: int, *options: str) -> Iterator[WorkerProcess]:
    """Run a worker for the block."""
    made = WorkerProcess(installation, slot, *options)
    try:
        yield made
    finally:
        made.ended()


def workers_shown(installation: Installation) -> dict[str, dict[str, Any]]:
    """Return the workers in the roles table by address."""
    listed = installation.admin.get(ROLES).expect(200).json["items"]
    return {one["address"]: one for one in listed if one["roles"] == ["npu"]}


def reachable(installation: Installation, *addresses: str) -> bool:
    """Say whether exactly these workers are what the ai role calls."""
    told = installation.admin.get("/api/v1/models/accelerators").expect(200).json["items"]
    return {one["target"] for one in told if one["state"] == "ready"} == set(addresses)


class Embedding(threading.Thread):
    """A person who embeds one text after the other at the gateway, each another one."""

    def __init__(self, installation: Installation, name: str, key: str) -> None:
        super().__init__()
        self._installation, self._name, self._key = installation, name, key
        self.ending = threading.Event()
        self.answered, self.refused = 0, list[str]()

    def run(self) -> None:
        headers = {"authorization": f"Bearer {self._key}"}
        with self._installation.client() as client:
            while not self.ending.is_set():
                text = f"{self._name} asks for text {self.answered} of many"
                body = {"model": "npu:all-minilm-l6-v2", "input": text}
                try:
                    reply = client.post("/v1/embeddings", body, headers=headers)
                except (OSError, http.client.HTTPException) as error:
                    self.refused.append(repr(error))
                    continue
                if reply.status != 200 or len(reply.json["data"]) != 1:
                    self.refused.append(f"{reply.status} {reply.text[:300]}")
                self.answered += 1
                self.ending.wait(PACE_S)


@contextmanager
def embedding(installation: Installation, name: str, people: int = 4) -> Iterator[list[Embedding]]:
    """Have people embed for the block."""
    made = installation.admin.post("/api/v1/auth/keys", {"name": name, "scopes": ["*"]}).expect(201)
    working = [Embedding(installation, f"{name}-{number}", made.json["key"]) for number in range(people)]
    for one in working:
        one.start()
    try:
        yield working
    finally:
        for one in working:
            one.ending.set()
        for one in working:
            one.join(60)
