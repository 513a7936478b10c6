"""WebSockets: time to open one, memory of each, CPU of one frame to 1,000 sessions; ours beside bare uvicorn.

The server runs in a process of its own and measures itself; this process dials. Rounds are interleaved.

    python -m bench.websocket
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn

SESSIONS, FRAMES, HANDSHAKES, ROUNDS = 1_000, 40, 400, 4
BARS = {"establish_ms": 0.5, "memory_kib": 30.0, "fanout_ms": 13.0}
FRAME = {
    "id": "0199a3c4-1111-7222-8333-444455556666",
    "type": "autobot.runs.step_started.v1",
    "data": {"step": "x" * 120},
}


# ------------------------------------------------------------------------------------------------- servers


def rss_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024


def bare() -> tuple[Any, Callable[[], Awaitable[None]]]:
    """An application that accepts and sends; nothing else."""
    sockets: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        sockets.append(send)
        try:
            while (await receive())["type"] != "websocket.disconnect":
                continue
        finally:
            sockets.remove(send)

    async def publish() -> None:
        text = json.dumps({"type": "event", "channel": "system", "seq": 1, "event": FRAME})
        for send in tuple(sockets):
            await send({"type": "websocket.send", "text": text})

    return app, publish


def edge() -> tuple[Any, Callable[[], Awaitable[None]]]:
    """The product's edge with one channel."""
    from autobot.gateway.app import create_app
    from autobot.gateway.realtime import frames
    from autobot.gateway.realtime.fanout import Fanout, Head
    from bench.edge import parts

    class Source:
        async def authorize(self, channel: str, context: Any) -> None: ...

        async def head(self, channel: str) -> Head:
            return Head(0)

        async def history(self, channel: str, after: int) -> AsyncIterator[Any]:
            for nothing in ():
                yield nothing

        async def snapshots(self, channel: str) -> Sequence[Any]:
            return ()

    seq = 0
    fanout = Fanout({"system": Source()})

    async def publish() -> None:
        nonlocal seq
        seq += 1
        fanout.publish(frames.event("system", seq, FRAME))

    return create_app(parts(fanout=fanout)), publish


async def serve(kind: str) -> None:
    """Serve until told to stop; commands come as lines, answers go as JSON lines."""
    app, publish = bare() if kind == "bare" else edge()
    config = uvicorn.Config(
        app,
        port=0,
        http="httptools",
        ws="websockets-sansio",
        lifespan="auto",
        log_config=None,
        ws_max_size=16_384,
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        while command := (await lines.readline()).decode().strip():
            if command == "publish":
                await publish()
            elif command == "memory":
                gc.collect()
            print(json.dumps({"rss_kib": rss_kib(), "cpu_s": time.process_time()}), flush=True)
        server.should_exit = True


# ------------------------------------------------------------------------------------------------- clients


class Client(asyncio.Protocol):
    """Dials, upgrades, counts what arrives."""

    def __init__(self, subscribe: bool) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.subscribe, self.bytes = subscribe, 0
        self.ready = not subscribe

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        host, port = transport.get_extra_info("peername")
        lines = (
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Authorization: Bearer alice-key\r\n\r\n"
        )
        transport.write(lines.encode())

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            if not data.startswith(b"HTTP/1.1 101"):
                raise SystemExit(data.decode())
            self.opened.set_result(None)
            if self.subscribe:
                text = b'{"type":"subscribe","channel":"system"}'
                self.transport.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
            data = data.partition(b"\r\n\r\n")[2]
        if b'"subscribed"' in data:
            self.ready = True
            data = b""
        self.bytes += len(data)


async def dial(port: int, subscribe: bool) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(subscribe), "127.0.0.1", port
    )
    await client.opened
    return client


class Server:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port

    async def ask(self, command: str) -> dict[str, float]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command.encode() + b"\n")
        found: dict[str, float] = json.loads(await self.process.stdout.readline())
        return found


async def start(kind: str) -> Server:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.websocket",
        "serve",
        kind,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    return Server(process, int(await process.stdout.readline()))


async def measure(kind: str) -> dict[str, float]:
    server = await start(kind)
    try:
        times = []
        for _ in range(HANDSHAKES):
            began = time.perf_counter()
            client = await dial(server.port, False)
            times.append(time.perf_counter() - began)
            client.transport.abort()
        await asyncio.sleep(0.3)
        before = await server.ask("memory")
        clients = [await dial(server.port, kind == "edge") for _ in range(SESSIONS)]
        while not all(one.ready for one in clients):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        opened = await server.ask("memory")
        cpu = []
        for _ in range(FRAMES):
            expected = [one.bytes for one in clients]
            began = (await server.ask("look"))["cpu_s"]
            await server.ask("publish")
            while any(one.bytes == was for one, was in zip(clients, expected, strict=True)):
                await asyncio.sleep(0.001)
            cpu.append((await server.ask("look"))["cpu_s"] - began)
        for one in clients:
            one.transport.abort()
        return {
            "establish_ms": statistics.median(times) * 1e3,
            "memory_kib": (opened["rss_kib"] - before["rss_kib"]) / SESSIONS,
            "fanout_ms": statistics.median(cpu) * 1e3,
        }
    finally:
        assert server.process.stdin
        server.process.stdin.close()
        await server.process.wait()


async def main() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8_192)), hard))
    found: dict[str, list[dict[str, float]]] = {"bare": [], "edge": []}
    for _ in range(ROUNDS):
        for kind, results in found.items():
            results.append(await measure(kind))
    for name, bar in BARS.items():
        ours, floor = (statistics.median(one[name] for one in found[kind]) for kind in ("edge", "bare"))
        verdict = "met" if ours <= bar else "MISSED"
        print(f"{name:14} edge {ours:8.3f}   bare uvicorn {floor:8.3f}   bar {bar:6.1f}  {verdict}")
    if "--json" in sys.argv:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(sys.argv[2]))
        sys.exit(0)
    sys.exit(asyncio.run(main()))
