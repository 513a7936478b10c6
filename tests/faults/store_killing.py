"""Kills a small process with store, consumer and read model at random points, and judges what is left."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Query
from autobot.testing.history import Attempt, Entry, Finding, History, judge
from tests.faults.store_child import BORN, SCOPE, open_store

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
WRITERS = 8
LIFE_S = (0.01, 0.25)
"""How long a process lives after it is ready, at least and at most."""
UNREADY = 0.15
"""Share of the kills that come before the process says that it is ready."""
DISTURBED = 0.3
"""Share of the lives in which the store's server is disturbed before the kill."""


@dataclass(frozen=True)
class Place:
    """Where the store is: the file in `folder`, or the database at `url`; `disturb` makes its server fail and come back.

    `redis` is the server whose streams bring the events to the group; the log itself does when it is empty.
    """

    folder: Path
    url: str = ""
    redis: str = ""
    disturb: Callable[[], Awaitable[None]] | None = None
    disturbed: float = DISTURBED

    def words(self) -> tuple[str, ...]:
        """Return the process's arguments for it."""
        return (str(self.folder), *(one for one in (self.url, self.redis) if one))


@dataclass
class Report:
    """What a killing run did and found."""

    seed: int
    kills: int = 0
    kills_unready: int = 0
    disturbed: int = 0
    acknowledged: int = 0
    repeated: int = 0
    retried: int = 0
    events: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def line(self) -> str:
        """Return the report in a few words."""
        return (
            f"seed {self.seed}: {self.kills} kills ({self.kills_unready} before ready), {self.disturbed} failures "
            f"of the server, {self.acknowledged} batches "
            f"acknowledged, {self.retried} retried, {self.repeated} of them had been made, {self.events} events, "
            f"{self.seconds:.0f} s, {len(self.findings)} findings"
        )


@dataclass
class Batch:
    """What a writer sends until it is answered."""

    command: dict[str, Any]
    position: int | None = None
    sent: int = 0


