"""Writes entries in a thread of its own, so that a slow terminal or disk never holds up the event loop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any, Final, TextIO

from autobot.adapters.logs.lines import Style, render
from autobot.kernel.core.clock import Clock, rfc3339

WAITING_MAX: Final = 10_000
"""Entries that may wait; further ones are dropped and counted."""


class Writer:
    """Takes entries from any thread and writes them in order. `close` writes what waits, then ends."""

    def __init__(self, stream: TextIO, style: Style, clock: Clock) -> None:
        self._stream, self._style, self._clock = stream, style, clock
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(WAITING_MAX)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        """Write an entry soon. Never blocks."""
        entry = {"time": rfc3339(self._clock.now()), "level": level, "event": event, **fields}
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            self._write(render(entry, self._style))
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                told = {
                    "time": entry["time"],
                    "level": "warning",
                    "event": "log entries dropped",
                    "count": dropped,
                }
                self._write(render(told, self._style))

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more: there is no other place to say so, and the product goes on.
            return
