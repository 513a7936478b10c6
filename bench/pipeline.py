"""The link pipeline on a direct transport: what a call costs over a bare await, and where the rest goes.

Rounds are interleaved and the garbage collector is off inside them; the figure is the median round. The
floor is a hand-written function that does the least a guarded call can do: two readings of the clock, a
flag, a count of what runs, a count of what was good.

    python -m bench.pipeline [--json]
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autobot.adapters.logs.listener import LogListener
from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import AutoBotError, ConnectFailed
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.pipeline import Pipeline, PipelineOptions, build_pipeline
from autobot.kernel.resilience.registry import Registry
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.kernel.telemetry.listener import Listener, Listeners
from bench.around import commit

CALLS, ROUNDS = 5_000, 41
BARS = {"no listener, no cache": 1.0, "as shipped (metrics, windows)": 2.5, "cache hit with key": 2.5}

CONTEXT = CallContext(
    correlation_id="0199a3c4-1111-7222-8333-444455556666",
    principal=SYSTEM,
    trace=TraceContext(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331"),
)
READ = Operation(name="read", effect=Effect.FREE)
CACHED = Operation(name="read", effect=Effect.FREE, cacheable=True)
QUESTION = {"query": "how do I connect Ollama", "limit": 5, "language": "en"}
ROW = PipelineOptions(
    total=60.0,
    attempt_timeout=30.0,
    retry=RetryOptions(max=3),
    breaker=BreakerOptions(failures=5, window=60.0),
    bulkhead=BulkheadOptions(limit=100),
)
CACHED_ROW = PipelineOptions(
    total=60.0,
    attempt_timeout=30.0,
    retry=RetryOptions(max=3),
    breaker=BreakerOptions(failures=5, window=60.0),
    bulkhead=BulkheadOptions(limit=100),
    cache=CacheOptions(ttl=3600.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A query as contracts have them."""

    query: str
    limit: int


class Wall:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        return datetime.now(UTC)


async def handler(payload: Any, context: CallContext) -> Any:
    return payload


class Direct:
    """A direct transport, as kernel.links has it."""

    def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        return handler(payload, context)

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[int]:
        for chunk in range(payload):
            yield chunk

    async def probe(self, target: str) -> bool | None:
        return None

    async def close(self) -> None:
        pass


class Waiting(Direct):
    """One turn of the loop per call, as anything that does I/O."""

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        await asyncio.sleep(0)
        return payload


class Dead(Direct):
    """Never reached."""

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        raise ConnectFailed("refused")


class Nowhere:
    """Takes log entries and drops them: at level info a good hop writes none."""

    def put(self, level: str, event: str, fields: dict[str, Any]) -> None:
        pass


def shipped() -> Listener:
    """The listeners that the product composes: metrics and log."""
    return Listeners(PrometheusListener(), LogListener(Nowhere(), Wall()))  # type: ignore[arg-type]


def pipeline(
    options: PipelineOptions,
    listener: Listener | None = None,
    transport: Any = None,
    targets: tuple[str, ...] = ("a",),
) -> Pipeline:
    return build_pipeline(
        "link",
        targets,
        options,
        transport or Direct(),
        Wall(),
        random.Random(1),
        listener,
        Registry(),
        narrow_context=False,
    )


class Floor:
    """The least that a guarded call does."""

    __slots__ = ("closed", "good", "limit", "running")

    def __init__(self) -> None:
        self.closed, self.running, self.limit, self.good = True, 0, 100, 0

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        if not self.closed or self.running >= self.limit:
            raise ConnectFailed("refused")
        self.running += 1
        began = time.monotonic()
        try:
            answer = await handler(payload, context)
        finally:
            self.running -= 1
        if time.monotonic() - began < 1.0:
            self.good += 1
        return answer


async def bare(operation: Operation, payload: Any, context: CallContext) -> Any:
    return payload


async def bare_wait(operation: Operation, payload: Any, context: CallContext) -> Any:
    await asyncio.sleep(0)
    return payload


