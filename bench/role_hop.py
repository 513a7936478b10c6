"""The hop between roles beside bare pooled HTTP: what token, codec, context and errors cost a call.

A child process serves both on uvicorn: the hop of a role, and an application that answers the same bytes from
memory. This process calls both through the same pooled transport: the hop by contracts through `RoleTransport`,
the floor by ready bytes. CPU is that of both processes together (their own `process_time`), p50 is one call after
another. Streams are 100 chunks of text. Rounds are interleaved; each figure is the best of its rounds.

    python -m bench.role_hop [--rounds 5] [--calls 3000]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import uvloop

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.bootstrap.serving import settle_memory
from autobot.contexts.agents.facade import GENERATE, model_wires
from autobot.contracts import chat
from autobot.contracts.models import Finished, GenerateRequest, ModelMessage, TextDelta
from autobot.kernel.commands.linked import QUERY
from autobot.kernel.commands.wire import QueryWire
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.links.hop_wire import FRAMES, HEALTH
from autobot.kernel.links.ports import HttpRequest
from autobot.kernel.links.wire import Wire

IN_FLIGHT = 32
CHUNKS = 100
ROW = "gateway-ai"
WIRES: dict[str, Wire] = {QUERY.name: QueryWire({chat.GetMessage: chat.MessageView}), **model_wires()}
ASKED = chat.GetMessage(session_id="0197c1d2-aaaa-7bbb-8ccc-0123456789ab", message_id="0197c1d2-bbbb-7bbb")
FOUND = chat.MessageView(
    id="0197c1d2-bbbb-7bbb",
    role="assistant",
    content="The sky is blue because of scattering. " * 20,
    created_at="2026-11-28T07:32:41Z",
    run_id="0197c1d2-cccc-7bbb",
    parent_id=None,
    status="complete",
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


# ------------------------------------------------------------------------------------------------ the server


def floor_app() -> Any:
    """Answer the same bytes from memory."""
    whole = WIRES[QUERY.name].answer_bytes(FOUND)
    pieces = [WIRES[GENERATE.name].answer_bytes(one) for one in PIECES]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            continue
        path, kind = scope["path"], b"application/json"
        if path == "/cpu":
            body = msgspec.json.encode(time.process_time())
        elif path == "/query":
            body = whole
        else:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", FRAMES.encode())],
                }
            )
            for one in pieces:
                await send({"type": "http.response.body", "body": one, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        fields = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    return app


def hop_app() -> Any:
    """The hop of a role with handlers that answer from memory."""
    from autobot.gateway.hop.app import RoleHop
    from autobot.gateway.hop.parts import HopParts
    from autobot.gateway.middleware.lifecycle import Lifecycle
    from autobot.kernel.core.ids import Uuid7Source
    from autobot.kernel.links.hop_door import HopRow

    async def query(payload: Any, context: CallContext) -> Any:
        return FOUND

    async def generate(payload: Any, context: CallContext) -> AsyncIterator[Any]:
        for one in PIECES:
            yield one

    clock, chance = SystemClock(), system_chance()
    row = HopRow(row=ROW, wires=WIRES, calls={QUERY.name: query}, streams={GENERATE.name: generate})
    return RoleHop(
        HopParts(
            role="ai",
            version="1",
            rows={"gateway": [row]},
            tokens=KeyedServiceTokens(bytes(32), clock),
            lifecycle=Lifecycle("ready"),
            clock=clock,
            chance=chance,
            ids=Uuid7Source(clock, chance),
        )
    )


async def serve() -> None:
    """Serve both, and print their ports."""
    import uvicorn

    apps = ((floor_app(), "off"), (hop_app(), "on"))
    settle_memory()
    async with asyncio.TaskGroup() as group:
        for app, lifespan in apps:
            bound = socket.create_server(("127.0.0.1", 0), backlog=512)
            config = uvicorn.Config(app, log_config=None, access_log=False, lifespan=lifespan)  # type: ignore[arg-type]
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
            group.create_task(server.serve(sockets=[bound]))
            print(bound.getsockname()[1], flush=True)


# --------------------------------------------------------------------------------------------- the measuring

Work = Callable[[], Awaitable[Any]]


class Bench:
    """Both ways to ask."""

    def __init__(self, floor: str, hop: str) -> None:
        self.floor, self.hop = floor, hop
        settle_memory()
        clock = SystemClock()

        def inner() -> HttpTransport:
            options = HttpOptions(internal=True, health_path=HEALTH)
            return HttpTransport(ROW, options, clock, random.Random(1))

        self.bare = inner()
        self.roles = RoleTransport(
            link=ROW,
            issuer="gateway",
            audience="ai",
            wires=WIRES,
            tokens=KeyedServiceTokens(bytes(32), clock),
            inner=inner(),
            clock=clock,
        )
        body = WIRES[QUERY.name].payload_bytes(ASKED)
        self.request = HttpRequest(
            method="POST", path="/query", headers={"content-type": "application/json"}, body=body
        )
        self.streaming = HttpRequest(
            method="POST", path="/stream", headers={"content-type": "application/json"}, body=body
        )

    async def close(self) -> None:
        """Close both."""
        await self.bare.close()
        await self.roles.close()

    async def cpu(self) -> float:
        """Return the CPU seconds that both processes used so far."""
        request = HttpRequest(method="GET", path="/cpu")
        answer = await self.bare.call(self.floor, QUERY, request, CONTEXT)
        return time.process_time() + float(msgspec.json.decode(answer.body))

    async def bare_call(self) -> None:
        """Ask the floor."""
        await self.bare.call(self.floor, QUERY, self.request, CONTEXT)

    async def hop_call(self) -> None:
        """Ask the role."""
        assert type(await self.roles.call(self.hop, QUERY, ASKED, CONTEXT)) is chat.MessageView

    async def bare_stream(self) -> None:
        """Read the floor's stream."""
        async for _ in self.bare.stream(self.floor, GENERATE, self.streaming, CONTEXT):
            pass

    async def hop_stream(self) -> None:
        """Read the role's stream."""
        count = 0
        async for _ in self.roles.stream(self.hop, GENERATE, WANTED, CONTEXT):
            count += 1
        assert count == CHUNKS


