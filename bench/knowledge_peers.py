"""Finding passages beside other libraries, in one run on the same passages and questions: words and vectors.

    python -m bench.knowledge_peers [--size 10000] [--asks 100]

Ours are lists and graphs with the look at the store of what may be found; beside them the bare libraries (FTS5, usearch)
and the peers (`bench/peers/passages.py`): tantivy for words, faiss for vectors, installed in a throw-away environment. Each
names a hundred passages. Peers know nothing of who may find what, nor of versions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from autobot.adapters.postings.passages import ListOptions, WordPassages
from autobot.adapters.usearch.passages import NearOptions, NearPassages
from autobot.contracts.knowledge.passages import passage_id
from bench.around import line
from bench.knowledge import MODEL, WHERE, of_store, opened, row, spent
from bench.knowledge_made import OF_DOCUMENT, Made, fill
from bench.peers import HERE, environment, run

LEAST: Final = 100
PEERS_S: Final = 300


def given(folder: Path, size: int, asks: int) -> tuple[list[str], Any, list[list[int]]]:
    """Write what peers are given; returns the questions, their vectors, and the places of the ten nearest of each."""
    made = Made()
    texts, rows = list[str](), []
    for _ in range(size // OF_DOCUMENT):
        # In the order of `fill`, so that the same seed makes the same.
        texts += made.texts(OF_DOCUMENT)
        rows.append(made.vectors(OF_DOCUMENT))
    vectors, questions = np.concatenate(rows), made.shuffled()[:asks]
    asked = made.vectors(len(questions), 0.8)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "asked.npy", asked)
    told = json.dumps({"texts": texts, "questions": questions})
    (folder / "texts.json").write_text(told, encoding="utf-8")
    return questions, asked, np.argsort(-(asked @ vectors.T), axis=1)[:, :10].tolist()


def recall(exact: Sequence[Sequence[int]], found: Sequence[Sequence[int]]) -> str:
    """Return the share of the ten nearest that was found among the first ten."""
    met = sum(len(set(one) & set(other)) for one, other in zip(exact, found, strict=True))
    return f"{met / 10 / len(exact):.3f}"


async def ours(
    folder: Path, size: int, questions: Sequence[str], asked: Any, exact: list[list[int]]
) -> list[str]:
    """Return the rows of our index and of the bare libraries."""
    number = {passage_id(f"d{place // OF_DOCUMENT}", 1, place % OF_DOCUMENT): place for place in range(size)}
    async with opened(folder, postgres=False) as (store, used):
        lists = WordPassages(store, folder, ListOptions(least=LEAST))
        near = NearPassages(lists, folder, NearOptions(least=LEAST))
        await fill(near, Made(), size, "all", MODEL)
        await lists.tend()
        await near.tend()
        graph = near._held[MODEL].graph

        async def bare(one: Any) -> Any:
            return graph.nearest(one, 100)

        def calls(make: Callable[[Any], Awaitable[Any]], of: Sequence[Any]) -> list[Callable[[], Any]]:
            return [partial(make, one) for one in of]

        by_words = await spent(calls(lambda one: near.lexical(one, WHERE, 100), questions))
        vectors = asked.tolist()
        by_vectors = await spent(calls(lambda one: near.nearest(one, WHERE, 100), vectors))
        found = [
            [number[hit.passage_id] for hit in (await near.nearest(one, WHERE, 100))[:10]] for one in vectors
        ]
        return [
            row(["AutoBot", f"{by_words:.2f}", f"{by_vectors:.2f}", recall(exact, found)]),
            row(
                [
                    "bare FTS5, bare usearch",
                    await of_store(store, questions, used),
                    f"{await spent(calls(bare, asked)):.2f}",
                    "as above",
                ]
            ),
        ]


def peers(folder: Path, exact: list[list[int]]) -> str:
    """Return the row of the peers. Raises Unmeasured when they cannot be installed or run."""
    with environment("passages") as programs:
        script = str(HERE / "peers" / "passages.py")
        told = json.loads(run([str(programs / "python"), script, str(folder)], PEERS_S).splitlines()[-1])
    name = ", ".join(f"{one} {version}" for one, version in told["versions"].items())
    return row([name, f"{told['words']:.2f}", f"{told['vectors']:.2f}", recall(exact, told["found"])])


def main(size: int, asks: int) -> str:
    """Return the table."""
    with tempfile.TemporaryDirectory(prefix="autobot-bench-") as name:
        folder = Path(name)
        questions, asked, exact = given(folder, size, asks)
        rows = [*asyncio.run(ours(folder, size, questions, asked, exact)), peers(folder, exact)]
    head = (f"{size:,} passages, CPU ms a search", "by words", "by vectors", "recall@10 of vectors")
    return "\n".join((line(), "", row(head), row(["---"] * len(head)), *rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help=f"passages, a multiple of {OF_DOCUMENT}")
    parser.add_argument("--asks", type=int, default=100)
    chosen = parser.parse_args()
    print(main(chosen.size, chosen.asks))