class Client:
    """One writer: batch after batch, the next one when the last one was answered."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number, self.chance = number, chance
        self.batches: list[Batch] = []
        self.revision = -1

    def next(self) -> Batch:
        """Return the batch that is not answered yet, or a new one."""
        if self.batches and self.batches[-1].position is None:
            return self.batches[-1]
        number = len(self.batches)
        shared = self.number % 4 == 3
        ids = [f"{self.number}-{number}-{one}" for one in range(self.chance.randint(1, 3))]
        command = {
            "n": self.number + WRITERS * number,
            "ids": ids,
            "stream": "shared" if shared else f"own-{self.number}",
            "expected": ANY if shared else self.revision,
            "key": f"{self.number}-{number}",
        }
        self.batches.append(Batch(command))
        return self.batches[-1]

    def answered(self, batch: Batch, position: int) -> None:
        """Note an answer."""
        batch.position = position
        self.revision += len(batch.command["ids"])

    def attempts(self) -> list[Attempt]:
        """Return what this client knows."""
        return [
            Attempt(
                client=f"client-{self.number}",
                stream=one.command["stream"],
                event_ids=tuple(one.command["ids"]),
                position=one.position,
            )
            for one in self.batches
        ]


class Life:
    """One life of the process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @classmethod
    async def start(cls, place: Place, *words: str) -> Life:
        """Start the process; `words` are further arguments."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.store_child",
            *place.words(),
            *words,
            stdin=PIPE,
            stdout=PIPE,
            cwd=ROOT,
        )
        return cls(process)

    async def ready(self) -> bool:
        """Wait until it serves; False when it ended before."""
        stdout = self._process.stdout
        assert stdout is not None
        return bool(await stdout.readline())

    async def listen(self) -> None:
        """Give answers to those who wait, until the process ends."""
        stdout = self._process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            if line.endswith(b"\n"):
                answer = json.loads(line)
                future = self._answers.pop(answer["n"], None)
                if future is not None and not future.done():
                    future.set_result(answer)

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return its answer; waits for ever when the process dies first."""
        stdin = self._process.stdin
        assert stdin is not None
        future = asyncio.get_running_loop().create_future()
        self._answers[command["n"]] = future
        stdin.write(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = await future
        return answer

    async def dies_within(self, seconds: float) -> bool:
        """Say whether the process ends by itself in that time; it must not."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def signal(self, how: signal.Signals) -> None:
        """Send the process a signal."""
        self._process.send_signal(how)

    async def kill(self) -> None:
        """Kill the process (SIGKILL) and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def end(self) -> int:
        """Let the process end by itself and return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self._process.wait()


async def write_on(client: Client, life: Life, report: Report) -> None:
    """Send batches until cancelled."""
    while True:
        batch = client.next()
        report.retried += batch.sent > 0
        batch.sent += 1
        answer = await life.ask(batch.command)
        if "error" in answer:
            report.findings.append(Finding("lost", f"{batch.command} was refused: {answer}"))
            return
        report.acknowledged += 1
        report.repeated += answer["repeated"]
        client.answered(batch, answer["position"])


async def one_life(
    place: Place, words: tuple[str, ...], clients: list[Client], chance: random.Random, report: Report
) -> None:
    """Start the process, let clients write, perhaps disturb its server, kill it at a random moment."""
    life = await Life.start(place, *words)
    if chance.random() < UNREADY:
        if await life.dies_within(chance.uniform(0.0, 0.3)):
            report.findings.append(Finding("lost", "the process did not start on what was left"))
        await life.kill()
        report.kills_unready += 1
        report.kills += 1
        return
    async with asyncio.timeout(PATIENCE_S):
        if not await life.ready():
            report.findings.append(Finding("lost", "the process did not start on what was left"))
            return
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write_on(client, life, report)) for client in clients]
        tasks.append(group.create_task(life.listen()))
        if await life.dies_within(chance.uniform(*LIFE_S)):
            report.findings.append(Finding("lost", "the process ended by itself"))
        if place.disturb is not None and chance.random() < place.disturbed:
            await place.disturb()
            report.disturbed += 1
            if await life.dies_within(chance.uniform(*LIFE_S)):
                report.findings.append(Finding("lost", "the process ended with its server"))
        await life.kill()
        report.kills += 1
        for task in tasks:
            task.cancel()


async def kill_store(place: Place, *, kills: int, seed: int, words: tuple[str, ...] = ()) -> Report:
    """Kill a process on `place` so many times while clients write; judge what is left.

    `seed` repeats the choices; `words` are further arguments of the process.
    """
    began = time.monotonic()
    chance, report = random.Random(seed), Report(seed)
    clients = [Client(number, random.Random(seed * 100 + number)) for number in range(WRITERS)]
    while report.kills < kills and not report.findings:
        await one_life(place, words, clients, chance, report)
    if not report.findings:
        await settle(place, report)
        report.findings += await look(place, clients, report)
    report.seconds = time.monotonic() - began
    return report


async def settle(place: Place, report: Report) -> None:
    """Start once more and let consumer and read model catch up."""
    life = await Life.start(place)
    async with asyncio.timeout(2 * PATIENCE_S):
        await life.ready()
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(life.listen())
            answer = await life.ask({"n": -1, "settle": True})
            if "error" in answer:
                report.findings.append(Finding("lost", f"it never caught up: {answer}"))
            code = await life.end()
            if code != 0:
                report.findings.append(Finding("lost", f"the process ended with exit code {code}"))
            listening.cancel()


async def look(place: Place, clients: list[Client], report: Report) -> list[Finding]:
    """Read everything back and judge it."""
    store = await open_store(place.folder, place.url, SystemClock())
    try:
        log = [
            Entry(position=one.position, stream=one.stream, revision=one.revision, event_id=one.message.id)
            for one in await store.read_all(limit=10_000_000)
        ]
        report.events = len(log)
        records = await store.audit(limit=10_000_000)
        broken = verify(records)[2]
        answered = set[str]()
        for client in clients:
            for batch in client.batches:
                if await store.answer(SCOPE, batch.command["key"], BORN) is not None:
                    answered.update(batch.command["ids"])
        history = History(
            attempts=[attempt for client in clients for attempt in client.attempts()],
            log=log,
            parts={
                "document": frozenset(await keys(store, "faults.documents")),
                "answer": frozenset(answered),
                "audit record": frozenset(
                    event_id for record in records for event_id in record.entry.object.split(",")
                ),
            },
            effects={
                "group": await lists(store, "faults.effects"),
                "read model": await lists(store, "faults.streams"),
            },
        )
    finally:
        await store.close()
    found = judge(history)
    if broken is not None:
        found.append(Finding("torn", f"the audit chain breaks at {broken.sequence}: {broken.reason}"))
    return found


async def keys(store: EventStore, table: str) -> list[str]:
    """Return the keys of a table."""
    return [one.key for one in await store.query(Query(table=table, limit=10_000_000))]


async def lists(store: EventStore, table: str) -> Mapping[str, list[str]]:
    """Return the lists of ids in a table's documents."""
    return {one.key: one.document["ids"] for one in await store.query(Query(table=table, limit=10_000_000))}
