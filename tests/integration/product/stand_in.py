"""An OpenAI-compatible server that says what a test tells it, when the test lets it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 30.0


@dataclass
class Call:
    """One request for an answer, held by a test: it says words, ends, fails or hangs up."""

    body: Any
    lines: Sequence[tuple[str, str]]
    orders: queue.Queue[Any] = field(default_factory=queue.Queue)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def asked(self) -> str:
        """The newest message."""
        return str(self.body["messages"][-1]["content"])

    def say(self, *words: str) -> Call:
        """Stream words."""
        for word in words:
            self.orders.put(("say", word))
        return self

    def end(self, reason: str = "stop") -> Call:
        """End the answer as a model does."""
        self.orders.put(("end", reason))
        return self

    def hang_up(self) -> Call:
        """Close the connection without an end."""
        self.orders.put(("hang up", ""))
        return self

    def refuse(self, status: int, message: str = "no") -> Call:
        """Answer with an error status; only before the first word."""
        self.orders.put(("refuse", (status, message)))
        return self

    def send_raw(self, data: bytes) -> Call:
        """Send bytes as they are in the body."""
        self.orders.put(("raw", data))
        return self


Script = Callable[[Call], object]


class ModelServer:
    """Serves `/v1/models` and `/v1/chat/completions` on a free port.

    A call is put on a queue, and the test that takes it decides; `on` lets a script answer calls whose newest
    message has a word, so that tests can share the server.
    """

    def __init__(self, models: tuple[str, ...] = ("stand-in",)) -> None:
        self.models = models
        self.seen: list[Call] = []
        self._calls: dict[str, queue.Queue[Call]] = {}
        self._scripts: dict[str, Script] = {}
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        """What AUTOBOT_OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def on(self, word: str, script: Script) -> None:
        """Let calls whose newest message has `word` be answered by `script`."""
        self._scripts[word] = script

    def arrived(self, call: Call) -> None:
        """Take a call: scripted, or for a test to take."""
        self.seen.append(call)
        said = call.asked
        for word, script in self._scripts.items():
            if word in said:
                script(call)
                return
        self._queue(said).put(call)

    def _queue(self, said: str) -> queue.Queue[Call]:
        with self._lock:
            return self._calls.setdefault(said, queue.Queue())

    def take(self, said: str) -> Call:
        """Return the next call whose newest message is this, waiting for it."""
        return self._queue(said).get(timeout=WAIT_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ModelServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left, killed perhaps, is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""

    def do_GET(self) -> None:
        models = self.server.owner.models
        data = [{"id": one, "object": "model", "created": 1, "owned_by": "test"} for one in models]
        self._whole(200, {"object": "list", "data": data})

    def do_POST(self) -> None:
        call = Call(json.loads(self.rfile.read(int(self.headers["content-length"]))), self.headers.items())
        self.server.owner.arrived(call)
        try:
            self._answer(call)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            call.ended.set()

    def _answer(self, call: Call) -> None:
        word, value = call.orders.get(timeout=WAIT_S)
        if word == "refuse":
            status, message = value
            self._whole(status, {"error": {"message": message, "type": "server_error"}})
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while True:
            if word == "say":
                self._event({"content": value}, None)
            elif word == "raw":
                self._chunk(value)
            elif word == "hang up":
                self.close_connection = True
                return
            elif word == "end":
                self._event({}, value)
                self._chunk(b"data: [DONE]\n\n")
                self._chunk(b"")
                return
            word, value = call.orders.get(timeout=WAIT_S)

    def _event(self, delta: Any, reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        document = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in"}
        self._chunk(b"data: " + json.dumps({**document, "choices": [choice]}).encode() + b"\n\n")

    def _whole(self, status: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
        self.wfile.flush()
