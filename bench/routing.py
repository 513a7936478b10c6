"""How well questions are routed by intent: accuracy and fallback rate on a labelled set that no example is taken from.

`bench/data/intents.jsonl` holds the questions, written for this; the shipped examples (`contexts/agents/routing.SHIPPED`)
are all that the router knows. The thresholds were chosen on those examples alone, each left out in turn
(`--leave-one-out` shows that). By meaning runs the worker's own embedding model on this machine.

    python -m bench.routing [--leave-one-out]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autobot.adapters.system.clock import SystemClock
from autobot.contexts.agents.ports import Embeddings, Usage
from autobot.contexts.agents.routing import SHIPPED, Mode, Router, Rules, intents_of
from autobot.contracts.inference import EmbedTexts, WarmUp
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.workers.npu.engine import Engine
from autobot.workers.npu.options import WorkerOptions

SET = Path(__file__).parent / "data" / "intents.jsonl"
CONTEXT = CallContext(
    correlation_id="bench", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="1" * 16)
)


class Worker:
    """The embedding model of the worker, in this process."""

    def __init__(self) -> None:
        self.engine = Engine(WorkerOptions(), SystemClock())

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Return a vector for each text."""
        found = await self.engine.embed(EmbedTexts(texts=tuple(texts)), context)
        return Embeddings(model=found.model, vectors=list(found.vectors), usage=Usage())


def labelled() -> list[tuple[str, str]]:
    """Return intent and text of each question."""
    rows = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]
    return [(one["intent"], one["text"]) for one in rows]


def routers(mode: Mode, worker: Worker, *, left_out: bool) -> list[tuple[Router, list[tuple[str, str]]]]:
    """Return each router with the questions that it is asked."""
    if not left_out:
        rules = Rules(intents=intents_of(SHIPPED), mode=mode)
        return [(Router(lambda: rules, worker.embed, SystemClock()), labelled())]
    found = []
    for rule in SHIPPED:
        intent, _, text = rule.partition(": ")
        rest = Rules(intents=intents_of([one for one in SHIPPED if one != rule]), mode=mode)
        found.append((Router(lambda rest=rest: rest, worker.embed, SystemClock()), [(intent, text)]))  # type: ignore[misc]
    return found


async def learned(router: Router, mode: Mode) -> None:
    """Wait until the examples are embedded: until then words decide."""
    for _ in range(400):
        route = await router.route("Is it there yet?", CONTEXT)
        if route is not None and route.by == mode:
            return
        await asyncio.sleep(0.05)


async def measure(mode: Mode, worker: Worker, *, left_out: bool) -> None:
    """Route every question and tell how it went."""
    asked = right = sure = sure_right = 0
    wrong: Counter[tuple[str, str]] = Counter()
    took: list[float] = []
    for router, questions in routers(mode, worker, left_out=left_out):
        await learned(router, mode)
        for intent, text in questions:
            began = time.perf_counter()
            route = await router.route(text, CONTEXT)
            took.append(time.perf_counter() - began)
            if route is None or route.by != mode:
                raise SystemExit(f"It was not routed by {mode}: {route}")
            asked += 1
            right += route.intent == intent
            sure += route.sure
            sure_right += route.sure and route.intent == intent
            if route.sure and route.intent != intent:
                wrong[intent, route.intent] += 1
    median = sorted(took)[len(took) // 2] * 1000
    print(
        f"{mode:8} {asked} questions: nearest intent right {right / asked:.3f}; sure {sure / asked:.3f},"
        f" of those right {sure_right / max(sure, 1):.3f}; fallback {1 - sure / asked:.3f}; median {median:.2f} ms"
    )
    for (said, taken), count in wrong.most_common():
        print(f"         {count} × {said} taken for {taken}")


async def run(*, left_out: bool) -> None:
    """Measure both ways."""
    worker = Worker()
    modes: tuple[Mode, ...] = ("meaning", "words")
    async with asyncio.TaskGroup() as group:
        computing = group.create_task(worker.engine.run())
        await worker.engine.warm_up(WarmUp(), CONTEXT)
        for mode in modes:
            await measure(mode, worker, left_out=left_out)
        computing.cancel()


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--leave-one-out", action="store_true")
    asyncio.run(run(left_out=parser.parse_args().leave_one_out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
