"""Single flight: equal calls in the air at the same time are one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from autobot.kernel.core.errors import DeadlineExceeded, Overloaded
from autobot.kernel.resilience.outcome import Failure


class _Flight:
    __slots__ = ("lasting", "task", "waiters")

    def __init__(self, task: asyncio.Task[Any], *, lasting: bool) -> None:
        self.task = task
        self.waiters = 0
        self.lasting = lasting


class Flights:
    """The calls of one link that are in the air, by key. Owns their tasks.

    Contract: a shared call ends when it has an outcome or when its last waiter has left; each waiter
    leaves at its own deadline or cancellation without harm to the others. A refresh has no waiter and
    lives to its end. `close` ends them all; who still waits gets Overloaded.
    """

    def __init__(self, link: str) -> None:
        self._link = link
        self._flights: dict[str, _Flight] = {}
        self._leaving: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return the number of calls in the air."""
        return len(self._flights)

    def _start(self, key: str, make: Callable[[], Coroutine[Any, Any, Any]], *, lasting: bool) -> _Flight:
        task = asyncio.get_running_loop().create_task(make(), name=f"shared call on {self._link}")
        flight = self._flights[key] = _Flight(task, lasting=lasting)
        task.add_done_callback(lambda _: self._landed(key, flight))
        return flight

    def _landed(self, key: str, flight: _Flight) -> None:
        self._leaving.discard(flight.task)
        if self._flights.get(key) is flight:
            del self._flights[key]

    def refresh(self, key: str, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Start a call that nobody waits for, unless one is in the air."""
        if key not in self._flights:
            self._start(key, make, lasting=True)

    async def join(
        self, key: str, make: Callable[[], Coroutine[Any, Any, Any]], timeout: float | None
    ) -> tuple[Any, bool]:
        """Return the outcome of the call under `key` and whether this caller started it.

        `timeout` is the seconds that this caller can wait; after it the outcome is DeadlineExceeded.
        """
        flight = self._flights.get(key)
        mine = flight is None
        if flight is None:
            flight = self._start(key, make, lasting=False)
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,), timeout=timeout)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.lasting and not flight.task.done():
                self._abandon(key, flight)
        return self._outcome(flight.task), mine

    def _abandon(self, key: str, flight: _Flight) -> None:
        """End a call that nobody waits for; who comes now starts a new one."""
        del self._flights[key]
        self._leaving.add(flight.task)
        flight.task.cancel()

    def _outcome(self, task: asyncio.Task[Any]) -> Any:
        if not task.done():
            return Failure(
                DeadlineExceeded(f"The caller's time was over while {self._link} worked on a shared call.")
            )
        if task.cancelled():
            return Failure(Overloaded(f"{self._link} was closed while the call ran.", link=self._link))
        return task.result()

    async def close(self) -> None:
        """End every call and wait until it has ended."""
        tasks = [flight.task for flight in self._flights.values()] + list(self._leaving)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
