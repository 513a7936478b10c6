"""The model gateway hop: CPU per request at 32 in flight, and what is added to the first token.

A model server that answers from memory, the whole product (key, quota, links, breakers, the OpenAI dialect on both
sides) and a bare pooled aiohttp proxy on the same web server each run in a process of their own; this process asks
them over 32 kept connections. CPU is the middle process's own (`/proc/PID/stat`). Rounds are interleaved.

    python -m bench.gateway_hop [--rounds 5] [--requests 3000]
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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

IN_FLIGHT = 32
BARS = {"cpu_us": 170.0, "first_token_ms": 0.5}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
WORDS = ("The", " sky", " is", " blue", " because", " of", " scattering", ".")

# ------------------------------------------------------------------------------------------ the model server


def _event(document: Any) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def _chunk(delta: Any, reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


USAGE = {"prompt_tokens": 12, "completion_tokens": len(WORDS), "total_tokens": 12 + len(WORDS)}
EVENTS = (
    _event(_chunk({"role": "assistant", "content": ""})),
    *(_event(_chunk({"content": word})) for word in WORDS),
    _event(_chunk({}, "stop")),
    _event({**_chunk({}), "choices": [], "usage": USAGE}),
    b"data: [DONE]\n\n",
)
WHOLE = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    }
).encode()
LIST = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()


def _answer(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


def _streamed(events: tuple[bytes, ...]) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in events) + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Answers each request from memory, as soon as its body is there."""

    stream, whole, models = (
        _streamed(EVENTS),
        _answer(b"application/json", WHOLE),
        _answer(b"application/json", LIST),
    )

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            if head.startswith(b"get"):
                self.transport.write(self.models)
            else:
                streams = b'"stream":true' in body.replace(b" ", b"")
                self.transport.write(self.stream if streams else self.whole)


async def upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# ------------------------------------------------------------------------------------------------- the floor


def bare_proxy(target: str) -> Any:
    """A proxy that does nothing but pass on: pooled aiohttp under the same web server."""
    session: Any = None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal session
        if scope["type"] != "http":
            return
        if session is None:
            import aiohttp

            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256))
        body = (await receive())["body"]
        headers = {"content-type": "application/json"}
        async with session.post(target + scope["path"], data=body, headers=headers) as answer:
            kind = answer.headers["content-type"].encode()
            await send(
                {"type": "http.response.start", "status": answer.status, "headers": [(b"content-type", kind)]}
            )
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def proxy(target: str) -> None:
    import socket

    import uvicorn

    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    print(bound.getsockname()[1], flush=True)
    config = uvicorn.Config(
        bare_proxy(target),
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[bound])


@contextlib.contextmanager
def child(*words: str) -> Iterator[tuple[int, int]]:
    """Run this module in another role; give its process id and port."""
    process = subprocess.Popen([sys.executable, "-m", "bench.gateway_hop", *words], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


# ------------------------------------------------------------------------------------------------ the client


def request(port: int, key: str, *, stream: bool) -> bytes:
    body = json.dumps(
        {
            "model": "openai:m",
            "messages": [{"role": "user", "content": "Why is the sky blue?"}],
            "temperature": 0.2,
            "max_tokens": 64,
            "stream": stream,
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def exchange(reader: Any, writer: Any, wire: bytes) -> float:
    """Ask once; return when the first piece of the body came."""
    writer.write(wire)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"it answered {head.decode()}")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lower[at + 15 :].split(b"\r\n", 1)[0]))
        return time.perf_counter()
    size = int(await reader.readuntil(b"\r\n"), 16)
    first = time.perf_counter()
    while size:
        await reader.readexactly(size + 2)
        size = int(await reader.readuntil(b"\r\n"), 16)
    await reader.readexactly(2)
    return first


async def load(port: int, wire: bytes, requests: int) -> None:
    """Send so many requests over kept connections."""
    left = iter(range(requests))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            await exchange(reader, writer, wire)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(worker())


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


