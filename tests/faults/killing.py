"""Kills the whole product at random points while clients write, and lets the judge read what is left."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from autobot.testing.harness import ServerProcess, free_port
from tests.faults.checking import Judge
from tests.faults.writing import Writer
from tests.integration.product.stand_in import Call, ModelServer

LIVE_S: Final = (0.02, 1.2)
"""How long the server lives between ready and its kill, at least and at most."""

UNREADY_SHARE: Final = 0.2
"""Share of kills that come while it still starts or recovers."""

WORDS: Final = 12
WORD_S: Final = 0.02


@dataclass
class Report:
    """What a killing run did and found."""

    seed: int
    kills: int = 0
    kills_while_starting: int = 0
    requests: int = 0
    retried: int = 0
    replayed: int = 0
    broken: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    starts_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The report in a few words."""
        starts = sorted(self.starts_s)
        middle, most = starts[len(starts) // 2], starts[-1]
        return (
            f"seed {self.seed}: {self.kills} kills ({self.kills_while_starting} while starting), "
            f"{self.requests} requests, {self.retried} retried, {self.replayed} replayed, {self.broken} broken, "
            f"runs {dict(self.runs)}, start {middle:.2f} s (most {most:.2f}), {self.seconds:.0f} s, "
            f"{len(self.faults)} faults"
        )


def paced(call: Call) -> None:
    """Answer word by word, so that kills find runs in the middle of their answer."""

    def speak() -> None:
        pause = threading.Event()
        for number in range(WORDS):
            call.say(f"word{number} ")
            pause.wait(WORD_S)
        call.end()

    threading.Thread(target=speak, daemon=True).start()


def kill_again_and_again(folder: Path, *, kills: int, seed: int, writers: int = 4) -> Report:
    """Run the product on `folder`, kill it `kills` times, and judge."""
    began = time.monotonic()
    chance = random.Random(seed)
    report = Report(seed=seed)
    with ModelServer() as models:
        models.on(" says number ", paced)
        environment = {"AUTOBOT_OPENAI_BASE_URL": models.address, "AUTOBOT_LOG_LEVEL": "error"}
        server = ServerProcess(folder, environment, port=free_port())
        with server:
            key = server.key("*")
            crew = [Writer(server, key, f"writer{one}", seed, "openai:stand-in") for one in range(writers)]
            for writer in crew:
                writer.start()
            while report.kills < kills:
                _kill_once(server, chance, report)
            for writer in crew:
                writer.halt()
            assert all(writer.ended(90) for writer in crew), "a client never got its answer"
            with server.client(key=key) as client:
                judge = Judge(server, client, [writer.notes for writer in crew])
                report.faults = judge.judge()
                report.runs = judge.runs
    for writer in crew:
        report.requests += len(writer.notes.acknowledged)
        report.retried += sum(one.attempts > 1 for one in writer.notes.acknowledged)
        report.replayed += writer.notes.replayed
        report.broken += writer.notes.broken
    report.seconds = time.monotonic() - began
    return report


def _kill_once(server: ServerProcess, chance: random.Random, report: Report) -> None:
    pause = threading.Event()
    if chance.random() < UNREADY_SHARE:
        server.kill()
        server.spawn()
        pause.wait(chance.uniform(0.05, 0.9))
        server.kill()
        report.kills += 2
        report.kills_while_starting += 1
    else:
        pause.wait(chance.uniform(*LIVE_S))
        server.kill()
        report.kills += 1
    server.start()
    report.starts_s.append(server.ready_after_s)
