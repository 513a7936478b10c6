"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing is ready.

Hours of timeouts and backoffs pass in milliseconds, and always in the same order. Threads and sockets
cannot take part in such a time, so the loop refuses them; a test that needs them runs on a real loop
and waits for events instead.

    def test_something() -> None:
        async def main() -> None:
            clock = VirtualClock()
            await asyncio.sleep(3600)
            assert clock.monotonic() == START + 3600
        run(main())

Under anyio's pytest plugin return `VIRTUAL_BACKEND` from the fixture `anyio_backend`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

START: Final = 1_000.0
"""Monotonic seconds at which a virtual loop and a manual clock begin."""
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Wall time at START."""


class NothingHappens(RuntimeError):
    """Every task waits, and no timer will wake one: on a real loop the test would hang."""


class _Jump:
    """Stands where a loop has its selector: instead of waiting it moves the clock."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingHappens("every task waits and there is no timer left to wake one")
        if timeout > 0.0:
            self._loop.jump()
        return []

    def close(self) -> None:
        """Nothing is held."""


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """An asyncio loop in virtual time. Raises NothingHappens instead of hanging."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = START
        self._selector = _Jump(self)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._now

    def jump(self) -> None:
        """Move the clock to the earliest timer."""
        self._now = max(self._now, self._scheduled[0].when())

    def _process_events(self, event_list: list[Any]) -> None:
        """No events come from outside."""

    def _write_to_self(self) -> None:
        """Nothing sleeps that would have to be woken."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override] # refuses all alike
        """Refuse: a thread's time is real."""
        _refuse("run_in_executor")

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a socket's time is real."""
        _refuse("create_connection")

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a socket's time is real."""
        _refuse("create_server")

    async def create_unix_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a socket's time is real."""
        _refuse("create_unix_connection")

    async def create_unix_server(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a socket's time is real."""
        _refuse("create_unix_server")

    async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a socket's time is real."""
        _refuse("create_datagram_endpoint")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a process's time is real."""
        _refuse("subprocess_exec")

    def add_reader(self, *args: Any) -> None:  # type: ignore[override] # refuses all alike
        """Refuse: a file's time is real."""
        _refuse("add_reader")

    def add_writer(self, *args: Any) -> None:  # type: ignore[override] # refuses all alike
        """Refuse: a file's time is real."""
        _refuse("add_writer")


def _refuse(what: str) -> NoReturn:
    raise RuntimeError(f"{what} does not go with virtual time; use a fake, or a real loop and an event")


VIRTUAL_BACKEND: Final = ("asyncio", {"loop_factory": VirtualTimeLoop})


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a new virtual loop and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class VirtualClock:
    """The Clock port over a virtual loop (None: the running one)."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time() - START)

    def monotonic(self) -> float:
        return self._loop.time()


class JumpingClock(VirtualClock):
    """A virtual clock whose wall time can be set, as the machine's can; monotonic time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._off = timedelta()

    def now(self) -> datetime:
        return super().now() + self._off

    def jump(self, seconds: float) -> None:
        """Set the wall time forth, or back when negative."""
        self._off += timedelta(seconds=seconds)


class ManualClock:
    """The Clock port with a time that only `advance` moves; for what needs no loop."""

    def __init__(self) -> None:
        self._at = START

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._at - START)

    def monotonic(self) -> float:
        return self._at

    def advance(self, seconds: float) -> None:
        """Let `seconds` (≥ 0) pass."""
        if seconds < 0:
            raise ValueError("monotonic time never goes back")
        self._at += seconds


def seeded(seed: int = 1) -> random.Random:
    """Return chance that draws the same numbers in every run."""
    return random.Random(seed)


class FixedChance:
    """The Chance port with one answer: `share` (0 ≤ share < 1) of every range."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def random(self) -> float:
        return self.share

    def uniform(self, a: float, b: float, /) -> float:
        return a + (b - a) * self.share

    def getrandbits(self, k: int, /) -> int:
        return int(self.share * (1 << k))
