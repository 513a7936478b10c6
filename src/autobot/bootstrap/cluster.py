"""`autobot up --scaled`: every role as a process of its own on one machine, for trial.

The parent owns the data folder and the public socket; it keeps its children running, and at SIGHUP it exchanges them
role by role without a refused request: the new ones take work before the old ones leave. Children end when their parent does.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from autobot.adapters.system.lock import locked_folder
from autobot.adapters.vault.vault import load_or_create_key
from autobot.bootstrap.accelerators import NONE, need_installed
from autobot.bootstrap.outside import has_grpc, key_path
from autobot.bootstrap.parent import READY
from autobot.bootstrap.role import SIGN_IN, need_scaled
from autobot.bootstrap.server import address_of, listen
from autobot.config import PREFIX, Config
from autobot.contracts.roles import RoleName
from autobot.kernel.core.errors import OperatorError

READY_S: Final = 120.0
"""Seconds that a role gets to take work."""
END_S: Final = 40.0
"""Seconds that a role gets to leave before it is ended."""
PAUSE_S: Final = (0.2, 30.0)
"""Shortest and longest pause before a role that ended by itself is started again."""
STEADY_S: Final = 30.0
"""Seconds after which a role counts as running well: its next end is answered at once again."""
ORDER: Final[tuple[RoleName, ...]] = ("backend", "npu", "ai", "gateway")
"""Order of the start; stopping goes the other way."""
MOST: Final = 16
"""Processes of one role."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many processes of each role run (1–16), and how many workers for inference (0–16).

    Without workers an ai process starts one of its own when it needs it.
    """

    backends: int = 1
    ais: int = 1
    gateways: int = 1
    npus: int = 0

    def __post_init__(self) -> None:
        """Raise OperatorError for a count out of range."""
        for role, count in self.counts().items():
            least = 0 if role == "npu" else 1
            if not least <= count <= MOST:
                raise OperatorError(
                    f"{count} processes of the role {role} cannot run here.", hint=f"{least} to {MOST} can."
                )

    def counts(self) -> Mapping[RoleName, int]:
        """Return the count by role."""
        return {"backend": self.backends, "npu": self.npus, "ai": self.ais, "gateway": self.gateways}

    def fits(self, config: Config) -> None:
        """Raise Absent or OperatorError when workers are wanted that cannot run here, or that nobody would ask."""
        if not self.npus:
            return
        need_installed()
        if config.npu_device == NONE:
            raise OperatorError(
                "AUTOBOT_NPU_DEVICE=NONE wants no worker.", hint="Leave it out, or leave --npus out."
            )
        if config.npu_urls:
            raise OperatorError(
                "AUTOBOT_NPU_URL names other workers: those started here would get no calls.",
                hint="Leave it out, or leave --npus out.",
            )


@dataclass(slots=True)
class Child:
    """One process of a role."""

    role: RoleName
    slot: int
    process: asyncio.subprocess.Process
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    sign_in: str = ""
    leaving: bool = False

    @property
    def name(self) -> str:
        """As people see it."""
        return f"{self.role} {self.slot} (process {self.process.pid})"


class Cluster:
    """The processes of all roles. `announce` hears what people should read."""

    def __init__(self, config: Config, plan: Plan, public: socket.socket, say: Say) -> None:
        self._config, self._plan, self._public, self._say = config, plan, public, say
        self._children: dict[tuple[RoleName, int], Child] = {}
        self._taken: set[tuple[RoleName, int]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()
        self._rolling = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Run every role for the block; yields the token link that the first start made, if any."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            link = ""
            try:
                # The first backend makes the tables; all others find them.
                first = await self._start("backend")
                await self._until_ready(first)
                link = first.sign_in
                counts = self._plan.counts()
                rest = [role for role in ORDER for _ in range(counts[role] - (role == "backend"))]
                for child in [await self._start(role) for role in rest]:
                    await self._until_ready(child)
                yield link
            finally:
                self._stopping.set()
                for role in reversed(ORDER):
                    own = [one for one in self._children.values() if one.role == role]
                    await asyncio.gather(*(self._end(one) for one in own))

    async def roll(self) -> None:
        """Exchange every process for a new one, role by role. When a new one does not get ready, the old ones stay."""
        async with self._rolling:
            for role in ORDER:
                old = [one for one in self._children.values() if one.role == role and not one.leaving]
                new = [await self._start(role) for _ in old]
                try:
                    for one in new:
                        await self._until_ready(one)
                except OperatorError as error:
                    self._say(f"{error.detail} The old ones stay.")
                    await asyncio.gather(*(self._end(one) for one in new))
                    return
                await asyncio.gather(*(self._end(one) for one in old))
        self._say("Every role runs in a new process.")

    # ----------------------------------------------------------------------------------------- processes

    def _slot(self, role: RoleName) -> int:
        """Take the lowest slot that is free: it is taken before anything is waited for."""
        slot = next(number for number in range(1, len(self._taken) + 2) if (role, number) not in self._taken)
        self._taken.add((role, slot))
        return slot

    async def _start(self, role: RoleName) -> Child:
        slot = self._slot(role)
        words = [sys.executable, "-m", "autobot", "serve", role, "--slot", str(slot), "--child"]
        descriptors: Sequence[int] = ()
        if role == "gateway":
            descriptors = (self._public.fileno(),)
            words += ["--descriptor", str(descriptors[0])]
        else:
            words += ["--port", "0"]
        if role == "npu" and has_grpc():
            # A worker does not follow the matrix: it has to take by now what the row ai-npu may say later.
            words += ["--grpc-port", "0"]
        process = await asyncio.create_subprocess_exec(
            *words,
            env=self._environment(role),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
        )
        child = self._children[(role, slot)] = Child(role, slot, process)
        assert self._group is not None
        self._group.create_task(self._watch(child))
        return child

    def _environment(self, role: RoleName) -> dict[str, str]:
        given = {f"{PREFIX}{name}": value for name, value in self._config.environment.items()}
        own = {f"{PREFIX}SECRET_KEY_FILE": str(key_path(self._config))}
        if role != "gateway":
            # Only the gateway is for others; between the roles of one machine loopback is enough.
            own |= {f"{PREFIX}HOST": "127.0.0.1"}
            for name in ("TLS_CERT", "TLS_KEY", "ALLOW_INSECURE_BIND", "PORT"):
                given.pop(f"{PREFIX}{name}", None)
        return {**self._config.inherited, **given, **own}

    async def _watch(self, child: Child) -> None:
        """Read what a child says until it ends; start another one when nobody asked it to end."""
        began = asyncio.get_running_loop().time()
        output = child.process.stdout
        assert output is not None
        async for line in output:
            text = line.decode(errors="replace").strip()
            if text.startswith(SIGN_IN):
                child.sign_in = text.removeprefix(SIGN_IN).strip()
            elif text.startswith(READY):
                child.ready.set()
            else:
                self._say(f"{child.role} {child.slot}: {text}")
        code = await child.process.wait()
        self._children.pop((child.role, child.slot), None)
        self._taken.discard((child.role, child.slot))
        was_ready, pause = child.ready.is_set(), PAUSE_S[0]
        child.ready.set()
        if child.leaving or self._stopping.is_set() or not was_ready:
            return
        self._say(f"The {child.name} ended by itself (exit code {code}); another one is started.")
        if asyncio.get_running_loop().time() - began < STEADY_S:
            pause = min(PAUSE_S[1], PAUSE_S[0] * 5)
        await self._replace(child.role, pause)

    async def _replace(self, role: RoleName, pause: float) -> None:
        """Start another one, again and again until one takes work."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
                return
            except TimeoutError:
                pass
            new = await self._start(role)
            try:
                await self._until_ready(new)
            except OperatorError as error:
                self._say(error.detail)
                await self._end(new)
                pause = min(PAUSE_S[1], pause * 2)
            else:
                return

    async def _until_ready(self, child: Child) -> None:
        """Wait until it takes work. Raises OperatorError when it ends before, or is not ready in time."""
        try:
            async with asyncio.timeout(READY_S):
                await child.ready.wait()
        except TimeoutError:
            raise OperatorError(f"The {child.name} was not ready within {READY_S:.0f} s.") from None
        if child.process.returncode is not None:
            raise OperatorError(
                f"The {child.name} did not start (exit code {child.process.returncode}).",
                hint="Its message stands above.",
            )

    async def _end(self, child: Child) -> None:
        child.leaving = True
        if child.process.returncode is None:
            child.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await child.process.wait()
        except TimeoutError:
            self._say(f"The {child.name} did not leave within {END_S:.0f} s and was ended.")
            child.process.kill()
            await child.process.wait()


async def run_cluster(config: Config, plan: Plan, port: int | None, say: Say) -> int:
    """Run all roles until a signal says stop; returns the exit code. Raises errors of the operator."""
    config = replace(config, secret_key_file=key_path(config))
    need_scaled(config)
    plan.fits(config)
    with locked_folder(config.data_dir) as lock:
        await asyncio.to_thread(load_or_create_key, key_path(config))
        public = listen(config, port)
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for word in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(word, stop.set)
        cluster = Cluster(config, plan, public, say)
        with public:
            async with cluster.running() as token:
                address = address_of(config, public)
                lock.tell(address)
                say(f"AutoBot is at {config.public_url or address}")
                if token:
                    say(f"Sign in once with {config.public_url or address}/sign-in#token={token}")
                rolls: set[asyncio.Task[None]] = set()

                def roll() -> None:
                    task = loop.create_task(cluster.roll())
                    rolls.add(task)
                    task.add_done_callback(rolls.discard)

                loop.add_signal_handler(signal.SIGHUP, roll)
                await stop.wait()
                for task in rolls:
                    task.cancel()
    return 0
