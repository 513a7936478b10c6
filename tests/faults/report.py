"""What a round of faults did and found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.injecting import Done


@dataclass
class Report:
    """One round of a mode; its seed repeats it."""

    mode: str
    seed: int
    done: Done = field(default_factory=Done)
    requests: int = 0
    retried: int = 0
    replayed: int = 0
    broken: int = 0
    reads: int = 0
    removals: int = 0
    events: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Codes of the errors with which runs failed."""
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many faults were done."""
        return self.done.by_kind.total()

    def line(self) -> str:
        """Return the report in a few words."""
        back = sorted(self.done.back_s) or [0.0]
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.done.by_kind.items()))
        return (
            f"{self.mode}, seed {self.seed}: {self.faults} faults ({kinds}), {self.requests} acknowledged, "
            f"{self.retried} retried, {self.replayed} replayed, {self.broken} broken off, {self.reads} reads, "
            f"{self.events} events, {self.removals} removals, runs {dict(self.runs)}, failed with {dict(self.failures)}, "
            f"back after {back[len(back) // 2]:.2f} s (most {back[-1]:.2f}), {self.seconds:.0f} s, "
            f"{len(self.findings)} findings"
        )


def quiet(text: str) -> None:
    """Say nothing of a fault."""
