"""Searching large sets of passages: time, agreement with an exact search, processor of each part and memory, by size.

    python -m bench.knowledge [--sizes 1000,10000,100000] [--asks 300] [--at-once 10] [--postgres] [--compared 60]

Passages (`bench/knowledge_made.py`) are put into the product's index. Then questions, each a vector near a cluster with
words of its own, are searched as the product searches (words and vector, the vector moved and searched again, joined,
passages read), alone and ten at once, and before there are graph and lists, one at a time. Beside it: the vectors compared
whole by the store, and by this process, with which the graph's first ten are compared for every question. The time that a
model takes to embed the question is not in it: `bench/knowledge_served.py` has it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.postgres.passages import PostgresPassages
from autobot.adapters.postings.passages import WordPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.usearch.newest import as_rows
from autobot.adapters.usearch.passages import NearPassages
from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.ports.documents import Library, put_collection
from autobot.contexts.knowledge.ports.index import Where
from autobot.contexts.knowledge.read_model.reranking import Reranking, RerankRules
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.knowledge.passages import passage_id
from autobot.contracts.knowledge.search import SearchKnowledge
from autobot.contracts.models import Embeddings, Usage
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.errors import Absent, AttemptTimeout
from autobot.kernel.event_store.text import words
from autobot.testing.messages import Maker
from autobot.testing.postgres import Cluster
from bench.around import line
from bench.knowledge_made import DIMENSIONS, Made, fill

MODEL: Final = "generated"
WHERE: Final = Where(collections=("all",), model=MODEL)
ANN: Final = CallContext(
    correlation_id="bench",
    principal=Principal(id="ann", kind="user", role="user", user_id="ann"),
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16),
)


class Given:
    """Implements `Embedder`: gives the vectors that were generated for questions."""

    def __init__(self) -> None:
        self.vectors: dict[str, Any] = {}

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        rows = [self.vectors[one] for one in texts]
        return Embeddings(model=MODEL, vectors=rows, usage=Usage())


class Nobody:
    """Implements `Reranker`: there is none here."""

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        raise Absent("rerank", "There is no reranker in this measurement.", hint="none")


async def never() -> RerankRules:
    """Return rules by which nothing is put in order anew."""
    return RerankRules(usual=False)


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


@asynccontextmanager
async def opened(
    folder: Path, postgres: bool
) -> AsyncIterator[tuple[SqlitePassages | PostgresPassages, Callable[[], float]]]:
    """Yield the store of passages, and what says how many seconds of a processor its searches have taken."""
    with ExitStack() as stack:
        used: Callable[[], float] = time.process_time
        if postgres:
            cluster = stack.enter_context(Cluster(durable=True))
            used = cluster.cpu_s
            store: SqlitePassages | PostgresPassages = await PostgresPassages.open(cluster.database())
        else:
            store = await SqlitePassages.open(folder / "knowledge.db")
        try:
            yield store, used
        finally:
            await store.close()


async def spent(
    calls: Sequence[Callable[[], Awaitable[Any]]], used: Callable[[], float] = time.process_time
) -> float:
    """Run calls one after the other; returns milliseconds of a processor for each, this process's if no other is named."""
    for call in calls[:3]:
        await call()
    before = used()
    for call in calls:
        await call()
    return (used() - before) / len(calls) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """A filled index with its questions."""

    store: SqlitePassages | PostgresPassages
    words: WordPassages
    near: NearPassages
    queries: SearchQueries
    questions: Sequence[str]
    vectors: Mapping[str, Any]
    used: Callable[[], float]

    async def stages(self) -> list[str]:
        """Return what each part of a search takes of the processor, and beside it the bare libraries."""
        few = self.questions[:100]
        best = {one: [hit.passage_id for hit in await self.words.lexical(one, WHERE, 100)] for one in few}

        def calls(make: Callable[[str], Awaitable[Any]]) -> list[Callable[[], Awaitable[Any]]]:
            return [partial(make, one) for one in few]

        async def named(one: str) -> Any:
            return self._named(one)

        return [
            f"{await spent(calls(lambda one: self.words.lexical(one, WHERE, 100))):.2f}",
            f"{await spent(calls(named)):.2f}",
            f"{await spent(calls(lambda one: self.near.nearest(self.vectors[one], WHERE, 100))):.2f}",
            f"{await spent(calls(lambda one: self.store.passages(best[one][:10]))):.2f}",
            f"{await spent(calls(lambda one: self.queries.search(SearchKnowledge(query=one), ANN))):.2f}",
            await of_store(self.store, few, self.used),
        ]

    def _named(self, question: str) -> Any:
        held = self.near._held.get(MODEL)
        return held.graph.nearest(self.vectors[question], 100) if held is not None else ()


