"""Searching large sets of passages: time, agreement with an exact search, and memory, by size.

    python -m bench.knowledge [--sizes 1000,10000,100000] [--asks 300] [--at-once 10] [--write]

Vectors (384 numbers) are generated in clusters, a thousand of them, as texts of a few subjects have; texts are words
by Zipf's law, 90 a passage. They are put into the product's index as documents of a hundred passages. Then questions,
each a vector near a cluster with six words, are searched as the product searches (words and vector, the vector moved
and searched again, joined, passages read), alone and ten at once, and beside it: the vectors compared whole by
sqlite-vec, with which the graph's first ten are compared. The time that a model takes to embed the question is not in
it: `bench/npu.py` measures that.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.ports.documents import Library, put_collection
from autobot.contexts.knowledge.ports.index import IndexedVersion, Where
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.knowledge.passages import Passage, passage_id
from autobot.contracts.knowledge.search import SearchKnowledge
from autobot.contracts.models import Embeddings, Usage
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.testing.messages import Maker
from bench.around import line

RECORD: Final = Path(__file__).resolve().parent / "results" / "knowledge.md"
MODEL, DIMENSIONS, CLUSTERS, OF_DOCUMENT, WORDS = "generated", 384, 1000, 100, 90
ANN: Final = CallContext(
    correlation_id="bench",
    principal=Principal(id="ann", kind="user", role="user", user_id="ann"),
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
)


class Generated:
    """Texts and vectors, the same for the same seed."""

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        self._centres = self._near(np.zeros((CLUSTERS, DIMENSIONS)), 1.0)
        ranks = np.arange(1, 20_001)
        self._weights = 1 / ranks / np.sum(1 / ranks)

    def _near(self, middles: Any, spread: float) -> Any:
        rows = middles + self._random.standard_normal(middles.shape) * spread / np.sqrt(DIMENSIONS)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def vectors(self, count: int, spread: float = 0.6) -> Any:
        """Return vectors near clusters."""
        return self._near(self._centres[self._random.integers(0, CLUSTERS, count)], spread)

    def texts(self, count: int) -> list[str]:
        """Return texts of words, few of which come often."""
        drawn = self._random.choice(20_000, (count, WORDS), p=self._weights)
        return [" ".join(f"w{one}" for one in row) for row in drawn]

    def question(self) -> str:
        """Return six words that say something: none of the hundred commonest, as those are stop words of a language."""
        return " ".join(f"w{one}" for one in self._random.integers(100, 5_000, 6))


class Given:
    """Implements `Embedder`: gives the vectors that were generated for questions."""

    def __init__(self) -> None:
        self.vectors: dict[str, Any] = {}

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        rows = [self.vectors[one] for one in texts]
        return Embeddings(model=MODEL, vectors=rows, usage=Usage())


async def fill(index: NearPassages, made: Generated, count: int) -> float:
    """Put passages; returns seconds."""
    began = time.perf_counter()
    for number in range(count // OF_DOCUMENT):
        document = f"d{number}"
        version = IndexedVersion(
            document_id=document, version=1, collection="all", title=document, position=1, model=MODEL
        )
        texts = made.texts(OF_DOCUMENT)
        passages = [
            Passage(
                id=passage_id(document, 1, place),
                document_id=document,
                version=1,
                number=place,
                title=document,
                heading="",
                text=texts[place],
                start=0,
                end=1,
            )
            for place in range(OF_DOCUMENT)
        ]
        await index.put(version, passages, made.vectors(OF_DOCUMENT))
    return time.perf_counter() - began


async def timed(calls: Sequence[Callable[[], Awaitable[Any]]], at_once: int) -> list[float]:
    """Run calls, so many at once; returns milliseconds of each."""
    took: list[float] = []
    waiting = iter(calls)

    async def ask() -> None:
        for call in waiting:
            began = time.perf_counter()
            await call()
            took.append((time.perf_counter() - began) * 1000)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(ask())
    return took


def told(took: Sequence[float]) -> str:
    """Return p50 and p99."""
    cuts = statistics.quantiles(took, n=100)
    return f"{cuts[49]:.1f} / {cuts[98]:.1f}"


def resident_mb() -> int:
    """Return the memory of this process that no file backs, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) // 1024


async def measured(count: int, asks: int, at_once: int, folder: Path) -> list[str]:
    """Return the row of a size."""
    clock, made, given = SystemClock(), Generated(), Given()
    store = await SqlitePassages.open(folder / "knowledge.db")
    index = NearPassages(store, folder, NearOptions())
    events = MemoryEventStore(clock)
    shelf = Collection(id="all", name="all", owner="ann", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    await events.commit(Maker(clock).transaction("made", writes=(put_collection(shelf, 0),)))
    queries = SearchQueries(events, Library(events), index, given, clock)
    filled = await fill(index, made, count)
    began, memory = time.process_time(), resident_mb()
    await index.tend()
    built, memory = time.process_time() - began, resident_mb() - memory
    questions = [made.question() for _ in range(asks)]
    given.vectors = dict(zip(questions, made.vectors(asks, 0.8), strict=True))
    where = Where(collections=("all",), model=MODEL)

    def search(question: str) -> Callable[[], Awaitable[Any]]:
        return lambda: queries.search(SearchKnowledge(query=question), ANN)

    def exact(question: str) -> Callable[[], Awaitable[Any]]:
        return lambda: store.nearest(given.vectors[question], where, 10)

    await timed([search(one) for one in questions[:10]], 1)
    alone = await timed([search(one) for one in questions], 1)
    before = time.process_time()
    together = await timed([search(one) for one in questions], at_once)
    processor = (time.process_time() - before) / asks * 1000
    few = questions[: min(60, asks)]
    brute = await timed([exact(one) for one in few], at_once)
    near = 0
    for one in few:
        best = {hit.passage_id for hit in await store.nearest(given.vectors[one], where, 10)}
        near += len(best & {hit.passage_id for hit in await index.nearest(given.vectors[one], where, 10)})
    await store.close()
    return [
        f"{count:,}",
        told(alone),
        told(together),
        f"{processor:.1f}",
        told(brute),
        f"{near / 10 / len(few):.3f}",
        f"{count / filled:,.0f}",
        f"{built:.0f} s, {memory:+d} MB",
    ]


HEAD: Final = (
    "passages",
    "alone p50 / p99 ms",
    "ten at once p50 / p99 ms",
    "CPU ms a search",
    "vectors compared whole, ten at once, p50 / p99 ms",
    "recall@10",
    "put, passages a second",
    "graph: CPU, memory of its own",
)


def row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


async def main(sizes: Sequence[int], asks: int, at_once: int) -> str:
    """Return the table."""
    rows = [line(), "", row(HEAD), row(["---"] * len(HEAD))]
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="autobot-bench-") as folder:
            rows.append(row(await measured(size, asks, at_once, Path(folder))))
            print(rows[-1], flush=True)
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--asks", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=10)
    chosen = parser.parse_args()
    sys.stdout.write(
        asyncio.run(main([int(one) for one in chosen.sizes.split(",")], chosen.asks, chosen.at_once)) + "\n"
    )