async def cpu_each(bench: Bench, work: Work, calls: int) -> float:
    """Return the microseconds of CPU that one of `calls` takes, 32 in flight."""

    async def lane() -> None:
        for _ in range(calls // IN_FLIGHT):
            await work()

    before = await bench.cpu()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(lane())
    return (await bench.cpu() - before) / (calls // IN_FLIGHT * IN_FLIGHT) * 1e6


async def p50(work: Work, calls: int) -> float:
    """Return the median microseconds of one call after another."""
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


async def measure(floor: str, hop: str, rounds: int, calls: int) -> dict[str, float]:
    """Return the best of each figure."""
    bench = Bench(floor, hop)
    found: dict[str, list[float]] = {}
    ways: dict[str, tuple[Work, int]] = {
        "bare call": (bench.bare_call, calls),
        "hop call": (bench.hop_call, calls),
        "bare stream": (bench.bare_stream, calls // 10),
        "hop stream": (bench.hop_stream, calls // 10),
    }
    try:
        for number in range(rounds + 1):
            for name, (work, count) in ways.items():
                cpu, median = await cpu_each(bench, work, count), await p50(work, count // 3)
                if number:
                    found.setdefault(f"{name} cpu", []).append(cpu)
                    found.setdefault(f"{name} p50", []).append(median)
    finally:
        await bench.close()
    return {name: min(values) for name, values in found.items()}


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--calls", type=int, default=3_000)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        uvloop.run(serve())
        return 0
    server = subprocess.Popen([sys.executable, "-m", "bench.role_hop", "--serve"], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        floor, hop = (f"http://127.0.0.1:{int(server.stdout.readline())}" for _ in range(2))
        time.sleep(0.5)
        found = uvloop.run(measure(floor, hop, given.rounds, given.calls))
    finally:
        server.terminate()
        server.wait()
    print("| what | CPU of both, µs (32 in flight) | p50, µs (one by one) |\n|---|---|---|")
    for name in ("bare call", "hop call", "bare stream", "hop stream"):
        print(f"| {name} | {found[name + ' cpu']:.0f} | {found[name + ' p50']:.0f} |")
    call = found["hop call cpu"] - found["bare call cpu"]
    chunk = (found["hop stream cpu"] - found["bare stream cpu"]) / CHUNKS
    added = found["hop call p50"] - found["bare call p50"]
    print(
        f"\nA call adds {call:.0f} µs of CPU and {added:.0f} µs of p50 to bare pooled HTTP; a chunk {chunk:.1f} µs."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
