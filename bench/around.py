"""What a reader needs to judge figures, and figures of several rounds in short. One for all measurements."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]


def circumstances(bench: str, **more: Any) -> dict[str, Any]:
    """Return commit, machine, load and time of a measurement, with what else it says of itself."""
    return {
        "bench": bench,
        "commit": commit(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }


def line() -> str:
    """Return the same as a line of text."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return (
        f"commit {commit()} · {cpu()}, {os.cpu_count()} CPUs · "
        f"Python {platform.python_version()} · load {load} · {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}"
    )


def commit() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    changed = _git("status", "--porcelain")
    return f"{_git('rev-parse', '--short=12', 'HEAD') or 'unknown'}{' with local changes' if changed else ''}"


def cpu() -> str:
    """Return the processor's name."""
    try:
        for one in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if one.startswith("model name"):
                return one.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def summary(values: Sequence[float], better: Callable[[Sequence[float]], float] = max) -> dict[str, float]:
    """Return median, best and worst of rounds; `better` is min where less is better."""
    worse = min if better is max else max
    return {
        "median": round(statistics.median(values), 1),
        "best": round(better(values), 1),
        "worst": round(worse(values), 1),
    }


def ratio(found: Mapping[str, Sequence[float]], name: str, floor: str) -> float:
    """Return the median over rounds of ours ÷ floor of the same round."""
    return round(statistics.median(a / b for a, b in zip(found[name], found[floor], strict=True)), 3)


def _git(*words: str) -> str:
    asked = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
