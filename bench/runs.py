"""Durable runs on the SQLite store: a saga of three steps, one by one and many in flight, and recovery after kill -9.

    python bench/runs.py [--rounds 3] [--seconds 1.5] [--folder DIR]

Each run is accepted, does three steps that have a compensation, and ends: eight facts and the run's document in five commits, each
at synchronous=FULL. The floor is the same number of bare commits in the same run (`raw_commits` / 5): no engine that makes each step durable by itself can be faster one by one. Recovery: a process is killed with
`--open` runs on their way; the time is from the next one's first instruction to the last run's end, with the time to
recovery (all open runs known and started) apart. Prints one JSON object. Peers are quoted in docs, not measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
import uvloop

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step
from bench.around import circumstances

COMMITS = 5
"""Commits of one run: accepted, three steps of which each begins where the last one is done, ended."""
CONTEXT = CallContext(
    correlation_id="bench", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


async def nothing(run: Run) -> None:
    """A step that does nothing by itself: what is measured is the engine."""


async def frame(channel: str, body: dict[str, Any]) -> None:
    """Nobody watches."""


def saga(held: asyncio.Event | None = None) -> Saga:
    """Three steps; with `held` the second one waits for it."""

    async def hold(run: Run) -> None:
        if held is not None:
            await held.wait()

    steps = (("one", nothing), ("two", hold), ("three", nothing))
    return Saga("bench", tuple(Step(name=name, action=work, compensation=nothing) for name, work in steps))


class Place:
    """A store in a folder with an engine over it."""

    def __init__(self, store: SqliteEventStore, held: asyncio.Event | None = None) -> None:
        clock = SystemClock()
        self.store = store
        codec = EventCodec(
            facts.EVENTS, clock, Uuid7Source(clock, random.Random(1)), source="urn:autobot:bench"
        )
        self.engine = RunEngine((saga(held),), store, codec, clock, frame)
        self.count = 0

    async def one(self) -> None:
        """Carry one run from acceptance to its end."""
        self.count += 1
        name = f"{os.getpid()}-{self.count}"
        await self.engine.accept("bench", name, {}, CONTEXT, owner="bench", serial_key=name)
        await self.engine.ended(name)


async def rate(folder: Path, in_flight: int, seconds: float) -> tuple[float, float]:
    """Return runs a second and CPU microseconds a run."""
    store = await SqliteEventStore.open(folder / "autobot.db", SystemClock())
    place = Place(store)
    async with asyncio.TaskGroup() as group:
        group.create_task(place.engine.serve())
        await place.engine.recovered.wait()
        for _ in range(20):
            await place.one()
        began, cpu, before = time.perf_counter(), time.process_time(), place.count

        async def worker() -> None:
            while time.perf_counter() - began < seconds:
                await place.one()

        async with asyncio.TaskGroup() as workers:
            for _ in range(in_flight):
                workers.create_task(worker())
        took, spent, done = time.perf_counter() - began, time.process_time() - cpu, place.count - before
        place.engine.close()
    await store.close()
    return done / took, spent / done * 1e6


def raw_commits(folder: Path, seconds: float) -> float:
    """Return bare commits a second of a row as large as a fact."""
    connection = apsw.Connection(str(folder / "raw.db"))
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, data BLOB)")
    row, count, began = b"x" * 400, 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        connection.execute("INSERT INTO t(data) VALUES(?)", (row,))
        count += 1
    took = time.perf_counter() - began
    connection.close()
    return count / took


async def leave_open(folder: Path, count: int) -> None:
    """Accept runs that wait in their second step, say so, and wait to be killed."""
    store = await SqliteEventStore.open(folder / "autobot.db", SystemClock())
    place = Place(store, asyncio.Event())
    async with asyncio.TaskGroup() as group:
        group.create_task(place.engine.serve())
        await place.engine.recovered.wait()
        for number in range(count):
            await place.engine.accept(
                "bench", f"open-{number}", {}, CONTEXT, owner="bench", serial_key=str(number)
            )
        while any(run.history.open_step is None for run in place.engine.all_live()):
            await asyncio.sleep(0.01)
        print("open", flush=True)
        await asyncio.Event().wait()


async def recover(folder: Path, count: int) -> dict[str, float]:
    """Return the seconds until a new process knows its runs, and until all have ended."""
    began = time.perf_counter()
    store = await SqliteEventStore.open(folder / "autobot.db", SystemClock())
    place = Place(store)
    async with asyncio.TaskGroup() as group:
        group.create_task(place.engine.serve())
        await place.engine.recovered.wait()
        known = time.perf_counter() - began
        for number in range(count):
            await place.engine.ended(f"open-{number}")
        ended = time.perf_counter() - began
        place.engine.close()
    await store.close()
    return {"recovered_s": known, "ended_s": ended}


def killed(folder: Path, count: int) -> dict[str, float]:
    """Kill a process with open runs and measure the next one."""
    words = [sys.executable, "-m", "bench.runs", "--leave-open", str(count), "--folder", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait()
    return uvloop.run(recover(folder, count))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--open", type=int, default=64)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--leave-open", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.leave_open:
        asyncio.run(leave_open(options.folder, options.leave_open))
        return
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for number in range(options.rounds):
            folder = Path(name) / str(number)
            folder.mkdir()
            found.setdefault("raw_commits", []).append(raw_commits(folder, options.seconds / 2))
            for in_flight in (1, 64):
                (folder / str(in_flight)).mkdir()
                runs, cpu = uvloop.run(rate(folder / str(in_flight), in_flight, options.seconds))
                found.setdefault(f"runs_{in_flight}", []).append(runs)
                found.setdefault(f"cpu_us_{in_flight}", []).append(cpu)
            (folder / "killed").mkdir()
            for what, value in killed(folder / "killed", options.open).items():
                found.setdefault(what, []).append(value)
    figures = {what: round(statistics.median(values), 4) for what, values in found.items()}
    one, many = figures["runs_1"], figures["runs_64"]
    print(
        json.dumps(
            {
                **figures,
                "one_by_one": {"runs_s": one, "bar": 700, "met": one >= 700, "commits_s": one * COMMITS},
                "in_flight_64": {"runs_s": many, "bar": 5000, "met": many >= 5000},
                "recovery": {"s": figures["recovered_s"], "bar": 0.5, "met": figures["recovered_s"] <= 0.5},
            }
            | circumstances("runs", rounds=options.rounds),
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
