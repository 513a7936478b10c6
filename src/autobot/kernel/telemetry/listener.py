"""The listener port: started / completed / failed for each hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autobot.kernel.core.context import CallContext


@dataclass(slots=True)
class Hop:
    """One attempt on one target of a link. `operation` is low-cardinality. Listeners do not change it.

    Not frozen: one is made on every hop, and a frozen one costs four times as much (0.57 against 0.15 µs).
    """

    link: str
    target: str
    operation: str
    attempt: int
    context: CallContext


@dataclass(frozen=True, slots=True)
class Change:
    """A thing that changed state outside a call: a breaker, a policy, a consumer, a worker.

    `subject` names it (`breaker:ai-ollama:127.0.0.1:11434`), `by` who caused it, `error` what made it change.
    """

    kind: str
    subject: str
    before: str
    after: str
    reason: str = ""
    by: str = ""
    error: BaseException | None = None


class Listener(Protocol):
    """Hears what happens. Several are joined by `Listeners`.

    Contract: methods return at once, never raise, never block and are never called under a lock; a
    brick that has no listener pays nothing. Durations are in seconds.
    """

    def started(self, hop: Hop) -> None:
        """An attempt is about to be sent."""
        ...

    def completed(self, hop: Hop, duration: float) -> None:
        """An attempt succeeded."""
        ...

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        """An attempt failed, was refused or was cancelled."""
        ...

    def changed(self, change: Change) -> None:
        """A thing changed state."""
        ...

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        """A counter (`…_total`) grew by, or a measurement (`…_seconds`, `…_bytes`) had, `value`."""
        ...


class Listeners:
    """Passes each report to every listener, in order."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def started(self, hop: Hop) -> None:
        """Report to all."""
        for listener in self._listeners:
            listener.started(hop)

    def completed(self, hop: Hop, duration: float) -> None:
        """Report to all."""
        for listener in self._listeners:
            listener.completed(hop, duration)

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        """Report to all."""
        for listener in self._listeners:
            listener.failed(hop, duration, error)

    def changed(self, change: Change) -> None:
        """Report to all."""
        for listener in self._listeners:
            listener.changed(change)

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        """Report to all."""
        for listener in self._listeners:
            listener.counted(name, value, labels)
