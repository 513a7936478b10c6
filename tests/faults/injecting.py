"""Does the faults of a plan to a product under load, each at its moment, and sees to it that the product comes back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from autobot.testing.fault_plan import Fault
from autobot.testing.processes import full_disk, has_spent, stopped
from autobot.testing.toxics import Bandwidth, BlackHole, Latency, Limit, TcpProxy, Toxic
from tests.faults.clusters import Target
from tests.faults.progress import Progress

PATIENCE_S: Final = 60.0
"""How long a load may take for its next acknowledgements, faults being over, before that is a finding."""
IDLE_S: Final = 0.5
"""How long a process that is to be hit may take to spend its moment's processor time; then it is hit idle."""
STARTING_S: Final = 3.0
"""The same for a process that starts."""


@dataclass
class Done:
    """What was done, and what was found while doing it."""

    by_kind: Counter[str] = field(default_factory=Counter)
    by_role: Counter[str] = field(default_factory=Counter)
    died: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    """Seconds from each kill's restart until the product took work."""


class Injector:
    """Hits one product. `say` is told of each fault as it is done."""

    def __init__(self, product: Target, progress: Progress, say: Callable[[str], None]) -> None:
        self._product, self._progress, self._say = product, progress, say
        self.done = Done()

    async def run(self, plan: Sequence[Fault]) -> Done:
        """Do every fault, one after the other; ends early when the product does not come back."""
        for number, fault in enumerate(plan, start=1):
            before = self._progress.count
            if not await asyncio.to_thread(self._progress.reached, before + fault.after, PATIENCE_S):
                self.done.stuck.append(
                    f"fault {number}: only {self._progress.count - before} of {fault.after}"
                )
                return self.done
            await self._hit(number, fault)
            self.done.by_kind[fault.kind] += 1
        before = self._progress.count
        if not await asyncio.to_thread(self._progress.reached, before + 20, PATIENCE_S):
            self.done.stuck.append("no progress after the last fault")
        return self.done

    async def _hit(self, number: int, fault: Fault) -> None:
        self._say(f"{number}: {fault}")
        pid = self._product.processes().get(fault.role)
        if pid is None:
            self.done.died.append(f"before fault {number} ({fault.kind}) {fault.role} had ended by itself")
            await self._back()
            return
        starting = fault.kind == "kill while starting"
        if not starting:
            await has_spent(pid, fault.cpu_s, patience_s=IDLE_S)
        match fault.kind:
            case "kill" | "kill while starting":
                self.done.by_role[fault.role] += 1
                await self._product.kill(fault.role)
                if starting:
                    await self._product.spawn(fault.role)
                    pid = self._product.processes().get(fault.role)
                    if pid is not None:
                        await has_spent(pid, fault.cpu_s, patience_s=STARTING_S)
                    if fault.role not in self._product.processes():
                        self.done.died.append(f"fault {number}: {fault.role} ended while it started")
                    await self._product.kill(fault.role)
                await self._back()
            case "pause":
                await self._hold(stopped(pid), fault)
            case "disk full":
                await self._hold(full_disk(pid, fault.size), fault)
            case "database crash" | "database restart" | "database pause":
                await self._database(fault)
            case _ if fault.kind.startswith("redis"):
                await self._redis(fault)
            case _:
                await self._network(fault, self._product.network)
        if fault.role not in self._product.processes():
            self.done.died.append(f"fault {number} ({fault.kind}) ended {fault.role}")
            await self._back()

    async def _back(self) -> None:
        began = time.monotonic()
        await self._product.start()
        self.done.back_s.append(time.monotonic() - began)

    async def _hold(self, state: AbstractContextManager[None], fault: Fault) -> None:
        with state:
            await over(fault.hold_s)

    async def _database(self, fault: Fault) -> None:
        server = self._product.database
        assert server is not None, "a fault of a database needs one"
        if fault.kind == "database pause":
            await self._hold(stopped(server.pid), fault)
        else:
            await asyncio.to_thread(server.restart, immediate=fault.kind == "database crash")

    async def _redis(self, fault: Fault) -> None:
        server = self._product.redis
        assert server is not None, "a fault of Redis needs one"
        match fault.kind:
            case "redis flush":
                await asyncio.to_thread(server.flush)
            case "redis crash" | "redis restart":
                await asyncio.to_thread(server.kill if fault.kind == "redis crash" else server.stop)
                await asyncio.to_thread(server.start)
            case "redis pause":
                server.freeze()
                await over(fault.hold_s)
                server.thaw()
            case _:
                await self._network(fault, self._product.redis_network)

    async def _network(self, fault: Fault, network: TcpProxy | None) -> None:
        assert network is not None, "a fault of a network needs one"
        if fault.kind in ("network cut", "redis cut"):
            network.cut()
            return
        network.set(*toxics(fault))
        await over(fault.hold_s)
        network.clear()


def toxics(fault: Fault) -> list[Toxic]:
    """Return what a fault of a network sets."""
    match fault.kind:
        case "network black hole":
            return [BlackHole()]
        case "network slow" | "redis slow":
            return [Latency(delay_s=0.01, jitter_s=0.05), Bandwidth(bytes_per_s=200_000)]
        case "network limit":
            return [Limit(size=fault.size, reset=fault.size % 2 == 0)]
        case other:
            raise ValueError(f"{other} is no fault of a network")


async def over(seconds: float) -> None:
    """Wait until so much time is over: how long a fault lasts is the one thing that no progress can measure."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
    except TimeoutError:
        return
