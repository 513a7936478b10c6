"""Starts the child process when it is first needed, watches it, and starts it again after a pause.

State, as a table: *idle* → starting (somebody needs it) → *ready* → idle (it ended by itself; counted) or
*starting* → *failed* (it could not load); *closed* is the end. After a failure or an early end the next start waits 1, 2, 4 … 60 s;
who needs it meanwhile waits while the pause is short, and is told when it is not.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from autobot.adapters.llamacpp.header import Header, NotGguf, read_header
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Absent, AutoBotError, ConfigurationError, ConnectFailed

PART: Final = "llamacpp"
INSTALL: Final = "autobot add local-llm"
LOG_LINES: Final = 200
LOG_LINE_MAX: Final = 500
PAUSE_MAX_S: Final = 60.0
WAIT_FOR_S: Final = 5.0
"""A pause that ends sooner is waited for; a longer one is told at once."""

SOUND_AFTER_S: Final = 60.0
"""A process that ran for so long had no failed start; its end begins the pauses anew."""

GOODBYE_S: Final = 5.0

State = Literal["idle", "starting", "ready", "failed", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How a file is served. Times in seconds.

    Attributes:
        file: the GGUF file.
        window: tokens of one conversation, at most (256–1,000,000); the file's own is the other bound.
        parallel: conversations at once (1–64); each takes memory for a whole window.
        threads: processor threads, 0 for llama.cpp's choice.
        cache_mib: memory for prompts that were read before, 0 for none.
        load_s: the most that loading may take (1–3,600).
        environment: what the process sees, AUTOBOT_* is taken out: it holds secrets.
    """

    file: Path
    window: int = 8192
    parallel: int = 1
    threads: int = 0
    cache_mib: int = 256
    load_s: float = 600.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 256 <= self.window <= 1_000_000 or not 1 <= self.parallel <= 64:
            raise ConfigurationError("The local model's window must be 256–1,000,000 and parallel 1–64.")
        if self.threads < 0 or self.cache_mib < 0 or not 1 <= self.load_s <= 3_600:
            raise ConfigurationError("The local model's threads, cache or load time are out of range.")


