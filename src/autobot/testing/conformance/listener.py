"""What `Listener` promises: it hears everything and disturbs nobody. Subclass, and override the factory."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Final

from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import CircuitOpen, ConnectFailed, InvalidInput
from autobot.kernel.telemetry.listener import Change, Hop, Listener

CONTEXT: Final = CallContext(
    correlation_id="conformance", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
HOP: Final = Hop("backend-crm", "http://crm", "read", 0, CONTEXT)
ERRORS: Final = (
    ConnectFailed("refused", link="backend-crm", target="http://crm"),
    CircuitOpen("open", link="backend-crm", target="http://crm", since=1.0, retry_after=2.0),
    InvalidInput("no"),
    asyncio.CancelledError(),
    GeneratorExit(),
    KeyError("not of the tree"),
    RuntimeError("\x00\ud800 odd text"),
)


class ListenerSuite(ABC):
    """Hears what happens."""

    @abstractmethod
    def listener(self) -> Listener:
        """Return the implementation under test."""

    def test_hears_every_kind_of_report(self) -> None:
        """Starts, ends and failures of any error, changes of any kind and counts of any name are taken without raising."""
        listener = self.listener()
        listener.started(HOP)
        listener.completed(HOP, 0.001)
        for error in ERRORS:
            listener.failed(HOP, 0.5, error)
        for kind, subject in (
            ("breaker", "breaker:backend-crm:http://crm:80"),
            ("policy", "link:x"),
            ("", ""),
        ):
            listener.changed(Change(kind=kind, subject=subject, before="closed", after="open"))
        for name in ("things_total", "wait_seconds", "body_bytes", "odd name"):
            listener.counted(name, 1.0, (("link", "backend-crm"),))
            listener.counted(name, -1.0, ())

    def test_takes_hostile_words(self) -> None:
        """Addresses and operations that came from outside disturb nothing."""
        listener = self.listener()
        for word in ('"quoted"', "line\nbreak", "\ud800", "x" * 10_000, ""):
            listener.completed(Hop(word, word, word, 3, CONTEXT), 0.1)
            listener.counted("things_total", 1.0, (("word", word),))

    def test_takes_a_flood_of_labels(self) -> None:
        """Labels without bound do not make it fail."""
        listener = self.listener()
        for number in range(5_000):
            listener.counted("things_total", 1.0, (("number", str(number)),))
            listener.completed(Hop("a-b", f"target {number}", "read", 0, CONTEXT), 0.1)
