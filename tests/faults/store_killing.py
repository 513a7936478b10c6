"""Does faults to a small process with store, consumer and read model under load, and judges what is left.

The same plans, moments and judges as for the whole product; a kill costs a tenth of one there.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.audit_chain import verify
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Query
from autobot.testing.fault_plan import OF_DATABASES, OF_FILES, OF_PROCESSES, OF_REDIS, Kind, fault_plan
from autobot.testing.history import Attempt, Entry, Finding, History, judge
from autobot.testing.history_linear import AppendTo, Operation, ReadAll, append_log, judge_linear
from autobot.testing.postgres import Cluster
from autobot.testing.toxics import TcpProxy
from autobot.testing.valkey import ValkeyServer
from tests.faults.clusters import postgres_behind_network, redis_behind_network
from tests.faults.injecting import Injector
from tests.faults.progress import Progress
from tests.faults.report import Report, quiet
from tests.faults.store_child import BORN, SCOPE, open_store

ROOT: Final = Path(__file__).resolve().parents[2]
ROLE: Final = "store"
STORE_MODES: Final = (
    "store",
    "store-streams",
    "store-streams-kept",
    "store-postgres",
    "store-postgres-streams",
)
"""On a file or on PostgreSQL; the consumer reads the log, or Redis streams of a server that keeps nothing, or its log."""
PATIENCE_S: Final = 60.0
WRITERS: Final = 8
SHARED: Final = "shared"
READS: Final = 0.15
"""Share of a client's commands that read a stream."""
UNKNOWN: Final = frozenset({"operator", "connect-failed", "connection-lost"})
"""Errors that leave open whether a batch was made, or say that it was not: the client repeats it."""


class Life:
    """One life of the process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._answers: dict[int, asyncio.Future[dict[str, Any] | None]] = {}

    @classmethod
    async def start(cls, words: tuple[str, ...]) -> Life:
        """Start the process with these arguments."""
        program = (sys.executable, "-m", "tests.faults.store_child")
        return cls(await asyncio.create_subprocess_exec(*program, *words, stdin=PIPE, stdout=PIPE, cwd=ROOT))

    async def ready(self) -> bool:
        """Wait until it serves; False when it ended before."""
        stdout = self.process.stdout
        assert stdout is not None
        return bool(await stdout.readline())

    async def listen(self) -> None:
        """Give answers to those who wait, until the process ends; then tell them that there is none."""
        stdout = self.process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            if line.endswith(b"\n"):
                answer = json.loads(line)
                future = self._answers.pop(answer["n"], None)
                if future is not None and not future.done():
                    future.set_result(answer)
        for future in self._answers.values():
            if not future.done():
                future.set_result(None)

    async def ask(self, command: dict[str, Any]) -> dict[str, Any] | None:
        """Send a command and return its answer; None when the process died first."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        if stdout.at_eof():
            return None
        future: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._answers[command["n"]] = future
        stdin.write(json.dumps(command).encode() + b"\n")
        return await future


class StoreTarget:
    """The process under test: on a file in `folder`, or on a database."""

    def __init__(
        self,
        folder: Path,
        words: tuple[str, ...],
        *,
        group: asyncio.TaskGroup,
        database: Cluster | None = None,
        network: TcpProxy | None = None,
        redis: ValkeyServer | None = None,
        redis_network: TcpProxy | None = None,
    ) -> None:
        self.database, self.network = database, network
        self.redis, self.redis_network = redis, redis_network
        self.kinds: Mapping[Kind, int] = {
            **OF_PROCESSES,
            **(OF_DATABASES if database else OF_FILES),
            **(OF_REDIS if redis else {}),
        }
        self._words, self._group = (str(folder), *words), group
        self._life: Life | None = None
        self._serving = asyncio.Event()

    def processes(self) -> dict[str, int]:
        """Return the process's id."""
        life = self._life
        return {} if life is None or life.process.returncode is not None else {ROLE: life.process.pid}

    async def start(self) -> None:
        """Start it and wait until it serves. Raises AssertionError when it does not start on what was left."""
        if not self.processes():
            await self.spawn(ROLE)
        assert self._life is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self._life.ready(), "the process did not start on what was left"
        self._group.create_task(self._life.listen())
        self._serving.set()

    async def spawn(self, role: str) -> None:
        """Start it without waiting."""
        self._life = await Life.start(self._words)

    async def kill(self, role: str) -> None:
        """End it by SIGKILL."""
        self._serving.clear()
        if self._life is not None and self._life.process.returncode is None:
            self._life.process.kill()
        if self._life is not None:
            await self._life.process.wait()

    async def serving(self) -> Life:
        """Return the life that serves, waiting for it."""
        await self._serving.wait()
        assert self._life is not None
        return self._life


