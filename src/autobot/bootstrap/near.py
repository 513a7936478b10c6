"""The index of passages that this process has, and the care for it."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Final

from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.config import Config
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contracts.knowledge import documents
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore

if TYPE_CHECKING:
    from autobot.adapters.postgres.passages import PostgresPassages
    from autobot.adapters.postings.passages import WordPassages
    from autobot.adapters.usearch.passages import NearPassages

PASSAGES: Final = "passages.db"
MANY: Final = 5_000
"""Vectors, or passages, from which on finding them by graph and lists is worth what these cost."""
SOON: Final = 500
"""Of PostgreSQL, which compares a thousand vectors in 50 ms of a core, where SQLite needs a millisecond."""
TEND_EVERY_S: Final = 60.0
SCRUB_AFTER_S: Final = 30.0
"""Seconds after an erasure at which the index is rewritten; more erasures meanwhile share one rewriting."""


class OwnIndex:
    """The index with what closes it and leaves nothing of what was erased.

    `near` finds by graphs and `words` by lists, where the extra `vectors` is installed.
    """

    def __init__(self, store: SqlitePassages | PostgresPassages, config: Config, least: int = MANY) -> None:
        """`least` is the number of vectors, and of passages, from which on graphs and lists are worth it."""
        self.store = store
        self.near: NearPassages | None = None
        self.words: WordPassages | None = None
        if importlib.util.find_spec("usearch") is not None:
            self.near, self.words = _beside(store, config, least)

    @property
    def index(self) -> PassageIndex:
        """What is asked."""
        return self.near or self.store


def _beside(
    store: SqlitePassages | PostgresPassages, config: Config, least: int
) -> tuple[NearPassages, WordPassages]:
    """Return graphs over lists over the store. They need numpy, which the core starts without, and is often not there."""
    from autobot.adapters.postings.passages import ListOptions, WordPassages
    from autobot.adapters.usearch.passages import NearOptions, NearPassages

    words = WordPassages(store, config.data_dir, ListOptions(least=least))
    return NearPassages(words, config.data_dir, NearOptions(least=least)), words


async def open_index(config: Config) -> OwnIndex:
    """Open the index: in the database where there is one, else in a file of the data folder."""
    if not config.database_url:
        return OwnIndex(await SqlitePassages.open(config.data_dir / PASSAGES), config)
    from autobot.adapters.postgres.passages import PostgresPassages

    return OwnIndex(await PostgresPassages.open(config.database_url), config, SOON)


async def tend(own: OwnIndex | None, store: EventStore, codec: EventCodec) -> None:
    """Make graphs and lists as the index grows, and let nothing of an erased document stay, for ever."""
    if own is None:
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_forget(own, store, codec))
        for one in (own.near, own.words):
            if one is not None:
                group.create_task(_grow(one))


async def _grow(index: NearPassages | WordPassages) -> None:
    while True:
        await patiently(index.tend)
        await asyncio.sleep(TEND_EVERY_S)


async def _forget(own: OwnIndex, store: EventStore, codec: EventCodec) -> None:
    async for batch in store.subscribe(after=await store.head()):
        gone = [one for one in batch if one.message.type == documents.DocumentDeleted.TYPE]
        if any(not codec.unwrap(one).keeps_past for one in gone):
            # Another process may have taken it out of the store: graphs and lists of this one know nothing of it.
            for one in (own.near, own.words):
                if one is not None:
                    one.forget()
            await asyncio.sleep(SCRUB_AFTER_S)
            await patiently(own.store.vacuum)