class LlamaServer:
    """One file, at most one child process. `run` owns it; `ready` waits until it answers.

    The socket lies in a folder of its own that only this user can enter (its path is short, which addresses of
    sockets must be). `target` is its address for the link.
    """

    def __init__(self, options: LlamaOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self._folder = Path(tempfile.gettempdir()) / f"autobot-{secrets.token_hex(8)}"
        self._socket = self._folder / "llama.sock"
        self._wanted, self._changed = asyncio.Event(), asyncio.Event()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._error: AutoBotError | None = None
        self._failures = 0
        self._not_before = 0.0
        self._served: Header | None = None
        self.state: State = "idle"
        self.pid: int | None = None

    @property
    def target(self) -> str:
        """The address that the link calls."""
        return f"unix:{self._socket}"

    @property
    def name(self) -> str:
        """The model's name: the file's, without its ending."""
        return self._options.file.stem

    def log_tail(self) -> tuple[str, ...]:
        """Return the last lines that llama.cpp wrote, for the support bundle."""
        return tuple(self._log)

    async def header(self) -> Header:
        """Return what the file says of itself. Raises Absent, with the step that helps."""
        file = self._options.file
        if importlib.util.find_spec("xllamacpp") is None:
            raise Absent(PART, "llama.cpp is not installed.", hint=INSTALL)
        try:
            return await asyncio.to_thread(read_header, file)
        except FileNotFoundError:
            raise Absent(PART, f"There is no file {file}.", hint="Set model.file to a GGUF file") from None
        except NotGguf as error:
            raise Absent(
                PART, f"{file} is not a GGUF file: {error}.", hint="Set model.file to one"
            ) from error
        except OSError as error:
            raise Absent(
                PART, f"{file} cannot be read ({error.strerror}).", hint="Let AutoBot's user read it"
            ) from error

    async def embeds(self) -> bool:
        """Return whether the file is a model that embeds: the one that is served, else what its header says now.

        Raises as `header`.
        """
        return (self._served or await self.header()).pooling is not None

    def window(self, header: Header) -> int:
        """Return the tokens of one conversation."""
        return min(self._options.window, header.window or self._options.window)

    async def ready(self) -> None:
        """Return when the server answers; start it if need be. Raises Absent or ConnectFailed.

        The caller bounds the wait by its own deadline.
        """
        while self.state != "ready":
            if self.state == "closed":
                raise ConnectFailed("The local model server is closed.")
            pause = self._not_before - self._clock.monotonic()
            if self._error is not None and self.state in {"failed", "idle"} and pause > WAIT_FOR_S:
                raise self._error
            before = self._failures
            self._wanted.set()
            await self._changed.wait()
            if self.state == "failed" and self._error is not None and self._failures > before:
                raise self._error

    async def run(self) -> None:
        """Own the process until cancelled, then end it."""
        self._folder.mkdir(mode=0o700)
        try:
            while True:
                await self._wanted.wait()
                await asyncio.sleep(max(0.0, self._not_before - self._clock.monotonic()))
                self._become("starting")
                began = self._clock.monotonic()
                try:
                    await self._live(await self.header())
                except AutoBotError as error:
                    self._give_up(error, self._clock.monotonic() - began)
        finally:
            self._become("closed")
            shutil.rmtree(self._folder, ignore_errors=True)

    def _become(self, state: State) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()

    def _give_up(self, error: AutoBotError, lived: float) -> None:
        """Note why there is no server, and from when on to try again."""
        was_ready = self.state == "ready"
        self._failures = 1 if was_ready and lived >= SOUND_AFTER_S else self._failures + 1
        pause = min(2.0 ** (self._failures - 1), PAUSE_MAX_S)
        self._not_before = self._clock.monotonic() + pause
        self._error = error
        self._wanted.clear()
        self._become("idle" if was_ready else "failed")

    async def _live(self, header: Header) -> None:
        """Start the process and stay with it until it ends. Always raises."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "autobot.adapters.llamacpp.server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_without_secrets(self._options.environment),
            limit=1 << 20,
        )
        self.pid = process.pid
        refused: AutoBotError | None = None
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read_log(process))
            try:
                await self._load(process, header)
                self._error, self._served = None, header
                self._become("ready")
                await process.wait()
            except AutoBotError as error:
                refused = error
            finally:
                self._served = None
                await _end(process)
                self.pid = None
                reading.cancel()
        raise refused or ConnectFailed(
            f"The local model server ended unexpectedly (exit code {process.returncode}); it is started again "
            "when it is needed."
        )

    async def _load(self, process: asyncio.subprocess.Process, header: Header) -> None:
        if process.stdin is None or process.stdout is None:
            raise ConnectFailed("The local model server has no pipes.")
        process.stdin.write(json.dumps(self._wishes(header)).encode() + b"\n")
        await process.stdin.drain()
        try:
            async with asyncio.timeout(self._options.load_s):
                line = await process.stdout.readline()
        except TimeoutError:
            raise ConnectFailed(f"{self.name} was not loaded within {self._options.load_s:.0f} s.") from None
        told: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
        if "ready" not in told:
            raise Absent(
                PART,
                f"llama.cpp could not load {self._options.file}: it may be damaged, of a kind that is not known, "
                "or too large for this machine.",
                hint="Look at the log of the local model in the support bundle, or choose another file",
            )

    def _wishes(self, header: Header) -> dict[str, Any]:
        self._socket.unlink(missing_ok=True)
        return {
            "parent": os.getpid(),
            "file": str(self._options.file),
            "name": self.name,
            "socket": str(self._socket),
            "window": self.window(header),
            "parallel": self._options.parallel,
            "threads": self._options.threads,
            "cache_mib": self._options.cache_mib,
            "pooling": header.pooling,
        }

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await process.stderr.readline():
            self._log.append(line.decode("utf-8", "replace").rstrip()[:LOG_LINE_MAX])


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what is AutoBot's own, and with llama.cpp's debugger hook off."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AUTOBOT_")}
    return {**kept, "GGML_NO_BACKTRACE": "1"}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let the process end by closing its input; kill it when it does not."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(GOODBYE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
