"""What a passage costs to index when the row to the worker goes by HTTP and by gRPC, the model included.

    python -m bench.indexing [--rounds 5] [--sections 300]

Two servers of one process each, with a worker on a unix socket; the matrix file of the second says
`[rows.ai-npu] transport = "grpc"`. In each round both read a new text, one after the other; figures are processor
milliseconds a passage from upload to `ready` (`/proc`), of the server and of its worker, medians of the rounds; the process that reads a
file is not in them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from autobot.testing.processes import below, cpu_s
from bench.around import line

BASE: Final = "/api/v1/knowledge_base"
WORDS: Final = [
    "rain",
    "wind",
    "road",
    "river",
    "stone",
    "light",
    "garden",
    "market",
    "winter",
    "letter",
    "harbour",
    "engine",
    "paper",
    "window",
    "song",
]
LOOK_S: Final = 0.1
PATIENCE_S: Final = 300.0


class Indexer:
    """A server that indexes, and what that cost it."""

    def __init__(self, server: ServerProcess) -> None:
        self._server, self._client = server, Client(server.local)
        self._client.sign_in("admin", PASSWORD).expect(200)
        self.rounds: list[tuple[float, float]] = []

    def index(self, text: str) -> tuple[float, float]:
        """Return the processor milliseconds a passage of server and worker."""
        before = self._spent()
        body = {"title": text[:40], "text": text}
        document = self._client.post(f"{BASE}/documents", body).expect(202).json["id"]
        until = time.monotonic() + PATIENCE_S
        while True:
            found = self._client.get(f"{BASE}/documents/{document}").expect(200).json
            if found["status"] == "ready" and found["model"]:
                break
            if found["status"] == "failed" or time.monotonic() > until:
                raise RuntimeError(f"{document} is {found['status']}")
            time.sleep(LOOK_S)
        after = self._spent()
        return tuple((b - a) * 1e3 / found["passages"] for a, b in zip(before, after, strict=True))  # type: ignore[return-value]

    def _spent(self) -> tuple[float, float]:
        core, *children = below(self._server.pid)
        return cpu_s(core), sum(cpu_s(one) for one in children)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


@contextmanager
def indexer(folder: Path, transport: str) -> Iterator[Indexer]:
    """Run a server whose row goes by this transport, with a worker that has its model."""
    overlay = folder / f"{transport}.toml"
    overlay.write_text(f'format = 1\n[rows.ai-npu]\ntransport = "{transport}"\n', encoding="utf-8")
    environment = {"AUTOBOT_NPU_DEVICE": "AUTO", "AUTOBOT_MATRIX": str(overlay)}
    with ServerProcess(folder / transport, environment) as server:
        made = Indexer(server)
        made.index("The first text loads the model.")
        try:
            yield made
        finally:
            made.close()


def text_of(chance: random.Random, sections: int) -> str:
    """Return a text that no worker knows, of about so many passages."""
    parts = (
        f"# Part {chance.random()}\n\n{' '.join(chance.choices(WORDS, k=180))}." for _ in range(sections)
    )
    return "\n\n".join(parts)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sections", type=int, default=300)
    asked = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        indexers = {one: stack.enter_context(indexer(Path(name), one)) for one in ("http", "grpc")}
        for _ in range(asked.rounds):
            for one in indexers.values():
                one.rounds.append(one.index(text_of(chance, asked.sections)))
        print(line())
        print(f"{'CPU ms a passage':<18}{'server':>9}{'worker':>9}{'both':>9}{'×':>7}")
        sums = {}
        for word, one in indexers.items():
            server, worker = (statistics.median(each[place] for each in one.rounds) for place in (0, 1))
            sums[word] = statistics.median(sum(each) for each in one.rounds)
            ratio = sums[word] / sums["http"]
            print(f"{word:<18}{server:>9.2f}{worker:>9.2f}{sums[word]:>9.2f}{ratio:>7.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