class Batch:
    """What a writer sends until it is answered, and when it did so first."""

    def __init__(self, command: dict[str, Any], called: float) -> None:
        self.command, self.called, self.answered, self.sent = command, called, 0.0, 0
        self.answer: dict[str, Any] = {}

    def attempt(self, client: str) -> Attempt:
        """Return what the client knows of it."""
        return Attempt(
            client=client,
            stream=self.command["stream"],
            event_ids=tuple(self.command["ids"]),
            position=self.answer.get("position"),
        )

    def operation(self, client: str) -> Operation:
        """Return it as an operation on its stream."""
        expected = self.command["expected"]
        return Operation(
            client=client,
            called=self.called,
            answered=self.answered if self.answer else None,
            input=AppendTo(tuple(self.command["ids"]), None if expected == ANY else expected),
            output=self.answer.get("revision"),
        )


class Client:
    """One writer: batch after batch, the next one when the last one was answered; sometimes a read between them."""

    def __init__(self, number: int, seed: int, progress: Progress) -> None:
        self.number, self.name = number, f"client-{number}"
        self.chance, self.progress = random.Random(f"{seed}-{number}"), progress
        self.batches: list[Batch] = []
        self.reads: dict[str, list[Operation]] = defaultdict(list)
        self.refused: list[str] = []
        self.retried = self.repeated = 0
        self._revision, self._numbers = -1, 0

    async def write(self, target: StoreTarget, ended: asyncio.Event) -> None:
        """Send until told to end and the last batch is answered."""
        while not ended.is_set():
            if self.chance.random() < READS:
                await self._read(await target.serving())
            else:
                await self._send(target, self._next())

    def _next(self) -> Batch:
        number, shared = len(self.batches), self.number % 4 == 3
        ids = [f"{self.number}-{number}-{one}" for one in range(self.chance.randint(1, 3))]
        command = {
            "n": self.number + WRITERS * number,
            "ids": ids,
            "stream": SHARED if shared else f"own-{self.number}",
            "expected": ANY if shared else self._revision,
            "key": f"{self.number}-{number}",
        }
        self.batches.append(Batch(command, time.monotonic()))
        return self.batches[-1]

    async def _send(self, target: StoreTarget, batch: Batch) -> None:
        while not batch.answer:
            life = await target.serving()
            self.retried += batch.sent > 0
            batch.sent += 1
            answer = await life.ask(batch.command)
            if answer is None:
                # The process died with the question; whoever killed it has cleared the way, or will soon.
                await life.process.wait()
                await asyncio.sleep(0)
            elif "error" not in answer:
                batch.answered, batch.answer = time.monotonic(), answer
            elif answer["error"] not in UNKNOWN:
                self.refused.append(f"{batch.command} was refused: {answer}")
                return
        self.repeated += bool(batch.answer["repeated"])
        self._revision += len(batch.command["ids"])
        self.progress.add()

    async def _read(self, life: Life) -> None:
        stream = self.chance.choice([SHARED, f"own-{self.chance.randrange(WRITERS)}"])
        self._numbers += 1
        called = time.monotonic()
        answer = await life.ask({"n": -(self.number + WRITERS * self._numbers) - 1, "read": stream})
        if answer is None or "ids" not in answer:
            return
        self.reads[stream].append(
            Operation(
                client=self.name,
                called=called,
                answered=time.monotonic(),
                input=ReadAll(),
                output=tuple(answer["ids"]),
            )
        )


