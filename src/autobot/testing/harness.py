"""The whole product under test: as a child process that can be killed, and in this process on memory adapters."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.types import Message, Scope

from autobot.bootstrap.edge import Edge
from autobot.bootstrap.outside import memory_outside
from autobot.bootstrap.product import Product, assemble
from autobot.bootstrap.running import running
from autobot.bootstrap.serving import first_start
from autobot.config import Config
from autobot.testing.client import Client, Reply
from autobot.testing.processes import end_all

PASSWORD: Final = "correct horse battery"
"""The administrator's password in every harness."""

START_S: Final = 180.0
STOP_S: Final = 30.0
POLL_S: Final = 0.005
SAYS: Final = b"AutoBot is at "


class DidNotStart(Exception):
    """The child ended, or was not ready in time. Carries its exit code (None when it had to be killed)."""

    def __init__(self, exit_code: int | None, output: str) -> None:
        super().__init__(f"exit code {exit_code}: {output}")
        self.exit_code, self.output = exit_code, output


def environment_for(folder: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: this one's without AutoBot's names, then the harness's, then `given`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOBOT_")}
    own = {
        "AUTOBOT_DATA_DIR": str(folder),
        "AUTOBOT_ADMIN_PASSWORD": PASSWORD,
        # Only tests that are about it start a worker for inference: it takes seconds and 300 MB.
        "AUTOBOT_NPU_DEVICE": "NONE",
        "HOME": str(folder.parent),
    }
    return inherited | own | without_ollama() | dict(given or {})


def without_ollama() -> dict[str, str]:
    """Return the setting that keeps an Ollama of the tester's machine out; nothing where there is none."""
    try:
        socket.create_connection(("127.0.0.1", 11434), 0.2).close()
    except OSError:
        return {}
    return {"AUTOBOT_OLLAMA_URL": "http://127.0.0.1:9"}


def run_cli(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None, timeout_s: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run `autobot WORDS` on a data folder and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "autobot", *words],
        env=environment_for(folder, environment),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class ServerProcess:
    """`autobot up` as a child of this process, on a data folder of its own; `scaled` with every role in its own process.

    A context manager: started on entry, killed on exit whatever happened, with all that it started. `kill` is SIGKILL,
    `stop` SIGTERM, both of this process alone; both wait for its end. After a restart the address may differ unless `port` was given.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        scaled: tuple[str, ...] | None = None,
    ) -> None:
        """Prepare it. `scaled` are further words for `up --scaled`; None is one process."""
        self.folder, self.port = folder, port
        self._words = () if scaled is None else ("--scaled", *scaled)
        self.environment = dict(environment or {})
        self.address = ""
        self.starts = 0
        self.ready_after_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._session = ("", "")

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if (pid := self.running) is not None:
            # Left alone, roles take seconds to leave, or wait for a database that is gone.
            end_all(pid)
        self.kill()

    @property
    def pid(self) -> int:
        """The child's process id. Raises RuntimeError when there is none."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    @property
    def running(self) -> int | None:
        """The child's process id, None when it does not run."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def log_path(self) -> Path:
        """What all starts wrote to standard error. It lies beside the data folder, not in it."""
        return self.folder.with_name(self.folder.name + ".log")

    def log(self) -> str:
        """Return the log."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def spawn(self) -> float:
        """Start it and return at once, with the moment (monotonic seconds)."""
        began = time.monotonic()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "autobot", "up", "--port", str(self.port), *self._words],
                env=environment_for(self.folder, self.environment),
                cwd=self.folder.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.starts += 1
        return began

    def start(self) -> ServerProcess:
        """Start it and wait until it is ready. Raises DidNotStart."""
        began = self.spawn()
        try:
            self.address = self._told(began + START_S)
            self._until_ready(began + START_S)
        except BaseException:
            self.kill()
            raise
        self.ready_after_s = time.monotonic() - began
        return self

    def _told(self, until: float) -> str:
        """Return the address that the child prints."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        said = b""
        while True:
            left = until - time.monotonic()
            ready, _, _ = select.select([process.stdout], [], [], max(left, 0))
            piece = os.read(process.stdout.fileno(), 4096) if ready else b""
            said += piece
            for line in said.split(b"\n")[:-1]:
                if line.startswith(SAYS):
                    return line.removeprefix(SAYS).decode().strip()
            if not piece:
                code = None if ready == [] else process.wait(STOP_S)
                raise DidNotStart(code, said.decode(errors="replace") + self.log())

    def _until_ready(self, until: float) -> None:
        """Wait until it takes work. It prints the public address; readiness is asked at the local one."""
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                raise DidNotStart(self._process.returncode, self.log())
            if self._takes_work():
                return
            time.sleep(POLL_S)
        raise DidNotStart(None, "not ready in time: " + self.log())

    def _takes_work(self) -> bool:
        try:
            with Client(self.local) as client:
                return client.get("/api/v1/system/health/ready").status == 200
        except OSError:
            return False

    @property
    def local(self) -> str:
        """The address on this machine, as the lock file tells it."""
        told = json.loads((self.folder / "autobot.lock").read_text(encoding="utf-8"))
        return str(told["address"])

    def _end(self, word: signal.Signals, timeout_s: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(word)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()

    def kill(self) -> None:
        """End it by SIGKILL and wait."""
        self._end(signal.SIGKILL, STOP_S)

    def stop(self) -> int:
        """End it by SIGTERM and return the exit code. Raises TimeoutExpired after killing it."""
        return self._end(signal.SIGTERM, STOP_S)

    def wait(self) -> int:
        """Wait for its end by itself, or by a signal that somebody sent, and return the exit code."""
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("the server was not started")
        with process:
            return process.wait(STOP_S)

    def restart(self) -> ServerProcess:
        """Kill it and start it again on the same data."""
        self.kill()
        return self.start()

    def client(self, *, key: str = "") -> Client:
        """Return a client of the running server; the caller closes it."""
        return Client(self.local, key=key)

    def key(self, *scopes: str, name: str = "test") -> str:
        """Make an API key as the administrator, who signs in once for all. Raises AssertionError when that fails."""
        body = {"name": name, "scopes": list(scopes or ("*",))}
        with self.client() as admin:
            # Sign-ins are limited per name. The session may have ended since, or the data be another's.
            admin.cookie, admin.csrf = self._session
            made = admin.post("/api/v1/auth/keys", body) if admin.cookie else None
            if made is None or made.status == 401:
                admin.cookie = admin.csrf = ""
                admin.sign_in("admin", PASSWORD).expect(200)
                self._session = (admin.cookie, admin.csrf)
                made = admin.post("/api/v1/auth/keys", body)
            return str(made.expect(201).json["key"])


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# ------------------------------------------------------------------------------------------- in this process


@dataclass
class App:
    """The whole product in this process, on memory adapters: `await app("GET", "/api/v1/…")`."""

    product: Product
    edge: Edge
    peer: str = "127.0.0.1"
    cookie: str = ""
    csrf: str = ""

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request through the edge and return the whole answer."""
        fields = {"host": "autobot.test", **dict(headers or {})}
        data = raw or b""
        if body is not None:
            data = json.dumps(body).encode()
            fields.setdefault("content-type", "application/json")
        if data:
            fields["content-length"] = str(len(data))
        if self.cookie:
            fields.setdefault("cookie", self.cookie)
            fields.setdefault("x-csrf-token", self.csrf)
        return await exchange(self.edge.app, self._scope(method, path, fields), data)

    def _scope(self, method: str, path: str, fields: Mapping[str, str]) -> Scope:
        bare, _, query = path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": bare,
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
            "client": (self.peer, 40000),
            "server": ("127.0.0.1", 8001),
            "state": {},
        }

    async def sign_in(self, username: str = "admin", password: str = PASSWORD) -> Reply:
        """Sign in and keep the session."""
        given = {"username": username, "password": password}
        reply = await self("POST", "/api/v1/auth/login", given)
        if reply.status == 200:
            self.cookie = reply.cookies[0].partition(";")[0]
            self.csrf = reply.json["csrf_token"]
        return reply

    def other(self) -> App:
        """Return another visitor of the same product."""
        return App(self.product, self.edge, self.peer)


async def exchange(app: Any, scope: Scope, body: bytes) -> Reply:
    """Run one request through an ASGI application."""
    pieces = [body]
    start: dict[str, Any] = {}
    answer = bytearray()

    async def receive() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": False}
        # The client stays until it has its answer.
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            answer.extend(message.get("body", b""))

    await app(scope, receive, send)
    fields = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    cookies = tuple(value for name, value in fields if name == "set-cookie")
    return Reply(start["status"], dict(fields), bytes(answer), cookies)


@asynccontextmanager
async def in_process(
    environment: Mapping[str, str] | None = None, *, overlay: Path | None = None
) -> AsyncIterator[App]:
    """Run the whole product on memory adapters for the block, with its administrator."""
    given = {name.removeprefix("AUTOBOT_"): value for name, value in without_ollama().items()}
    given |= dict(environment or {})
    config = Config(admin_password=PASSWORD, environment=given, matrix_overlay=overlay, npu_device="NONE")
    product = assemble(config, memory_outside())
    edge = Edge(product)
    async with running(product):
        await first_start(product)
        edge.lifecycle.ready()
        yield App(product, edge)
