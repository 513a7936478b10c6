"""`make soak`: a product under load, faults done to it round after round, until the number is reached or one finds it wrong.

Each round has its own seed (the next one's is one more), product and data folder, so every finding is repeated by its
mode, seed and number of faults; the folder of such a round is kept. A run that is done adds its line to
bench/results/soak.md, also when it is ended early by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.killing import MODES, disturb
from tests.faults.report import Report, quiet
from tests.faults.store_killing import STORE_MODES, disturb_store

ROUND = 50
ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "bench" / "results" / "soak.md"
HEAD = """# Soaks

One line a run of `make soak` (decision 0028). *Operations* were acknowledged to clients; *findings* are of every kind:
lost, doubled, torn, reordered, not linearizable, sagas half done, no end, no answer.

| when | commit | mode | seeds | faults | by kind | operations | events | repeated after no answer | minutes | load | findings |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass
class Total:
    """What all rounds of a run did and found."""

    mode: str
    seed: int
    rounds: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    events: int = 0
    retried: int = 0
    findings: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def faults(self) -> int:
        """How many faults were done."""
        return self.kinds.total()

    def add(self, report: Report) -> None:
        """Count a round."""
        self.rounds += 1
        self.kinds += report.done.by_kind
        self.requests += report.requests
        self.events += report.events
        self.retried += report.retried
        self.findings += len(report.findings)

    def row(self) -> str:
        """Return the run as a line of the record."""
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        cells = [
            time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            commit or "unknown",
            self.mode,
            f"{self.seed}–{self.seed + self.rounds - 1}",
            f"{self.faults:,}",
            kinds,
            f"{self.requests:,}",
            f"{self.events:,}",
            f"{self.retried:,}",
            f"{(time.monotonic() - self.began) / 60:.0f}",
            f"{os.getloadavg()[2]:.1f}",
            str(self.findings),
        ]
        return "| " + " | ".join(cells) + " |\n"


def record(total: Total, path: Path) -> None:
    """Add a run to the record."""
    before = path.read_text(encoding="utf-8") if path.exists() else HEAD
    path.write_text(before + total.row(), encoding="utf-8")


def told(text: str) -> None:
    """Print what is done."""
    print(text, flush=True)


def one_round(
    folder: Path, mode: str, faults: int, seed: int, writers: int, say: Callable[[str], None]
) -> Report:
    """Run one round of a mode."""
    if mode in STORE_MODES:
        folder.mkdir()
        return asyncio.run(disturb_store(folder, mode, faults=faults, seed=seed, say=say))
    return disturb(folder, mode, faults=faults, seed=seed, writers=writers, say=say)


def soak(total: Total, faults: int, writers: int, say: bool) -> int:
    """Run rounds; returns the exit code."""
    while total.faults < faults:
        folder = Path(tempfile.mkdtemp(prefix="autobot-soak-"))
        wanted, seed = min(ROUND, faults - total.faults), total.seed + total.rounds
        report = one_round(folder / "data", total.mode, wanted, seed, writers, told if say else quiet)
        total.add(report)
        print(report.line(), flush=True)
        if report.findings:
            print(*report.findings, sep="\n")
            again = f"MODE={total.mode} SEED={seed} FAULTS={wanted}"
            print(f"The data is in {folder}; repeat with make soak {again}")
            return 1
        shutil.rmtree(folder)
    return 0


def main() -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="over all rounds (1000)")
    parser.add_argument("--mode", choices=[*MODES, *STORE_MODES], default="embedded")
    parser.add_argument("--seed", type=int, help="of the first round; each next round adds one")
    parser.add_argument("--writers", type=int, default=4, help="clients that write at once (4)")
    parser.add_argument("--say", action="store_true", help="print each fault as it is done")
    parser.add_argument("--record", type=Path, default=RECORD, help="where the run's line goes")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    total = Total(given.mode, seed)
    for word in (signal.SIGINT, signal.SIGTERM):
        # Also where the shell has told its background jobs to ignore Ctrl-C.
        signal.signal(word, signal.default_int_handler)
    code = 0
    try:
        code = soak(total, given.faults, given.writers, given.say)
    except KeyboardInterrupt:
        print("Ended early.")
    if total.rounds:
        record(total, given.record)
        print(
            f"{total.mode}, seeds from {seed}: {total.faults} faults, {total.requests} acknowledged operations, "
            f"{total.events} events, {total.findings} findings: {'FAILED' if code else 'nothing lost, nothing doubled'}"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