async def of_store(
    store: SqlitePassages | PostgresPassages, questions: Sequence[str], used: Callable[[], float]
) -> str:
    """Return what words take of bare FTS5, on a connection of its own; of PostgreSQL's server what the store's search takes."""
    if not isinstance(store, SqlitePassages):
        own = [partial(store.lexical, one, WHERE, 100) for one in questions[:10]]
        return f"{await spent(own, used):.1f} of the server"
    connection = apsw.Connection(str(store.path), flags=apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 100"

    async def ask(question: str) -> Any:
        match = " OR ".join(f'"{one}"' for one in dict.fromkeys(words(question)))
        return connection.execute(sql, (match,)).fetchall()

    return f"{await spent([partial(ask, one) for one in questions[:20]]):.2f}"


async def exactly(store: SqlitePassages | PostgresPassages, asked: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the ten nearest passages of each question, by comparing all vectors that the store holds, here."""
    numbers, rows, after = list[Any](), list[Any](), 0
    while page := await store.stored(MODEL, after, 2_000):
        after = page[-1].number
        for kept, part in zip((numbers, rows), as_rows(page, DIMENSIONS), strict=True):
            kept.append(part)
    all_numbers, all_rows = np.concatenate(numbers), np.concatenate(rows)
    exact = {}
    for one, vector in asked.items():
        best = all_numbers[np.argsort(-(all_rows @ vector))[:10]].tolist()
        places = (await store.standing(best, WHERE)).places
        exact[one] = {passage_id(*places[number]) for number in best}
    return exact


async def early(queries: SearchQueries, questions: Sequence[str]) -> str:
    """Return milliseconds of searches before there are graph and lists, and how many of them went by words alone."""
    answers = []

    async def ask(one: str) -> None:
        answers.append(await queries.search(SearchKnowledge(query=one), ANN))

    took = await timed([partial(ask, one) for one in questions], 1)
    return f"{told(took)}; {sum(one.mode == 'lexical' for one in answers)} of {len(answers)} by words"


async def measured(
    count: int, asks: int, at_once: int, folder: Path, postgres: bool, compared: int
) -> tuple[list[str], list[str]]:
    """Return the rows of a size: times with agreement, and processor of parts."""
    clock, made, given = SystemClock(), Made(), Given()
    async with opened(folder, postgres) as (store, used):
        listed = WordPassages(store, folder)
        too_many = store.too_many if isinstance(store, PostgresPassages) else None
        index = NearPassages(listed, folder, too_many=too_many)
        events = MemoryEventStore(clock)
        shelf = Collection(id="all", name="all", owner="ann", created_at=datetime(2026, 1, 1, tzinfo=UTC))
        await events.commit(Maker(clock).transaction("made", writes=(put_collection(shelf, 0),)))
        queries = SearchQueries(
            events, Library(events), index, given, Reranking(index, Nobody(), never, clock), clock
        )
        _, filled = await fill(index, made, count, "all", MODEL)
        questions = made.shuffled()[:asks]
        given.vectors = dict(zip(questions, made.vectors(len(questions), 0.8), strict=True))
        took = [await early(queries, questions[:20])]
        for structure in (index, listed):
            began, memory = time.process_time(), resident_mb()
            await structure.tend()
            took.append(f"{time.process_time() - began:.0f} s, {resident_mb() - memory:+d} MB")
        filled_set = Set(
            store=store,
            words=listed,
            near=index,
            queries=queries,
            questions=questions,
            vectors=given.vectors,
            used=used,
        )
        searches = [partial(queries.search, SearchKnowledge(query=one), ANN) for one in questions]
        await timed(searches[:10], 1)
        alone = await timed(searches, 1)
        together = await timed(searches, at_once)
        exact = await exactly(store, given.vectors)
        in_time = list[bool]()

        async def whole(one: str) -> None:
            try:
                best = {hit.passage_id for hit in await store.nearest(given.vectors[one], WHERE, 10)}
                in_time.append(best == exact[one])
            except AttemptTimeout:
                # Comparing all vectors of a large set in PostgreSQL can take longer than it may.
                return

        before = used()
        brute = await timed([partial(whole, one) for one in questions[:compared]], at_once)
        whole_ms = (used() - before) / compared * 1000
        near = 0
        for one, best in exact.items():
            near += len(best & {hit.passage_id for hit in await index.nearest(given.vectors[one], WHERE, 10)})
        parts = await filled_set.stages()
    return (
        [
            f"{count:,}",
            told(alone),
            told(together),
            f"{told(brute)}; {whole_ms:.1f}; {compared - len(in_time)} of {compared} late, {sum(in_time)} same",
            f"{near / 10 / len(exact):.4f} of {len(exact)}",
            f"{count / filled:,.0f}",
            *took,
        ],
        [f"{count:,}", *parts],
    )


HEAD: Final = (
    "passages",
    "alone p50 / p99 ms",
    "ten at once p50 / p99 ms",
    "vectors compared whole by the store, ten at once, p50 / p99 ms; CPU ms of the store",
    "recall@10 against all compared here, of so many questions",
    "put, passages a CPU second",
    "before graph and lists, alone p50 / p99 ms",
    "graph: CPU, memory of its own",
    "lists: CPU, memory of its own",
)
PARTS: Final = (
    "passages",
    "words: lists, and what stands",
    "vectors: bare graph (usearch), 100",
    "vectors: graph, and what stands",
    "ten passages read",
    "whole search",
    "beside it: the same words in bare FTS5, or in the store's search",
)


def row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


async def main(sizes: Sequence[int], asks: int, at_once: int, postgres: bool, compared: int) -> str:
    """Return the tables."""
    rows, parts = list[str](), list[str]()
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="autobot-bench-") as folder:
            first, second = await measured(size, asks, at_once, Path(folder), postgres, compared)
        rows.append(row(first))
        parts.append(row(second))
        print(rows[-1], parts[-1], sep="\n", flush=True)
    return "\n".join(
        (
            line(),
            "",
            row(HEAD),
            row(["---"] * len(HEAD)),
            *rows,
            "",
            "Processor milliseconds of this process for each part of a search:",
            "",
            row(PARTS),
            row(["---"] * len(PARTS)),
            *parts,
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--asks", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument(
        "--postgres", action="store_true", help="a PostgreSQL server of its own holds the passages"
    )
    parser.add_argument(
        "--compared", type=int, default=60, help="searches that compare all vectors (2 to --asks)"
    )
    chosen = parser.parse_args()
    sizes = [int(one) for one in chosen.sizes.split(",")]
    print(asyncio.run(main(sizes, chosen.asks, chosen.at_once, chosen.postgres, chosen.compared)))
