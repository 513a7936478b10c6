"""`make bench`: every measurement that needs no heavy peer, one after the other, into `bench/results/latest.md`.

Each module measures ours, the floor and cheap peers interleaved in one run and prints its own verdicts. Timing
never decides a test: this only tells. Every result carries commit, CPU, load and time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.around import line

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STEPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Start and memory", "start", ("--idle", "30")),
    ("Link pipeline", "pipeline", ()),
    ("Edge", "edge", ()),
    ("Model gateway hop", "gateway_hop", ()),
    ("Hop between roles", "role_hop", ("--rounds", "3")),
    ("Durable append", "append", ("--rounds", "4")),
    ("Durable append, PostgreSQL", "append_postgres", ("--rounds", "3", "--seconds", "0.7")),
    ("Events through Valkey", "streams", ("--rounds", "3")),
    ("Durable runs", "runs", ()),
    ("Replay", "replay", ()),
    ("Loading a long chat", "chat_load", ()),
    ("Cost curves", "curves", ("--sizes", "10000,100000", "--rounds", "3")),
    ("WebSocket", "websocket", ()),
)


def run_step(module: str, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run one measurement in a process of its own; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, (done.stdout + (done.stderr if done.returncode else "")).rstrip()


def main() -> int:
    """Run what was asked for; write and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="modules, for example pipeline edge; all when left out")
    options = parser.parse_args()
    parts = ["# Measured", "", line(), ""]
    failed = 0
    for title, module, arguments in STEPS:
        if options.only and module not in options.only:
            continue
        if not (HERE / f"{module}.py").exists():
            print(f"== {title}: bench/{module}.py is not there yet", flush=True)
            continue
        began = time.perf_counter()
        code, text = run_step(module, arguments)
        failed += code != 0
        print(
            f"== {title} ({time.perf_counter() - began:.0f} s){' FAILED' if code else ''}\n{text}\n",
            flush=True,
        )
        load = os.getloadavg()[0]
        parts += [f"## {title}", "", f"`python -m bench.{module} {' '.join(arguments)}`, load {load:.2f}", ""]
        parts += ["```text", text, "```", ""]
    if not options.only and not failed:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "latest.md").write_text("\n".join(parts), encoding="utf-8")
        print("Written to bench/results/latest.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
