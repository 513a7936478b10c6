"""Durable appends to one PostgreSQL by one process and by two at the same time, in turn, in one run.

    python -m bench.append_processes [--rounds 3] [--seconds 1.5] [--folder DIR]

A server of its own with fsync and synchronous_commit on, on a socket in a temporary folder, ended afterwards.
- `whole`: one event with claim, audit record and checkpoint a commit; `events`: one event a commit.
- `rate`: commits a second of all processes; `cpu_us`, `server_us`: CPU of a process and of the server a commit.
Each process has its own streams. Prints one JSON object of medians, by kind, writers a process, and processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvloop

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.transaction import Transaction
from autobot.testing.postgres import Cluster
from bench.append import Ours
from bench.append_postgres import Events
from bench.around import circumstances

KINDS = {"whole": Ours, "events": Events}
STREAMS = 1_000
"""Streams a process has for itself."""


async def child(url: str, number: int, kind: str, writers: int, seconds: float) -> None:
    """Open a store, say so, and append when told to."""
    store = await PostgresEventStore.open(url, SystemClock())
    ours = KINDS[kind](store, SystemClock())
    ours.ids = number * 10**9
    made = ours.transaction

    def transaction(writer: int) -> Transaction:
        return made(number * STREAMS + writer)

    ours.transaction = transaction  # type: ignore[method-assign]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    rate, cpu = await ours.commits(writers, seconds)
    print(json.dumps([rate, cpu]), flush=True)
    await store.close()


def together(
    cluster: Cluster, numbers: range, kind: str, writers: int, seconds: float
) -> tuple[float, float, float]:
    """Return commits a second, CPU of a process and of the server a commit, of so many processes at once."""
    words = [sys.executable, "-m", "bench.append_processes", "--child", cluster.url("postgres")]
    processes = [
        subprocess.Popen(
            [*words, str(number), kind, str(writers), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in numbers
    ]
    for one in processes:
        assert one.stdout is not None
        one.stdout.readline()
    before = cluster.cpu_s()
    for one in processes:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    found = [json.loads(one.stdout.readline()) for one in processes if one.stdout is not None]
    server = cluster.cpu_s() - before
    for one in processes:
        one.wait()
    rate = sum(one for one, _ in found)
    return rate, statistics.mean(cpu for _, cpu in found), server / (rate * seconds) * 1e6


def measure(cluster: Cluster, rounds: int, seconds: float) -> dict[str, Any]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    number = 1
    for _ in range(rounds):
        for kind in KINDS:
            for writers in (1, 16):
                for processes in (1, 2):
                    name = f"{kind}, {writers} writers, {processes} processes"
                    numbers = range(number, number + processes)
                    found.setdefault(name, []).append(together(cluster, numbers, kind, writers, seconds))
                    number += processes
    return {
        name: dict(
            zip(
                ("rate", "cpu_us", "server_us"),
                (round(statistics.median(one), 1) for one in zip(*values, strict=True)),
                strict=True,
            )
        )
        for name, values in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the server writes; the disk that is measured"
    )
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        url, number, kind, writers, seconds = options.child
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(child(url, int(number), kind, int(writers), float(seconds)))
        return
    around = circumstances("append_processes", rounds=options.rounds)
    with Cluster(durable=True, below=options.folder) as cluster:
        print(json.dumps(around | measure(cluster, options.rounds, options.seconds), indent=1))


if __name__ == "__main__":
    main()
