"""Threads that hold the connections. A loop hands work over and hears of it by one call for each batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from autobot.adapters.sqlite.errors import mapped

T = TypeVar("T")
_Work = tuple[Callable[[apsw.Connection], Any], "asyncio.Future[Any]"]


def settle(outcomes: list[tuple[asyncio.Future[Any], Any]]) -> None:
    """Give waiting callers their results; an exception is raised to its caller. Runs on the loop."""
    for future, outcome in outcomes:
        if not future.done():
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


class Readers:
    """A few threads, each with a connection of its own, that run functions of a connection."""

    def __init__(self, connect: Callable[[], apsw.Connection], count: int) -> None:
        self._connect = connect
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._threads = [
            threading.Thread(target=self._run, name=f"sqlite-reader-{one}", daemon=True)
            for one in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[apsw.Connection], T]) -> T:
        """Run `function` on a reader's thread. Cancelling the caller drops the result."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._work.put((function, future))
        return await future

    def stop(self) -> list[threading.Thread]:
        """Let the threads end after the work that waits; returns them to be joined."""
        for _ in self._threads:
            self._work.put(None)
        return self._threads

    def _run(self) -> None:
        connection = self._connect()
        try:
            while (first := self._work.get()) is not None:
                function, future = first
                outcome = self._outcome(function, connection, future)
                self._loop.call_soon_threadsafe(settle, [(future, outcome)])
        finally:
            connection.close()

    def _outcome(
        self,
        function: Callable[[apsw.Connection], Any],
        connection: apsw.Connection,
        future: asyncio.Future[Any],
    ) -> Any:
        if future.cancelled():
            return None
        try:
            return function(connection)
        except apsw.Error as error:
            return mapped(error)
        except Exception as error:  # noqa: BLE001 - the caller raises it; the thread serves the next one
            return error