async def timed_wait(operation: Operation, payload: Any, context: CallContext) -> Any:
    async with asyncio.timeout(30.0):
        await asyncio.sleep(0)
    return payload


Call = Callable[[Operation, Any, CallContext], Awaitable[Any]]


def swallowing(call: Call) -> Call:
    async def swallowed(operation: Operation, payload: Any, context: CallContext) -> Any:
        try:
            await call(operation, payload, context)
        except AutoBotError:
            return None

    return swallowed


def reading(one: Pipeline) -> Call:
    async def read(operation: Operation, payload: Any, context: CallContext) -> None:
        async for _ in one.stream(operation, 100, context):
            pass

    return read


def cases() -> dict[str, tuple[Call, Operation, Any]]:
    opened = pipeline(ROW)
    opened.breaker("isolate", by="bench", reason="refusal")
    no_breaker = PipelineOptions(total=60.0, attempt_timeout=30.0)
    return {
        "bare await": (bare, READ, QUESTION),
        "hand-written floor": (Floor().call, READ, QUESTION),
        "no listener, no cache": (pipeline(ROW).call, READ, QUESTION),
        "as shipped (metrics, windows)": (pipeline(ROW, shipped()).call, READ, QUESTION),
        "cache hit with key": (pipeline(CACHED_ROW, shipped()).call, CACHED, QUESTION),
        "cache hit, dataclass payload": (
            pipeline(CACHED_ROW).call,
            CACHED,
            Search(query="how do I connect Ollama", limit=5),
        ),
        "two targets, round the long way": (pipeline(ROW, targets=("a", "b")).call, READ, QUESTION),
        "refused by an open breaker": (swallowing(opened.call), READ, QUESTION),
        "failed attempt": (swallowing(pipeline(no_breaker, transport=Dead()).call), READ, QUESTION),
        "a call that waits: bare": (bare_wait, READ, QUESTION),
        "a call that waits: asyncio.timeout": (timed_wait, READ, QUESTION),
        "a call that waits: pipeline": (pipeline(ROW, transport=Waiting()).call, READ, QUESTION),
        "stream of 100 chunks": (reading(pipeline(ROW)), READ, None),
    }


async def one_round(call: Call, operation: Operation, payload: Any, calls: int) -> float:
    """Microseconds of CPU per call."""
    began = time.process_time()
    for _ in range(calls):
        await call(operation, payload, CONTEXT)
    return (time.process_time() - began) / calls * 1e6


async def measured() -> dict[str, float]:
    every = cases()
    found: dict[str, list[float]] = {name: [] for name in every}
    for call, operation, payload in every.values():
        await one_round(call, operation, payload, 200)
    for _ in range(ROUNDS):
        for name, (call, operation, payload) in every.items():
            gc.collect()
            gc.disable()
            found[name].append(
                await one_round(call, operation, payload, CALLS // 20 if "stream" in name else CALLS)
            )
            gc.enable()
    return {name: statistics.median(times) for name, times in found.items()}


async def main() -> int:
    took = await measured()
    base = took["bare await"]
    print(
        f"commit {commit()} · Python {sys.version.split()[0]} · {os.cpu_count()} CPUs"
        f" · load {os.getloadavg()[0]:.2f} · median of {ROUNDS} rounds of {CALLS} calls, µs CPU a call\n"
    )
    missed = False
    for name, us in took.items():
        bar = BARS.get(name)
        verdict = ""
        if bar is not None:
            missed = missed or us - base > bar
            verdict = f"   bar {bar:.1f}  {'met' if us - base <= bar else 'MISSED'}"
        print(f"{name:36} {us:8.3f}   over bare {us - base:7.3f}   × {us / base:6.1f}{verdict}")
    if "--json" in sys.argv:
        print(json.dumps({name: round(us, 4) for name, us in took.items()}))
    return int(missed and "--strict" in sys.argv)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
