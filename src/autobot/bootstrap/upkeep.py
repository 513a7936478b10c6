"""Care for what is stored, by the store that this process has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.bootstrap.outside import KEY_FILE, ORIGINALS, key_path
from autobot.config import Config
from autobot.contracts import chat, system
from autobot.contracts.knowledge import documents
from autobot.kernel.core.errors import Absent
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore

SCRUB_AFTER_S: Final = 30.0
"""Seconds after an erasure at which the file is rewritten; more erasures meanwhile share one rewriting."""

ERASING: Final = frozenset({chat.SessionDeleted.TYPE, documents.DocumentDeleted.TYPE})
"""Facts by which something was erased."""


@runtime_checkable
class _Rewritten(Protocol):
    """A store that can be rewritten without what was erased."""

    async def vacuum(self) -> None:
        """Rewrite it."""
        ...


class StoreUpkeep:
    """Implements `Upkeep`."""

    def __init__(self, config: Config, store: EventStore) -> None:
        self._config, self._store = config, store

    def _sqlite(self) -> SqliteEventStore:
        if isinstance(self._store, SqliteEventStore):
            return self._store
        if self._config.database_url:
            raise Absent(
                "backup",
                "The data is in PostgreSQL, which has its own tools for backups.",
                hint=f"pg_dump --format=custom --file=FILE DATABASE, and keep {key_path(self._config)} elsewhere",
            )
        raise Absent("store", "This process keeps its data in memory.", hint="autobot up")

    async def backup(self, target: str, *, with_key: bool) -> system.BackupMade:
        """Write a consistent backup of now into a new folder."""
        extra = {KEY_FILE: key_path(self._config)} if with_key else {}
        originals = self._config.data_dir / ORIGINALS
        if originals.is_dir():
            extra[ORIGINALS] = originals
        manifest = await self._sqlite().backup(Path(target), extra)
        size = sum(mark.bytes for mark in manifest.files.values())
        return system.BackupMade(target=target, position=manifest.position, bytes=size)

    async def vacuum(self) -> None:
        """Leave nothing of what was erased."""
        if not isinstance(self._store, _Rewritten):
            raise Absent("store", "This process keeps its data in memory.", hint="autobot up")
        await self._store.vacuum()

    async def scrub_after_erasures(self) -> None:
        """Follow the log and rewrite the file some time after something was erased, for ever."""
        if not isinstance(self._store, SqliteEventStore):
            return
        async for batch in self._store.subscribe(after=await self._store.head()):
            if any(one.message.type in ERASING for one in batch):
                await asyncio.sleep(SCRUB_AFTER_S)
                await patiently(self._store.vacuum)
