"""What indexing and searching cost with one backend and with two, every role in a process of its own.

    python -m bench.backends [--backends 1,2] [--documents 40] [--asks 200] [--at-once 10]

`autobot up --scaled` on a PostgreSQL and a Valkey of its own, for each number of backends. So many texts of some five
passages are sent, and the last one is waited for; then questions are searched through the gateway, so many at once.
Figures are processor milliseconds by role (`/proc`), and of the database's server, for a passage and for a search; the
rates are of the clock, and say what the machine had left. A worker that the ai role starts counts as `worker`.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from autobot.testing.postgres import Cluster
from autobot.testing.processes import below, cpu_s
from autobot.testing.valkey import ValkeyServer
from bench.around import line
from bench.indexing import BASE, WORDS, text_of

SECTIONS: Final = 5
PATIENCE_S: Final = 600.0
ROLES: Final = ("gateway", "backend", "ai", "worker", "database")


def spent(server: ServerProcess, cluster: Cluster) -> Mapping[str, float]:
    """Return the processor seconds of each role so far."""
    found = dict.fromkeys(ROLES, 0.0) | {"database": cluster.cpu_s()}
    for pid in below(server.pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
            role = words[words.index("serve") + 1] if "serve" in words else "worker"
            found[role if role in found else "worker"] += cpu_s(pid)
        except (FileNotFoundError, ProcessLookupError):
            # A process that reads a file ended while it was looked at.
            continue
    return found


def each(before: Mapping[str, float], after: Mapping[str, float], count: int) -> str:
    """Return the milliseconds of each role for one of `count`."""
    return " | ".join(f"{(after[role] - before[role]) * 1000 / count:.1f}" for role in ROLES)


def index(client: Client, documents: int, chance: random.Random) -> int:
    """Send texts and wait until all have their vectors; returns the passages."""
    made = []
    for number in range(documents):
        body = {"title": f"Text {number}", "text": text_of(chance, SECTIONS)}
        made.append(client.post(f"{BASE}/documents", body).expect(202).json["id"])
    passages, until = 0, time.monotonic() + PATIENCE_S
    for one in made:
        while True:
            found = client("GET", f"{BASE}/documents/{one}", headers={"prefer": "wait=20"}).expect(200).json
            if found["status"] == "ready" and found["model"]:
                passages += found["passages"]
                break
            if found["status"] == "failed" or time.monotonic() > until:
                raise RuntimeError(f"{one} is {found['status']}")
    return passages


def search(address: str, key: str, asks: int, at_once: int, chance: random.Random) -> int:
    """Search so many times; returns how many were answered by words alone."""
    questions = [" ".join(chance.choices(WORDS, k=6)) + f" {one}" for one in range(asks)]

    def some(mine: list[str]) -> int:
        with Client(address, key=key) as client:
            answers = [client.post(f"{BASE}/search", {"query": one}).expect(200).json for one in mine]
        return sum(one["degraded"] is not None for one in answers)

    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(some, [questions[one::at_once] for one in range(at_once)]))


def measured(backends: int, documents: int, asks: int, at_once: int) -> list[str]:
    """Return the rows of one installation."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name, Cluster(durable=True) as cluster, ValkeyServer() as valkey:
        environment = {
            "AUTOBOT_DATABASE_URL": cluster.database(),
            "AUTOBOT_REDIS_URL": valkey.url,
            "AUTOBOT_NPU_DEVICE": "AUTO",
        }
        words = ("--backends", str(backends))
        with ServerProcess(Path(name) / "data", environment, scaled=words) as server:
            key = server.key("knowledge:*")
            with Client(server.local) as client:
                client.sign_in("admin", PASSWORD).expect(200)
                index(client, 2, chance)
                before, began = spent(server, cluster), time.monotonic()
                passages = index(client, documents, chance)
                rate = passages / (time.monotonic() - began)
            indexed = spent(server, cluster)
            search(server.local, key, at_once * 2, at_once, chance)
            warm, began = spent(server, cluster), time.monotonic()
            less = search(server.local, key, asks, at_once, chance)
            found = asks / (time.monotonic() - began)
            after = spent(server, cluster)
    return [
        f"| {backends} | a passage of {passages} | {each(before, indexed, passages)} | {rate:.1f} |",
        f"| {backends} | a search of {asks}, {less} by words alone | {each(warm, after, asks)} | {found:.1f} |",
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default="1,2")
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--asks", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=10)
    asked = parser.parse_args()
    print(line(), f"\n| backends | CPU ms for | {' | '.join(ROLES)} | a second |", sep="\n")
    print(f"|---|---|{'---|' * (len(ROLES) + 1)}")
    for one in asked.backends.split(","):
        for row in measured(int(one), asked.documents, asked.asks, asked.at_once):
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
