"""Searching large sets through the product's own API, the question's embedding included.

    python -m bench.knowledge_served [--sizes 1000,10000,100000] [--precisions f32,bf16] [--asks 600] [--at-once 10] [--write]

A server is started on a folder of its own and makes a collection; its worker embeds Cranfield's questions and titles.
Near those vectors others are generated, and with texts (`bench/knowledge_made.py`) they are written to the index while
the server is stopped. Then the server runs again with an empty cache of vectors, and each question is asked once, over
kept connections: some of them alone, the others so many at once. The embedding's time is the one that each answer tells
(`took`): from the call to the vector, waiting for others' batches included. Processor time is of the server's process
and of the worker's (`/proc`), the one of this process, which asks on the same machine, is apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from autobot.adapters.postings.passages import WordPassages
from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.adapters.usearch.passages import NearPassages
from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from bench.around import line
from bench.gateway_hop import cpu_s
from bench.knowledge_made import Made, fill

RECORD: Final = Path(__file__).resolve().parent / "results" / "knowledge-served.md"
BASE: Final = "/api/v1/knowledge_base"
MODEL: Final = "npu:all-minilm-l6-v2"
ALONE: Final = 150
WARM: Final = 30
BARS: Final = (40.0, 150.0)
SAYS: Final = (
    "`python -m bench.knowledge_served`: generated passages near the vectors of real questions, each question asked once, "
    "ten results. Milliseconds, p50 / p99; the bar {once} is {fast:.0f} / {slow:.0f}."
)
STAGES: Final = ("embedding_ms", "lexical_ms", "vector_ms", "feedback_ms", "total_ms")


class Asked:
    """What searches took: milliseconds at the client, of each stage, and processor seconds of each process."""

    def __init__(self) -> None:
        self.whole: list[float] = []
        self.stages: dict[str, list[float]] = {name: [] for name in STAGES}
        self.cpu: dict[str, float] = {}

    def stage(self, name: str) -> str:
        return told(self.stages[name])


def told(took: Sequence[float]) -> str:
    """Return p50 and p99."""
    cuts = statistics.quantiles(took, n=100)
    return f"{cuts[49]:.1f} / {cuts[98]:.1f}"


def processes(pid: int) -> dict[str, int]:
    """Return the server's process and its worker's, the only child that it has."""
    found = {"core": pid}
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found["worker"] = int(one.name)
    return found


def resident_mb(pid: int) -> dict[str, int]:
    """Return the memory of a process, in MB: its own, and pages of files, which the system may drop."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {name: int(status.split(f"{name}:")[1].split()[0]) // 1024 for name in ("RssAnon", "RssFile")}


def searches(questions: Sequence[str], **more: Any) -> list[tuple[str, Any]]:
    """Return what is asked: path and body of each search."""
    return [(f"{BASE}/search", {"query": one, "limit": 10, **more}) for one in questions]


async def asked(server: ServerProcess, key: str, requests: Sequence[tuple[str, Any]], at_once: int) -> Asked:
    """Ask each once, so many at once."""
    found, left = Asked(), iter(requests)
    port = int(server.address.rpartition(":")[2])
    pids = processes(server.pid) | {"asking": 0}
    before = {name: cpu_s(pid) if pid else time.process_time() for name, pid in pids.items()}

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path, wanted in left:
            body = json.dumps(wanted).encode()
            writer.write(
                f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                + body
            )
            began = time.perf_counter()
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            answer = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
            found.whole.append((time.perf_counter() - began) * 1000)
            read = json.loads(answer)
            assert head.startswith("http/1.1 200"), answer
            if "items" in read:
                assert read["mode"] == wanted.get("mode", "hybrid"), read["degraded"]
                assert len(read["items"]) == 10
                for name in STAGES:
                    found.stages[name].append(read["took"][name] or 0.0)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(ask())
    found.cpu = {
        name: ((cpu_s(pid) if pid else time.process_time()) - before[name]) / len(requests) * 1000
        for name, pid in pids.items()
    }
    return found


def prepared(server: ServerProcess) -> tuple[str, str, Made]:
    """Make a collection and a key; returns them, and what is put, near the vectors of questions."""
    with server:
        with server.client() as client:
            client.sign_in("admin", PASSWORD).expect(200)
            client("PUT", "/api/v1/settings/limits.default_per_minute", {"value": 1_000_000}).expect(200)
            shelf = client("POST", f"{BASE}/collections", {"name": "bench"}).expect(201).json["id"]
            questions, rows = Made().questions, list[Any]()
            for at in range(0, len(questions), 100):
                body = {"model": "all-minilm-l6-v2", "input": questions[at : at + 100]}
                rows += [one["embedding"] for one in embedded(client, body)]
        key = server.key()
        server.stop()
    return shelf, key, Made(centres=np.array(rows, dtype=np.float32))


def embedded(client: Client, body: Any) -> list[Any]:
    """Return vectors, as soon as the worker is there."""
    until = time.monotonic() + 120
    while (reply := client("POST", "/v1/embeddings", body)).status != 200:
        assert time.monotonic() < until, reply.json
        time.sleep(0.5)
    rows: list[Any] = reply.json["data"]
    return rows