@asynccontextmanager
async def placed(
    folder: Path, mode: str, seed: int, words: tuple[str, ...]
) -> AsyncIterator[tuple[StoreTarget, asyncio.TaskGroup, str]]:
    """The process of a mode with its servers, the tasks of its load, and its database's address, empty for a file."""
    async with AsyncExitStack() as stack:
        servers: dict[str, Any] = {}
        url = ""
        if mode.startswith("store-postgres"):
            way = await stack.enter_async_context(postgres_behind_network(seed))
            servers["database"], servers["network"], url = way
            words = (url, *words)
        if "streams" in mode:
            keep = mode.endswith("kept")
            redis = await stack.enter_async_context(redis_behind_network(seed, keep=keep))
            servers["redis"], servers["redis_network"], address = redis
            words = (address, *words)
        async with asyncio.TaskGroup() as group:
            yield StoreTarget(folder, words, group=group, **servers), group, url


async def disturb_store(
    folder: Path,
    mode: str,
    *,
    faults: int,
    seed: int,
    words: tuple[str, ...] = (),
    say: Callable[[str], None] = quiet,
) -> Report:
    """Run the process on `folder` in one of STORE_MODES, do faults to it, and judge.

    `words` are further arguments of the process.
    """
    report, began = Report(mode, seed), time.monotonic()
    progress, ended = Progress(), asyncio.Event()
    clients = [Client(number, seed, progress) for number in range(WRITERS)]
    async with placed(folder, mode, seed, words) as (target, group, url):
        await target.start()
        writing = [group.create_task(one.write(target, ended)) for one in clients]
        plan = fault_plan(seed, faults, kinds=target.kinds, roles=(ROLE,))
        report.done = await Injector(target, progress, say).run(plan)
        ended.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*writing)
        await settle(target, report)
        report.findings += report.done.died + report.done.stuck
        report.findings += [f"{one.kind}: {one.detail}" for one in await look(folder, url, clients, report)]
    for client in clients:
        report.findings += client.refused
        report.requests += sum(bool(one.answer) for one in client.batches)
        report.retried += client.retried
        report.replayed += client.repeated
    report.seconds = time.monotonic() - began
    return report


async def settle(target: StoreTarget, report: Report) -> None:
    """Let consumer and read model catch up, and the process end by itself."""
    life = await target.serving()
    async with asyncio.timeout(2 * PATIENCE_S):
        answer = await life.ask({"n": -1, "settle": True})
        if answer is None or "error" in answer:
            report.findings.append(f"it never caught up: {answer}")
        assert life.process.stdin is not None
        life.process.stdin.close()
        code = await life.process.wait()
        if code != 0:
            report.findings.append(f"the process ended with exit code {code}")


async def look(folder: Path, url: str, clients: list[Client], report: Report) -> list[Finding]:
    """Read everything back and judge it."""
    store = await open_store(folder, url, SystemClock())
    try:
        history, broken = await history_of(store, clients)
    finally:
        await store.close()
    report.events = len(history.log)
    streams: dict[str, list[Operation]] = defaultdict(list)
    for client in clients:
        for batch in client.batches:
            streams[batch.command["stream"]].append(batch.operation(client.name))
        for stream, reads in client.reads.items():
            streams[stream] += reads
    report.reads = sum(len(reads) for client in clients for reads in client.reads.values())
    found = [*judge(history), *judge_linear(streams, append_log, ())]
    if broken:
        found.append(Finding("torn", broken))
    return found


async def history_of(store: EventStore, clients: list[Client]) -> tuple[History, str]:
    """Return the history, and how the audit chain is broken, empty when it is not."""
    log = [
        Entry(position=one.position, stream=one.stream, revision=one.revision, event_id=one.message.id)
        for one in await store.read_all(limit=10_000_000)
    ]
    records = await store.audit(limit=10_000_000)
    broken = verify(records)[2]
    answered = set[str]()
    for client in clients:
        for batch in client.batches:
            if await store.answer(SCOPE, batch.command["key"], BORN) is not None:
                answered.update(batch.command["ids"])
    history = History(
        attempts=[batch.attempt(client.name) for client in clients for batch in client.batches],
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
    return history, f"the audit chain breaks at {broken.sequence}: {broken.reason}" if broken else ""


async def keys(store: EventStore, table: str) -> list[str]:
    """Return the keys of a table."""
    return [one.key for one in await store.query(Query(table=table, limit=10_000_000))]


async def lists(store: EventStore, table: str) -> Mapping[str, list[str]]:
    """Return the lists of ids in a table's documents."""
    return {one.key: one.document["ids"] for one in await store.query(Query(table=table, limit=10_000_000))}
