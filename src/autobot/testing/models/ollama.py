"""A stand-in for Ollama: a real HTTP server on a free port that plays the table of documented exchanges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from autobot.testing.models import ollama_table as table

FLUSH_S: Final = 0.0005
"""Pause between pieces, so that each arrives on its own."""


@dataclass(slots=True)
class OllamaStandIn:
    """The running server.

    Attributes:
        url: its address.
        asked: path and body of every request.
        loading: set when a request waits for its model to load.
        loaded: set it to let such a request go on.
        gone: how many clients left before their answer was whole.
        left: set when one did.
        models: the models that it has, of those in the table.
        failing: the status that it answers every question for text and vectors with, 0 for none.
    """

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    loading: asyncio.Event = field(default_factory=asyncio.Event)
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    gone: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    models: Sequence[str] = tuple(table.MODELS)
    failing: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone += 1
            self.left.set()
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether the connection goes on."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        request, *fields = head.split("\r\n")
        method, path, _ = request.split(" ")
        sizes = [one.split(":", 1)[1] for one in fields if one.lower().startswith("content-length:")]
        raw = await reader.readexactly(int(sizes[0])) if sizes else b""
        body: dict[str, Any] = json.loads(raw) if raw else {}
        self.asked.append((path, body))
        if (method, path) == ("POST", "/api/chat"):
            return await self._chat(body, writer)
        status, answer = self._plain(method, path, body)
        await _whole(writer, status, json.dumps(answer).encode())
        return True

    def _plain(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        match method, path:
            case "GET", "/api/version":
                return 200, {"version": "0.12.3"}
            case "GET", "/api/tags":
                details = {"format": "gguf", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
                found = [
                    {"name": name, "model": name, "size": 1, "digest": f"sha256:{name}", "details": details}
                    for name in self.models
                ]
                return 200, {"models": found}
            case "POST", "/api/show" | "/api/embed":
                refused = table.refusal_of(path, body)
                if refused:
                    return 400, {"error": f"{refused} is not documented"}
                if self.failing and path == "/api/embed":
                    return self.failing, {}
                if body["model"] not in self.models:
                    return 404, {"error": f"model '{body['model']}' not found"}
                return (200, table.shown(body["model"])) if path == "/api/show" else _embedded(body)
        return 404, {"error": "404 page not found"}

    async def _chat(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        refused = table.refusal_of("/api/chat", body)
        if refused:
            await _whole(writer, 400, json.dumps({"error": f"{refused} is not documented"}).encode())
            return True
        row = table.exchange_for(body)
        if self.failing:
            await _whole(writer, self.failing, b"{}")
            return True
        if row is None or body["model"] not in self.models:
            await _whole(writer, 404, json.dumps({"error": f"model '{body['model']}' not found"}).encode())
            return True
        if row.loads:
            self.loading.set()
            await self.loaded.wait()
        if row.status != 200:
            await _whole(writer, row.status, b"".join(row.pieces))
            return True
        return await self._stream(row, writer)

    async def _stream(self, row: table.Exchange, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for piece in row.pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(FLUSH_S)
            if writer.is_closing():
                raise ConnectionResetError
        if row.ending == "cut":
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _embedded(body: dict[str, Any]) -> tuple[int, Any]:
    if body["model"] != "embedder":
        return 400, {"error": "this model does not support embeddings"}
    texts: Sequence[str] = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors = [[float(len(one)), float(sum(one.encode()) % 97), 1.0] for one in texts]
    return 200, {"model": "embedder", "embeddings": vectors, "prompt_eval_count": sum(map(len, texts))}


async def _whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = (
        f"HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


@asynccontextmanager
async def ollama_stand_in() -> AsyncIterator[OllamaStandIn]:
    """Run a stand-in on a free port of this machine for the block."""
    stand_in = OllamaStandIn()
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stand_in
    finally:
        stand_in.loaded.set()
        server.close()
