"""Health, asked off the hot path: a prober asks each dependency in turn and keeps what it said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from autobot.contexts.system.ports import Dependency
from autobot.contracts.system import HealthCheck
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.errors import AutoBotError

PROBE_TIMEOUT_S = 5.0


class ProbedHealth:
    """Implements `HealthBoard`. Before its first probe a dependency is *unknown*, never fine by default."""

    def __init__(
        self,
        dependencies: Sequence[Dependency],
        clock: Clock,
        every_s: float = 15.0,
        elsewhere: Callable[[], Sequence[HealthCheck]] = tuple,
    ) -> None:
        """Keep what `dependencies` say; `elsewhere` gives what other processes found."""
        self._dependencies, self._clock, self._every = tuple(dependencies), clock, every_s
        self._elsewhere = elsewhere
        self._results: dict[str, tuple[datetime, float, HealthCheck]] = {}

    def checks(self) -> Sequence[HealthCheck]:
        """Return the newest result of each, with its age."""
        return [*self.own(), *self._elsewhere()]

    def own(self) -> Sequence[HealthCheck]:
        """Return what this process asks itself."""
        now = self._clock.monotonic()
        return [self._aged(one, now) for one in self._dependencies]

    def _aged(self, dependency: Dependency, now: float) -> HealthCheck:
        stored = self._results.get(dependency.name)
        if stored is None:
            return HealthCheck(
                name=dependency.name,
                state="unknown",
                detail="Not asked yet.",
                checked_at=None,
                age_seconds=None,
                latency_ms=None,
                required=dependency.required,
            )
        asked, monotonic, check = stored
        return HealthCheck(
            name=check.name,
            state=check.state,
            detail=check.detail,
            checked_at=rfc3339(asked),
            age_seconds=round(now - monotonic, 3),
            latency_ms=check.latency_ms,
            required=check.required,
        )

    async def probe_all(self) -> None:
        """Ask every dependency once, together."""
        async with asyncio.TaskGroup() as group:
            for one in self._dependencies:
                group.create_task(self._probe(one))

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self.probe_all()
            await asyncio.sleep(self._every)

    async def _probe(self, dependency: Dependency) -> None:
        began = self._clock.monotonic()
        state: Literal["ok", "failing", "absent"] = "failing"
        detail = ""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                state, detail = await dependency.probe()
        except TimeoutError:
            detail = f"No answer within {PROBE_TIMEOUT_S:.0f} s."
        except AutoBotError as error:
            detail = error.detail
        ended = self._clock.monotonic()
        check = HealthCheck(
            name=dependency.name,
            state=state,
            detail=detail,
            checked_at=None,
            age_seconds=None,
            latency_ms=round((ended - began) * 1000, 3),
            required=dependency.required,
        )
        self._results[dependency.name] = (self._clock.now(), ended, check)
