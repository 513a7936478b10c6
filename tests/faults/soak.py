"""`make soak`: the whole product killed again and again, round after round, until it is stopped or fails.

Each round has its own seed and data folder; a round that finds a fault keeps its folder, prints how to repeat it,
and ends with exit code 1. `--kills` bounds the sum over all rounds.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.killing import kill_again_and_again

ROUND_KILLS = 50


def main() -> int:
    """Run rounds; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="over all rounds (1000)")
    parser.add_argument("--seed", type=int, help="of the first round; each next round adds one")
    parser.add_argument("--writers", type=int, default=4, help="clients that write at once (4)")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    kills = requests = 0
    while kills < given.kills:
        folder = Path(tempfile.mkdtemp(prefix="autobot-soak-"))
        wanted = min(ROUND_KILLS, given.kills - kills)
        report = kill_again_and_again(folder / "data", kills=wanted, seed=seed, writers=given.writers)
        print(report.line(), flush=True)
        if report.faults:
            print(*report.faults, sep="\n")
            print(f"The data is in {folder}; repeat with ARGS='--seed {seed} --kills {wanted}'.")
            return 1
        shutil.rmtree(folder)
        kills, requests, seed = kills + report.kills, requests + report.requests, seed + 1
    print(f"{kills} kills, {requests} acknowledged requests, nothing lost, nothing doubled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
