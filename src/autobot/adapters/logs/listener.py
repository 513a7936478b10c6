"""The listener that logs."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any, Final

from autobot.adapters.logs.writer import Writer
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import (
    AutoBotError,
    Conflict,
    HopFailed,
    InvalidInput,
    NotFound,
    OperatorError,
    Rejected,
)
from autobot.kernel.telemetry.listener import Change, Hop

LEVELS: Final = ("debug", "info", "warning", "error")
BURST: Final = 3
"""Entries of one kind per window; what comes on top is counted and told with the next one."""
WINDOW_S: Final = 60.0
WINDOW_MAX_S: Final = 3_600.0
STACK_MAX: Final = 3_500
"""Characters of a stack: its end, where the fault is."""


class LogListener:
    """Implements `Listener`. Every entry of a hop carries the correlation id and the trace.

    Good hops are told at *debug* only; what the callee refused at *info*; failed and refused hops at
    *warning*; what is not of the error tree at *error* with its stack, once, by the innermost hop.
    A target that fails all the time, or a thing that changes by errors, is told three times a minute for each kind of error, then ever more
    seldom, at last three times an hour.
    """

    def __init__(self, writer: Writer, clock: Clock, level: str = "info") -> None:
        self._put, self._now = writer.put, clock.monotonic
        self._least = LEVELS.index(level)
        self._hops = self._least == 0
        self._windows: dict[tuple[str, str, str], _Window] = {}
        self._told: tuple[int, str] = (0, "")

    def started(self, hop: Hop) -> None:
        """The end of a hop tells all that its start could."""

    def completed(self, hop: Hop, duration: float) -> None:
        if self._hops:
            self._put("debug", "hop completed", _fields(hop, duration))

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        level = _level(error)
        if LEVELS.index(level) < self._least:
            return
        code = error.code if isinstance(error, AutoBotError) else type(error).__name__
        suppressed = self._suppressed((hop.link, hop.target, code))
        if suppressed is None:
            return
        fields = {**_fields(hop, duration), "code": code}
        if isinstance(error, AutoBotError):
            fields["detail"] = error.detail
        if suppressed:
            fields["suppressed"] = suppressed
        if level == "error" and self._told != (id(error), hop.context.correlation_id):
            # The same object passes every direct hop on its way out.
            self._told = (id(error), hop.context.correlation_id)
            fields["stack"] = _stack_of(error)
        self._put(level, "hop refused" if isinstance(error, Rejected) else "hop failed", fields)

    def changed(self, change: Change) -> None:
        error, level = change.error, "info"
        if error is not None or (change.kind == "breaker" and change.after in ("open", "isolated")):
            level = "error" if error is not None and not isinstance(error, AutoBotError) else "warning"
        if LEVELS.index(level) >= self._least:
            fields = {
                name: getattr(change, name) for name in ("kind", "subject", "before", "after", "reason", "by")
            }
            if error is not None:
                suppressed = self._suppressed((change.kind, change.subject, change.after))
                if suppressed is None:
                    return
                fields["suppressed"] = suppressed
            if level == "error":
                fields["stack"] = _stack_of(error)
            self._put(level, "changed", {name: value for name, value in fields.items() if value})

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        """Measurements are metrics, not log lines."""

    def _suppressed(self, kind: tuple[str, str, str]) -> int | None:
        """Return how many entries of this kind were left out before this one; None to leave it out too."""
        now = self._now()
        window = self._windows.get(kind)
        if window is None or now >= window.ends:
            left_out = 0 if window is None else max(0, window.entries - BURST)
            self._windows[kind] = _Window(now, window)
            return left_out
        window.entries += 1
        return 0 if window.entries <= BURST else None


class _Window:
    """How often one kind was told lately. A kind that comes back at once gets a window twice as long."""

    __slots__ = ("ends", "entries", "length")

    def __init__(self, now: float, before: _Window | None) -> None:
        soon = before is not None and now < before.ends + before.length
        self.length: float = (
            min(2.0 * before.length, WINDOW_MAX_S) if before is not None and soon else WINDOW_S
        )
        self.ends: float = now + self.length
        self.entries = 1


def _stack_of(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error))[-STACK_MAX:]


def _level(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "debug"
    if isinstance(error, HopFailed | Rejected | OperatorError):
        return "warning"
    if isinstance(error, InvalidInput | NotFound | Conflict):
        return "debug"
    return "info" if isinstance(error, AutoBotError) else "error"


def _fields(hop: Hop, duration: float) -> dict[str, Any]:
    context = hop.context
    return {
        "link": hop.link,
        "target": hop.target,
        "operation": hop.operation,
        "attempt": hop.attempt,
        "duration_ms": round(duration * 1000, 3),
        "correlation_id": context.correlation_id,
        "trace_id": context.trace.trace_id,
        "span_id": context.trace.span_id,
        "principal": context.principal.id,
        "tenant": context.principal.tenant,
    }
