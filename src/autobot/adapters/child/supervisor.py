"""Starts a child process when it is first needed, watches it, ends it when it is not, and starts it again.

State, as a table: *idle* → starting (somebody needs it) → *ready* → idle (nobody needed it for long, or it ended by itself) or
*starting* → *failed* (it could not begin); *closed* is the end. After a failure or an early end the next start waits 1, 2, 4 … 60 s;
who needs it meanwhile waits while the pause is short, and is told when it is not. After a rest it starts at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import AutoBotError, ConnectFailed

INSIDE: Final = "autobot.adapters.child.inside"
LOG_LINES: Final = 200
LOG_LINE_MAX: Final = 500
ADDRESS_MAX: Final = 100
"""Bytes of a path that every system takes as the address of a socket."""
PAUSE_MAX_S: Final = 60.0
WAIT_FOR_S: Final = 5.0
"""A pause that ends sooner is waited for; a longer one is told at once."""

SOUND_AFTER_S: Final = 60.0
"""A process that ran for so long had no failed start; its end begins the pauses anew."""

GOODBYE_S: Final = 5.0
REST_S: Final = 15.0
"""Seconds that a process gets to end what others than we may have asked of it, when it is to rest."""
NOTICED_S: Final = 1.0
"""Seconds after which the end of a process is surely noticed."""

State = Literal["idle", "starting", "ready", "failed", "closed"]


class Plan(Protocol):
    """What runs as a child.

    Attributes:
        what: what people call it, as in "The local model server ended".
        module: what runs there: its `serve(wishes, tell)` tells {"ready": …} when it answers, and goes on.
        load_s: the most that beginning may take.
        environment: what the process sees; names that begin with AUTOBOT_ are taken out: they hold secrets.
    """

    @property
    def what(self) -> str: ...

    @property
    def module(self) -> str: ...

    @property
    def load_s(self) -> float: ...

    @property
    def environment(self) -> Mapping[str, str]: ...

    async def wishes(self) -> dict[str, Any]:
        """Return what the process is told besides where its socket is. Raises Absent, with the step that helps."""
        ...

    def refused(self, told: Mapping[str, Any]) -> AutoBotError:
        """Return what it means that the process could not begin; `told` is what it said, if anything."""
        ...


class Supervisor:
    """At most one child process. `run` owns it; `ready` waits until it answers.

    Its socket is at `socket` if that is short enough for an address, else in a folder of its own that only this user can
    enter. `target` is its address for a link. `idle_s` are the seconds after which a process that nobody needed is
    ended, None for never; who asks it says so by `in_use`, and what is in use is not ended.
    """

    def __init__(
        self, plan: Plan, clock: Clock, socket: Path | None = None, *, idle_s: float | None = None
    ) -> None:
        self._plan, self._clock, self.idle_s = plan, clock, idle_s
        self._own: Path | None = None
        if socket is None or len(os.fsencode(socket)) > ADDRESS_MAX:
            self._own = Path(tempfile.gettempdir()) / f"autobot-{secrets.token_hex(8)}"
            socket = self._own / (socket.name if socket else "child.sock")
        self._socket = socket
        self._wanted, self._changed = asyncio.Event(), asyncio.Event()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._error: AutoBotError | None = None
        self._failures = 0
        self._not_before = 0.0
        self.state: State = "idle"
        self.pid: int | None = None
        self.starts = 0
        """How often it became ready."""
        self.rests = 0
        """How often it was ended because nobody needed it."""
        self.load_s: float | None = None
        """Seconds that its last start took; None before the first."""
        self._uses, self._needed_at = 0, 0.0

    @property
    def target(self) -> str:
        """The address that the link calls."""
        return f"unix:{self._socket}"

    @property
    def trouble(self) -> str:
        """Why it ended or could not begin; empty when it did not."""
        return self._error.detail if self._error is not None else ""

    def log_tail(self) -> tuple[str, ...]:
        """Return the last lines that the process wrote, for the support bundle."""
        return tuple(self._log)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the process from being ended for the block; afterwards its time without need begins anew."""
        self._uses += 1
        try:
            yield
        finally:
            self._uses -= 1
            self._needed_at = self._clock.monotonic()

    async def ready(self) -> None:
        """Return when the process answers; start it if need be. Raises Absent or ConnectFailed.

        The caller bounds the wait by its own deadline.
        """
        while self.state != "ready":
            if self.state == "closed":
                raise ConnectFailed(f"The {self._plan.what} is closed.")
            pause = self._not_before - self._clock.monotonic()
            if self._error is not None and self.state in {"failed", "idle"} and pause > WAIT_FOR_S:
                raise self._error
            before = self._failures
            self._wanted.set()
            await self._changed.wait()
            if self.state == "failed" and self._error is not None and self._failures > before:
                raise self._error

    async def outlived(self, life: int) -> None:
        """Return when the life of this number is over, at most after a second."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTICED_S):
                while self.state == "ready" and self.starts == life:
                    await self._changed.wait()

    async def run(self) -> None:
        """Own the process until cancelled, then end it."""
        if self._own is not None:
            self._own.mkdir(mode=0o700)
        try:
            while True:
                await self._wanted.wait()
                await asyncio.sleep(max(0.0, self._not_before - self._clock.monotonic()))
                self._become("starting")
                began = self._clock.monotonic()
                try:
                    await self._live(await self._plan.wishes())
                except AutoBotError as error:
                    self._give_up(error, self._clock.monotonic() - began)
        finally:
            self._become("closed")
            await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
        else:
            self._socket.unlink(missing_ok=True)

    def _become(self, state: State) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()

    def _give_up(self, error: AutoBotError, lived: float) -> None:
        """Note why there is no process, and from when on to try again."""
        was_ready = self.state == "ready"
        self._failures = 1 if was_ready and lived >= SOUND_AFTER_S else self._failures + 1
        pause = min(2.0 ** (self._failures - 1), PAUSE_MAX_S)
        self._not_before = self._clock.monotonic() + pause
        self._error = error
        self._wanted.clear()
        self._become("idle" if was_ready else "failed")

    async def _live(self, wishes: dict[str, Any]) -> None:
        """Start the process and stay with it until it ends; returns when it was ended to rest.

        Raises ConnectFailed when it ended by itself, and what it means that it could not begin.
        """
        began = self._clock.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            INSIDE,
            self._plan.module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_without_secrets(self._plan.environment),
            limit=1 << 20,
        )
        self.pid = process.pid
        refused: AutoBotError | None = None
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read_log(process))
            try:
                await self._load(process, wishes)
                self._error = None
                self.starts += 1
                self._needed_at = self._clock.monotonic()
                self.load_s = self._needed_at - began
                self._become("ready")
                if await self._unneeded(process):
                    await self._rest(process)
                    return
            except AutoBotError as error:
                refused = error
            finally:
                await _end(process)
                self.pid = None
                reading.cancel()
        raise refused or ConnectFailed(
            f"The {self._plan.what} ended unexpectedly (exit code {process.returncode}); it is started again "
            "when it is needed."
        )

    async def _unneeded(self, process: asyncio.subprocess.Process) -> bool:
        """Return True when nobody needed the process for so long that it may rest, False when it ended before."""
        while True:
            left = self.idle_s
            if self.idle_s is not None and not self._uses:
                left = self._needed_at + self.idle_s - self._clock.monotonic()
                if left <= 0:
                    return True
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await process.wait()
                    return False

    async def _rest(self, process: asyncio.subprocess.Process) -> None:
        """End the process in order. Who needs it from now on waits for its next life."""
        self.rests += 1
        self._wanted.clear()
        self._become("idle")
        process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                await process.wait()

    async def _load(self, process: asyncio.subprocess.Process, wishes: dict[str, Any]) -> None:
        what, load_s = self._plan.what, self._plan.load_s
        if process.stdin is None or process.stdout is None:
            raise ConnectFailed(f"The {what} has no pipes.")
        self._socket.unlink(missing_ok=True)
        told_first = {**wishes, "parent": os.getpid(), "socket": str(self._socket)}
        process.stdin.write(json.dumps(told_first).encode() + b"\n")
        await process.stdin.drain()
        try:
            async with asyncio.timeout(load_s):
                line = await process.stdout.readline()
        except TimeoutError:
            raise ConnectFailed(f"The {what} was not ready within {load_s:.0f} s.") from None
        told: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
        if "ready" not in told:
            raise self._plan.refused(told)

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while line := await process.stderr.readline():
            self._log.append(line.decode("utf-8", "replace").rstrip()[:LOG_LINE_MAX])


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what is AutoBot's own."""
    return {name: value for name, value in environment.items() if not name.startswith("AUTOBOT_")}


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
