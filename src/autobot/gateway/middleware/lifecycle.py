"""Starting, ready, draining: outside *ready* only health and metrics answer, everything else asks for patience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.kernel.core.errors import Overloaded

Phase = Literal["starting", "ready", "draining"]
ALWAYS: Final = ("/api/v1/system/health", "/metrics")
RETRY_AFTER_S: Final = 2.0


class Lifecycle:
    """The phase of this process. Moves forward only; `on_draining` callbacks run once, at `drain`."""

    def __init__(self, phase: Phase = "starting") -> None:
        self._phase: Phase = phase
        self._on_draining: list[Callable[[], None]] = []

    @property
    def phase(self) -> Phase:
        """Where the process is now."""
        return self._phase

    def ready(self) -> None:
        """Say that start-up is over."""
        if self._phase == "starting":
            self._phase = "ready"

    def on_draining(self, callback: Callable[[], None]) -> None:
        """Call `callback` when draining begins."""
        self._on_draining.append(callback)

    def drain(self) -> None:
        """Take no new work; what runs may end."""
        if self._phase == "draining":
            return
        self._phase = "draining"
        for callback in self._on_draining:
            callback()


class Admission:
    """Refuses new work while the process is not ready. Raises Overloaded."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self._app, self._lifecycle = app, lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on when ready."""
        phase = self._lifecycle.phase
        if phase != "ready" and scope["type"] != "lifespan" and not scope["path"].startswith(ALWAYS):
            word = "starting" if phase == "starting" else "stopping"
            raise Overloaded(f"AutoBot is {word}.", link="frontend-gateway", retry_after=RETRY_AFTER_S)
        await self._app(scope, receive, send)
