"""One contract over every transport, side by side: direct, HTTP and gRPC (TCP and unix socket each), streams of Redis.

A child process serves the same handlers, which answer from memory, on all of them. Four payloads: a small question, the
vectors of 64 texts (384 floats each), an answer of 100 tokens, and a document of 256 passages of 1,000 characters, asked as
indexing asks: 32 at a time, one call after another; *in bulk* is one exchange over gRPC in place of its eight calls. HTTP and streams carry JSON; gRPC carries typed messages
for vectors and tokens, JSON for the question. CPU is that of both processes with all their threads (of Redis's server
nothing), at 32 calls in flight; p50 and p99 are one call after another. Rounds are interleaved; each figure is the
median of its rounds, and each ratio is to HTTP over TCP.

    python -m bench.transports [--rounds 5] [--calls 1500]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from autobot.adapters.grpc.ai import ai_wires
from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.methods import AI_METHODS, INFERENCE_METHODS
from autobot.adapters.grpc.transport import GrpcTransport
from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.redis.call_door import CallDoor
from autobot.adapters.redis.calls import StreamCalls
from autobot.adapters.redis.server import Server
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.bootstrap.server import settle_memory
from autobot.contexts.agents.facade import GENERATE, model_wires
from autobot.contracts.inference import Embedded, EmbedTexts, Vectors
from autobot.contracts.models import Finished, GenerateRequest, ModelMessage, TextDelta
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.hop_wire import HEALTH
from autobot.kernel.links.wire import TypedWire, Wire
from autobot.kernel.resilience.operation import Effect, Operation, Transport
from autobot.testing.valkey import ValkeyServer
from autobot.workers.npu.bulk import EMBED_EXCHANGE, bulk_wires
from autobot.workers.npu.ports import EMBED, inference_wires
from bench.around import line

IN_FLIGHT = 32
BULK = "bulk "
CHUNKS = 100
TEXTS = 64
DIMENSIONS = 384
ROW = "gateway-ai"
ASK = Operation(name="ask", effect=Effect.FREE)
QUESTION = "How do I create an API key?"
BATCH = EmbedTexts(
    texts=tuple(f"Text number {one} says something about the weather." for one in range(TEXTS))
)
EMBEDDED = Embedded(
    model="minilm",
    vectors=Vectors(dimensions=DIMENSIONS, data=os.urandom(4 * TEXTS * DIMENSIONS)),
    tokens=TEXTS * 12,
)
PASSAGES = 256
AT_ONCE = 32
DOCUMENT = tuple(
    EmbedTexts(texts=tuple(f"{f'Passage {at + one} of a document.':<40}" * 25 for one in range(AT_ONCE)))
    for at in range(0, PASSAGES, AT_ONCE)
)
STEP = Embedded(
    model="minilm",
    vectors=Vectors(dimensions=DIMENSIONS, data=os.urandom(4 * AT_ONCE * DIMENSIONS)),
    tokens=AT_ONCE * 200,
)
WANTED = GenerateRequest(
    model="ollama:llama3", messages=(ModelMessage(role="user", content="Why is it blue?"),)
)
PIECES = (*(TextDelta(text=" scattering") for _ in range(CHUNKS - 1)), Finished(reason="stop"))
CONTEXT = CallContext(
    correlation_id="0197c1d2-dddd-7bbb-8ccc-0123456789ab",
    principal=Principal(id="u-1", kind="user", role="admin", user_id="u-1", username="admin"),
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16, flags=1),
    client="127.0.0.1",
)
JSON_WIRES: dict[str, Wire] = {
    ASK.name: TypedWire(ASK.name, str, str),
    EMBED.name: inference_wires()[EMBED.name],
    EMBED_EXCHANGE.name: bulk_wires()[EMBED_EXCHANGE.name],
    GENERATE.name: model_wires()[GENERATE.name],
}
PROTO_WIRES: dict[str, Wire] = {
    ASK.name: JSON_WIRES[ASK.name],
    EMBED.name: inference_proto_wires()[EMBED.name],
    EMBED_EXCHANGE.name: inference_proto_wires()[EMBED_EXCHANGE.name],
    GENERATE.name: ai_wires()[GENERATE.name],
}
METHODS = (
    *(one for one in INFERENCE_METHODS if one.operation in (EMBED.name, EMBED_EXCHANGE.name)),
    *(one for one in AI_METHODS if one.operation == GENERATE.name),
)


async def ask(payload: str, context: CallContext) -> str:
    """Answer."""
    return payload


async def embed(payload: EmbedTexts, context: CallContext) -> Embedded:
    """Answer."""
    return EMBEDDED if len(payload.texts) == TEXTS else STEP


async def exchange(payload: AsyncIterator[EmbedTexts], context: CallContext) -> AsyncIterator[Embedded]:
    """Answer each request."""
    async for one in payload:
        yield await embed(one, context)


async def generate(payload: GenerateRequest, context: CallContext) -> AsyncIterator[Any]:
    """Answer, piece by piece."""
    for one in PIECES:
        yield one


CALLS: dict[str, Any] = {ASK.name: ask, EMBED.name: embed}
STREAMS: dict[str, Any] = {GENERATE.name: generate, EMBED_EXCHANGE.name: exchange}


# ------------------------------------------------------------------------------------------------- the server


def parts_of(wires: dict[str, Wire]) -> Any:
    """What the child serves."""
    from autobot.gateway.hop.parts import HopParts
    from autobot.gateway.middleware.lifecycle import Lifecycle
    from autobot.kernel.links.hop_door import HopRow

    clock, chance = SystemClock(), system_chance()
    return HopParts(
        role="ai",
        version="1",
        rows={"gateway": (HopRow(row=ROW, wires=wires, calls=CALLS, streams=STREAMS),)},
        tokens=KeyedServiceTokens(bytes(32), clock),
        lifecycle=Lifecycle("ready"),
        clock=clock,
        chance=chance,
        ids=Uuid7Source(clock, chance),
    )


async def serve(folder: Path, redis: str) -> None:
    """Serve on everything, and print where."""
    import socket

    import uvicorn

    from autobot.bootstrap.grpc import grpc_server
    from autobot.gateway.hop.app import RoleHop

    unix, grpc_unix = folder / "http.sock", folder / "grpc.sock"
    json_parts = parts_of(JSON_WIRES)
    tcp = socket.create_server(("127.0.0.1", 0), backlog=512)
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(unix))
    grpc = grpc_server(parts_of(PROTO_WIRES), METHODS)
    port = grpc.listen("127.0.0.1:0")
    grpc.listen(f"unix:{grpc_unix}")
    await grpc.start()
    await grpc.ready()
    door = CallDoor(json_parts.door(), Server(redis), SystemClock(), "bench")
    door.take()
    settle_memory()
    async with asyncio.TaskGroup() as group:
        group.create_task(door.run())
        for bound in (tcp, local):
            config = uvicorn.Config(RoleHop(json_parts), log_config=None, access_log=False, lifespan="on")  # type: ignore[arg-type]
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
            group.create_task(server.serve(sockets=[bound]))
        await door.heard.wait()
        told = {
            "HTTP, TCP": f"http://127.0.0.1:{tcp.getsockname()[1]}",
            "HTTP, unix": f"unix:{unix}",
            "gRPC, TCP": f"http://127.0.0.1:{port}",
            "gRPC, unix": f"unix:{grpc_unix}",
            "stream of Redis": "calls of ai",
        }
        print(json.dumps(told), flush=True)


# ----------------------------------------------------------------------------------------------- the measuring


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def http() -> RoleTransport:
    """The transport of today."""
    clock, chance = SystemClock(), system_chance()
    return RoleTransport(
        link=ROW,
        issuer="gateway",
        audience="ai",
        wires=JSON_WIRES,
        tokens=KeyedServiceTokens(bytes(32), clock),
        inner=HttpTransport(ROW, HttpOptions(internal=True, health_path=HEALTH), clock, chance),
        clock=clock,
    )


def grpc() -> GrpcTransport:
    """The transport over gRPC."""
    clock = SystemClock()
    return GrpcTransport(
        link=ROW,
        issuer="gateway",
        audience="ai",
        wires=PROTO_WIRES,
        tokens=KeyedServiceTokens(bytes(32), clock),
        clock=clock,
        chance=system_chance(),
        methods=METHODS,
    )


def stream(redis: str) -> StreamCalls:
    """The transport over streams."""
    clock, chance = SystemClock(), system_chance()
    return StreamCalls(
        link=ROW,
        issuer="gateway",
        audience="ai",
        wires=JSON_WIRES,
        tokens=KeyedServiceTokens(bytes(32), clock),
        server=Server(redis),
        clock=clock,
        chance=chance,
        ids=Uuid7Source(clock, chance),
    )


Work = Callable[[], Awaitable[None]]


def works(transport: Transport, target: str, *, in_bulk: bool) -> dict[str, tuple[Work, int]]:
    """The payloads, with the share of calls that each gets."""

    async def small() -> None:
        assert await transport.call(target, ASK, QUESTION, CONTEXT) == QUESTION

    async def vectors() -> None:
        found = await transport.call(target, EMBED, BATCH, CONTEXT)
        assert len(found.vectors.data) == len(EMBEDDED.vectors.data)

    async def tokens() -> None:
        count = 0
        async for _ in transport.stream(target, GENERATE, WANTED, CONTEXT):
            count += 1
        assert count == CHUNKS

    async def document() -> None:
        for one in DOCUMENT:
            await transport.call(target, EMBED, one, CONTEXT)

    async def bulk() -> None:
        count = 0
        async for _ in transport.stream(target, EMBED_EXCHANGE, DOCUMENT, CONTEXT):
            count += 1
        assert count == len(DOCUMENT)

    if in_bulk:
        return {"256 passages": (bulk, 20)}
    return {
        "small": (small, 1),
        "64 vectors": (vectors, 4),
        "100 tokens": (tokens, 10),
        "256 passages": (document, 20),
    }


async def cpu_each(work: Work, calls: int, child: int) -> float:
    """Return the microseconds of CPU that one of `calls` takes, 32 in flight."""

    async def lane() -> None:
        for _ in range(calls // IN_FLIGHT):
            await work()

    before = time.process_time() + cpu_of(child)
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(lane())
    return (time.process_time() + cpu_of(child) - before) / (calls // IN_FLIGHT * IN_FLIGHT) * 1e6


async def times(work: Work, calls: int) -> tuple[float, float]:
    """Return p50 and p99 of one call after another, in microseconds."""
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    took.sort()
    return statistics.median(took) * 1e6, took[int(len(took) * 0.99)] * 1e6


Figures = dict[tuple[str, str], list[tuple[float, float, float]]]


async def measure(told: dict[str, str], redis: str, child: int, rounds: int, calls: int) -> Figures:
    """Return CPU, p50 and p99 of each transport and payload, one for each round."""
    settle_memory()
    streams = stream(redis)
    transports: dict[str, Transport] = {
        "direct": DirectTransport(CALLS, STREAMS),
        "HTTP, TCP": http(),
        "HTTP, unix": http(),
        "gRPC, TCP": grpc(),
        "gRPC, unix": grpc(),
        "stream of Redis": streams,
        f"{BULK}gRPC, TCP": grpc(),
        f"{BULK}gRPC, unix": grpc(),
    }
    found: Figures = {}
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(streams.run())
        for number in range(rounds + 1):
            for name, transport in transports.items():
                target = told.get(name.removeprefix(BULK), "local")
                for what, (work, share) in works(transport, target, in_bulk=name.startswith(BULK)).items():
                    count = max(IN_FLIGHT, calls // share)
                    cpu, (p50, p99) = await cpu_each(work, count, child), await times(work, count // 3)
                    if number:
                        found.setdefault((what, name), []).append((cpu, p50, p99))
        for transport in transports.values():
            await transport.close()
        listening.cancel()
    return found


def shown(found: Figures) -> str:
    """Return the tables."""
    lines: list[str] = []
    for what in dict.fromkeys(key[0] for key in found):
        lines += ["", f"{what:<18}{'CPU µs':>9}{'×':>7}{'p50 µs':>9}{'×':>7}{'p99 µs':>9}{'×':>7}"]
        each = {
            name: [statistics.median(one[place] for one in rounds) for place in range(3)]
            for (kind, name), rounds in found.items()
            if kind == what
        }
        base = each["HTTP, TCP"]
        for name, figures in each.items():
            cells = (f"{value:>9.1f}{value / base[place]:>7.2f}" for place, value in enumerate(figures))
            lines.append(f"{name:<18}" + "".join(cells))
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--calls", type=int, default=1_500)
    arguments.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        uvloop.run(serve(Path(given.serve[0]), given.serve[1]))
        return 0
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as valkey:
        words = [sys.executable, "-m", "bench.transports", "--serve", folder, valkey.url]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                told = json.loads(server.stdout.readline())
                found = uvloop.run(measure(told, valkey.url, server.pid, given.rounds, given.calls))
            finally:
                server.terminate()
    print(f"{line()}\n{given.rounds} rounds\n{shown(found)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