async def put(folder: Path, shelf: str, made: Made, count: int) -> tuple[float, float, float]:
    """Write passages, graph and lists; returns processor seconds of each."""
    store = await SqlitePassages.open(folder / "passages.db")
    words = WordPassages(store, folder)
    near = NearPassages(words, folder)
    _, filled = await fill(store, made, count, shelf, MODEL)
    took = []
    for one in (near, words):
        before = time.process_time()
        await one.tend()
        took.append(time.process_time() - before)
    await store.close()
    return filled, took[0], took[1]


def measured(
    count: int, precision: str, asks: int, at_once: int, folder: Path
) -> tuple[list[str], list[str], list[str]]:
    """Return the rows of a size: times, processor with memory, and processor of parts."""
    server = ServerProcess(
        folder / "data", {"AUTOBOT_NPU_DEVICE": "AUTO", "AUTOBOT_NPU_PRECISION": precision}
    )
    name = f"{count:,}, {precision}"
    shelf, key, made = prepared(server)
    filled, graph, lists = asyncio.run(put(server.folder, shelf, made, count))
    questions = made.shuffled()
    with server:
        idle = resident_mb(server.pid)
        with server.client(key=key) as client:
            embedded(client, {"model": "all-minilm-l6-v2", "input": ["are you there?"]})
        asyncio.run(asked(server, key, searches(questions[:WARM]), 1))
        first, rest = questions[WARM : WARM + ALONE], questions[WARM + ALONE :]
        alone = asyncio.run(asked(server, key, searches(first), 1))
        many = asyncio.run(asked(server, key, searches(rest[:asks]), at_once))
        parts = [asyncio.run(asked(server, key, one, 1)) for one in parts_of(rest[asks:], first)]
        loaded = resident_mb(server.pid)
    met = statistics.quantiles(many.whole, n=100)
    kept = "met" if met[49] <= BARS[0] and met[98] <= BARS[1] else "not met"
    times = [
        name,
        told(alone.whole),
        alone.stage("embedding_ms"),
        told(many.whole),
        *(many.stage(name) for name in STAGES[:-1]),
        kept,
    ]
    work = [
        name,
        *(f"{alone.cpu[name]:.1f}" for name in ("core", "worker", "asking")),
        *(f"{many.cpu[name]:.1f}" for name in ("core", "worker", "asking")),
        f"{count / filled:,.0f}",
        f"{graph:.1f}",
        f"{lists:.1f}",
        f"{idle['RssAnon']} + {idle['RssFile']}",
        f"{loaded['RssAnon']} + {loaded['RssFile']}",
    ]
    apart = [name, *(f"{one.cpu['core']:.1f} + {one.cpu['worker']:.1f}" for one in parts)]
    return times, work, apart


def parts_of(new: Sequence[str], known: Sequence[str]) -> Sequence[Sequence[tuple[str, Any]]]:
    """Return requests that each do a part of a search: what they cost more than another is the part's own."""
    texts = [*new[:ALONE], *known[: max(0, ALONE - len(new))]]
    return (
        searches(known, mode="lexical"),
        searches(known, mode="vector"),
        searches(known),
        [("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": one}) for one in known],
        [("/v1/embeddings", {"model": "all-minilm-l6-v2", "input": f"{one}?"}) for one in texts],
    )


PARTS: Final = (
    "search by words",
    "search by vectors, the vector known",
    "hybrid search, the vector known",
    "embedding alone, known",
    "embedding alone, computed",
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--precisions", default="f32")
    parser.add_argument("--asks", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    times, work, apart = [], [], []
    for size, precision in product(map(int, chosen.sizes.split(",")), chosen.precisions.split(",")):
        with tempfile.TemporaryDirectory(prefix="autobot-bench-") as folder:
            first, second, third = measured(size, precision, chosen.asks, chosen.at_once, Path(folder))
        times.append(first)
        work.append(second)
        apart.append(third)
        print(*first, *second, *third, sep=" | ", flush=True)
    once = f"{chosen.at_once} at once"
    text = "\n\n".join(
        (
            "# Searching large sets through the API, the question's embedding included",
            SAYS.format(once=once, fast=BARS[0], slow=BARS[1]),
            line(),
            table(
                (
                    "passages, precision",
                    "alone",
                    "of it embedding",
                    once,
                    *(f"of it {name.removesuffix('_ms')}" for name in STAGES[:-1]),
                    "bar",
                ),
                times,
            ),
            "Processor milliseconds a search by process (the asking one is this bench), and what it took to get there.",
            table(
                (
                    "passages, precision",
                    *(f"alone: {name}" for name in ("core", "worker", "asking")),
                    *(f"{once}: {name}" for name in ("core", "worker", "asking")),
                    "put, passages a CPU second",
                    "graph, CPU s",
                    "lists, CPU s",
                    "core before the first search, MB own + of files",
                    "and after all, MB",
                ),
                work,
            ),
            "Processor milliseconds of parts, asked alone: core + worker.",
            table(("passages, precision", *PARTS), apart),
        )
    )
    print(text)
    if chosen.write:
        RECORD.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