async def cpu_us(pid: int, port: int, wire: bytes, requests: int) -> float:
    before = cpu_s(pid)
    await load(port, wire, requests)
    return (cpu_s(pid) - before) / requests * 1e6


async def first_token_ms(port: int, wire: bytes, times: int) -> float:
    """Median time from sending to the first piece of the answer, one request at a time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        took.append(await exchange(reader, writer, wire) - began)
    writer.close()
    return statistics.median(took) * 1000


# ------------------------------------------------------------------------------------------------------ run


@contextlib.contextmanager
def product(target: str, more: Mapping[str, str] | None = None) -> Iterator[tuple[int, int, str]]:
    """Run AutoBot on a new folder, with the quota opened wide; give process id, port and a key."""
    from autobot.testing.client import Client
    from autobot.testing.harness import PASSWORD, ServerProcess, run_cli

    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", {"AUTOBOT_OPENAI_BASE_URL": target, **(more or {})})
        with server:
            with Client(server.address) as client:
                client.sign_in("admin", PASSWORD).expect(200)
                client("PUT", "/api/v1/settings/limits.default_per_minute", {"value": 1_000_000}).expect(200)
            server.stop()
            server.start()
            made = run_cli(server.folder, "keys", "create", "bench", "--scope", "*")
            yield server.pid, int(server.address.rpartition(":")[2]), made.stdout.strip()


async def measure(rounds: int, requests: int) -> dict[str, Any]:
    with child("upstream") as (_, direct):
        target = f"http://127.0.0.1:{direct}"
        with child("proxy", target) as (floor_pid, floor_port), product(target) as (pid, port, key):
            sides = {"bare aiohttp proxy": (floor_pid, floor_port), "AutoBot": (pid, port)}
            found: dict[str, Any] = {}
            for name, stream in (("whole", False), ("stream", True)):
                figures: dict[str, list[float]] = {side: [] for side in sides}
                for _, at in sides.values():
                    await load(at, request(at, key, stream=stream), 500)
                for _ in range(rounds):
                    for side, (process, at) in sides.items():
                        wire = request(at, key, stream=stream)
                        figures[side].append(await cpu_us(process, at, wire, requests))
                found[name] = {side: statistics.median(times) for side, times in figures.items()}
            firsts: dict[str, list[float]] = {"direct": [], **{side: [] for side in sides}}
            for _ in range(rounds):
                for side, at in {"direct": direct, **{one: sides[one][1] for one in sides}}.items():
                    firsts[side].append(await first_token_ms(at, request(at, key, stream=True), 200))
            found["first_token_ms"] = {side: statistics.median(times) for side, times in firsts.items()}
            return found


def report(found: dict[str, Any]) -> None:
    for name in ("whole", "stream"):
        for side, us in found[name].items():
            bar = f"   bar {BARS['cpu_us']:.0f}  {'met' if us <= BARS['cpu_us'] else 'MISSED'}"
            shown = bar if side == "AutoBot" else ""
            print(f"{name:7} {side:20} {us:7.1f} µs CPU a request at {IN_FLIGHT} in flight{shown}")
    direct = found["first_token_ms"].pop("direct")
    for side, ms in found["first_token_ms"].items():
        added = ms - direct
        bar = f"   bar {BARS['first_token_ms']}  {'met' if added <= BARS['first_token_ms'] else 'MISSED'}"
        print(
            f"first token {side:20} {added:6.3f} ms added to {direct:.3f}{bar if side == 'AutoBot' else ''}"
        )


def main() -> int:
    if sys.argv[1:2] == ["upstream"]:
        import uvloop

        uvloop.run(upstream())
    elif sys.argv[1:2] == ["proxy"]:
        proxy(sys.argv[2])
    else:
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--requests", type=int, default=3000)
        options = parser.parse_args()
        report(asyncio.run(measure(options.rounds, options.requests)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
