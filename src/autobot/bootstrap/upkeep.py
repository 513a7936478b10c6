"""Care for what is stored, by the store that this process has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.bootstrap.outside import KEY_FILE, key_path
from autobot.config import Config
from autobot.contracts import chat, system
from autobot.kernel.core.errors import Absent
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore

SCRUB_AFTER_S: Final = 30.0
"""Seconds after an erasure at which the file is rewritten; more erasures meanwhile share one rewriting."""


class StoreUpkeep:
    """Implements `Upkeep`."""

    def __init__(self, config: Config, store: EventStore) -> None:
        self._config, self._store = config, store

    def _sqlite(self) -> SqliteEventStore:
        if isinstance(self._store, SqliteEventStore):
            return self._store
        raise Absent("store", "This process keeps its data in memory.", hint="autobot up")

    async def backup(self, target: str, *, with_key: bool) -> system.BackupMade:
        """Write a consistent backup of now into a new folder."""
        extra = {KEY_FILE: key_path(self._config)} if with_key else {}
        manifest = await self._sqlite().backup(Path(target), extra)
        size = sum(mark.bytes for mark in manifest.files.values())
        return system.BackupMade(target=target, position=manifest.position, bytes=size)

    async def vacuum(self) -> None:
        """Leave nothing of what was erased."""
        await self._sqlite().vacuum()

    async def scrub_after_erasures(self) -> None:
        """Follow the log and rewrite the file some time after something was erased, for ever."""
        if not isinstance(self._store, SqliteEventStore):
            return
        async for batch in self._store.subscribe(after=await self._store.head()):
            if any(one.message.type == chat.SessionDeleted.TYPE for one in batch):
                await asyncio.sleep(SCRUB_AFTER_S)
                await patiently(self._store.vacuum)
