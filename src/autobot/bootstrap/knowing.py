"""What the process knows of itself: info, status, the support bundle, and the questions that health asks."""

from __future__ import annotations

import io
import json
import platform
import sys
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from autobot.bootstrap.version import VERSION
from autobot.config import Config
from autobot.contexts.agents.ports import LanguageModel
from autobot.contexts.system.ports import Dependency
from autobot.contracts.system import HealthCheck
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Transaction
from autobot.kernel.links.trace_context import new_trace

FORMATS: Final = {"store": 1, "matrix": 1, "chat_export": "autobot.chat.v1"}
Probe = Callable[[], Awaitable[tuple[Literal["ok", "failing", "absent"], str]]]


MODEL_LOG: Final = "local-model.log"
WORKER_LOG: Final = "npu-worker.log"
"""In the support bundle: what child processes wrote last, which see none of AutoBot's secrets."""


class Described(Protocol):
    """Rows of the matrix, as they are shown."""

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return every row."""
        ...


class ProcessFacts:
    """Implements `Facts`."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        store: EventStore,
        registry: Described,
        counts: Callable[[], Awaitable[Mapping[str, Any]]],
        checks: Callable[[], Sequence[HealthCheck]],
        child_logs: Callable[[], Mapping[str, Sequence[str]]],
        mode: str = "embedded",
    ) -> None:
        self._config, self._clock, self._store = config, clock, store
        self._registry, self._counts = registry, counts
        self._checks, self._child_logs, self._mode = checks, child_logs, mode
        self._started: datetime = clock.now()
        self._began = clock.monotonic()

    def info(self) -> Mapping[str, Any]:
        """Return version, mode, start, formats."""
        return {
            "version": VERSION,
            "mode": self._mode,
            "started_at": rfc3339(self._started),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "formats": FORMATS,
        }

    async def status(self) -> Mapping[str, Any]:
        """Return counts."""
        rows = self._registry.describe()
        return {
            "position": await self._store.head(),
            "uptime_seconds": round(self._clock.monotonic() - self._began, 3),
            "links": {
                state: sum(1 for one in rows if one["state"] == state)
                for state in ("in-use", "substituted", "absent")
            },
            **await self._counts(),
        }

    async def diagnostics(self) -> bytes:
        """Return a zip archive. Settings' values are not in it, so no secret can be."""
        buffer = io.BytesIO()
        documents = {
            "info.json": self.info(),
            "status.json": await self.status(),
            "health.json": [asdict(one) for one in self._checks()],
            "links.json": self._registry.describe(),
            "environment.json": {
                "names_set": sorted(self._config.environment),
                "file_names_set": sorted(self._config.file),
                "host": self._config.host,
                "behind_public_url": bool(self._config.public_url),
                "executable": Path(sys.executable).name,
            },
        }
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, document in documents.items():
                archive.writestr(name, json.dumps(document, indent=2, default=str))
            for name, lines in self._child_logs().items():
                if lines:
                    archive.writestr(name, "\n".join(lines) + "\n")
        return buffer.getvalue()


class Logged(Protocol):
    """A child process."""

    def log_tail(self) -> Sequence[str]:
        """Return what it wrote last."""
        ...


def logs_of(children: Mapping[str, Logged | None]) -> Mapping[str, Sequence[str]]:
    """Return what child processes wrote last, by the name of their file in the support bundle."""
    return {name: child.log_tail() for name, child in children.items() if child is not None}


def asked_models(
    providers: Sequence[LanguageModel], chance: Chance
) -> list[tuple[str, Callable[[], Awaitable[int]]]]:
    """Return each provider with the question that health asks it: how many models it has."""

    async def count(provider: LanguageModel) -> int:
        context = CallContext(correlation_id="health", principal=SYSTEM, trace=new_trace(chance))
        return len(await provider.models(context))

    return [(one.provider, partial(count, one)) for one in providers]


def dependencies(
    store: EventStore, models: Sequence[tuple[str, Callable[[], Awaitable[int]]]], place: str = ""
) -> tuple[Dependency, ...]:
    """Return what health asks: the store (at `place`) by a real commit, each model provider by its list."""

    async def database() -> tuple[Literal["ok", "failing", "absent"], str]:
        await store.commit(Transaction(writes=(Put(table="system.health", key="probe", document={}),)))
        return "ok", f"A commit was written to {place}." if place else "A commit was written and flushed."

    def provider(count: Callable[[], Awaitable[int]]) -> Probe:
        async def probe() -> tuple[Literal["ok", "failing", "absent"], str]:
            try:
                found = await count()
            except Absent as error:
                return "absent", f"{error.detail} To add it: {error.hint}."
            return "ok", f"{found} model(s)."

        return probe

    return (
        Dependency(name="store", required=True, probe=database),
        *(Dependency(name=name, required=False, probe=provider(count)) for name, count in models),
    )
