"""What is done with documents now, and telling of it: it is nobody's truth, and may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.ports.documents import INDEXING
from autobot.contracts.knowledge.words import Status
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Transaction

TELL_S: Final = 0.5
"""How often progress is told and written at most."""

Tell = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Gives word of a document's progress: {document_id, version, status, done, total, unit}."""


async def nobody(said: Mapping[str, Any]) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done with a document now."""

    version: int
    status: Status
    done: int = 0
    total: int = 0
    unit: str = ""


class Steps:
    """What one process does with documents. It is told to who listens, and written as the row `key`."""

    def __init__(self, store: EventStore, key: str, tell: Tell) -> None:
        self._store, self._key, self._tell = store, key, tell
        self._now: dict[str, Step] = {}

    def at(self, document: Document, status: Status, done: int = 0, total: int = 0, unit: str = "") -> None:
        """Note what is done with a document; one that only gets its vectors is ready meanwhile."""
        if document.state == "queued":
            self._now[document.id] = Step(
                version=document.version, status=status, done=done, total=total, unit=unit
            )

    def over(self, document_id: str) -> None:
        """Note that nothing is done with a document any more: what came of it is a fact."""
        self._now.pop(document_id, None)

    async def tell(self) -> None:
        """Tell and write how far each document is, when that changed; the next life overwrites the row."""
        written: dict[str, Step] | None = None
        told: dict[str, Step] = {}
        while True:
            now = dict(self._now)
            for document_id, step in now.items():
                if told.get(document_id) != step:
                    await self._tell({"document_id": document_id, **asdict(step)})
            told = now
            if now != written:
                shown = {document_id: asdict(step) for document_id, step in now.items()}
                write = Put(table=INDEXING, key=self._key, document=shown)
                with suppress(*AWAY):
                    await self._store.commit(Transaction(writes=(write,)))
                    written = now
            await asyncio.sleep(TELL_S)
