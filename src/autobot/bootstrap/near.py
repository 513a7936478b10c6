"""The index of passages that this process has, and the care for it."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.config import Config
from autobot.contexts.knowledge.ports.graphs import Graphs
from autobot.contexts.knowledge.ports.index import Hit, Vector, Where
from autobot.contexts.knowledge.ports.index_over import IndexOver
from autobot.contracts.knowledge import documents
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.telemetry.listener import Change, Listener

if TYPE_CHECKING:
    from autobot.adapters.postgres.passages import PostgresPassages
    from autobot.adapters.postings.passages import WordPassages
    from autobot.adapters.usearch.passages import NearPassages, TooMany

PASSAGES: Final = "passages.db"
FILES: Final = ("*.usearch", "*.postings")
"""Graphs and lists, in the data folder."""
MANY: Final = 5_000
"""Vectors, or passages, from which on finding them by graph and lists is worth what these cost."""
SOON: Final = 500
"""Of PostgreSQL, which compares a thousand vectors in 50 ms of a core, where SQLite needs a millisecond."""
TEND_EVERY_S: Final = 60.0
LOOK_EVERY_S: Final = 10.0
"""While another process makes a graph: what it made is taken soon, and what it leaves undone is made here."""
SCRUB_AFTER_S: Final = 30.0
"""Seconds after an erasure at which the index is rewritten; more erasures meanwhile share one rewriting."""


class OwnIndex(IndexOver):
    """The index with what closes it and leaves nothing of what was erased.

    Where the extra `vectors` is installed it finds by `near`, graphs, and `lists`, of words. What makes these takes time to
    load and memory, so it is loaded when they are of use: from `least` passages on, or when files of them are found.
    """

    def __init__(
        self,
        store: SqlitePassages | PostgresPassages,
        config: Config,
        least: int = MANY,
        too_many: TooMany | None = None,
        graphs: Graphs | None = None,
    ) -> None:
        """`least` is the number of vectors, and of passages, from which on graphs and lists are worth it.

        `too_many` says which searches by vectors wait for a graph; `graphs` are shared with other processes.
        """
        super().__init__(store)
        self.store = store
        self.near: NearPassages | None = None
        self.lists: WordPassages | None = None
        self._config, self._least, self._too_many, self._graphs = config, least, too_many, graphs
        self._possible = importlib.util.find_spec("usearch") is not None
        self._lie = self._files()
        self._growing = asyncio.Lock()

    async def lexical(self, text: str, where: Where, limit: int) -> Sequence[Hit]:
        """Find by lists, if there are some."""
        if self._lie:
            await self._grow()
        return await super().lexical(text, where, limit)

    async def nearest(self, vector: Vector, where: Where, limit: int) -> Sequence[Hit]:
        """Find by a graph, if there is one. Raises Preparing while one is made that this cannot do without."""
        if self._lie or await self._waits(where, len(vector)):
            await self._grow()
        return await super().nearest(vector, where, limit)

    async def erase(self, document_id: str) -> None:
        """Erase it from the store, and remove graphs and lists."""
        if self._files():
            await self._grow()
        await super().erase(document_id)

    async def forget(self) -> None:
        """Remove graphs and lists, of which some may hold what was erased; they are made anew."""
        if self._files():
            await self._grow()
        for one in (self.near, self.lists):
            if one is not None:
                one.forget()

    async def tend(self) -> None:
        """Make graphs and lists as far as the number of passages is worth it, both at once.

        Raises what kept one of them from it, when the other one is done; OSError when the data folder takes no more.
        """
        if self.near is None and (self._lie or (await self.store.measure()).stored >= self._least):
            await self._grow()
        both = [one.tend() for one in (self.near, self.lists) if one is not None]
        for done in await asyncio.gather(*both, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done

    @property
    def waits(self) -> bool:
        """Whether another process makes a graph which this one needs."""
        return self.near is not None and self.near.waits

    async def _waits(self, where: Where, dimensions: int) -> bool:
        """Say whether there is to be a graph for a search, and what makes it is not loaded yet."""
        if self.near is not None or self._too_many is None or not self._possible:
            return False
        return await self._too_many(where, dimensions)

    def _files(self) -> bool:
        """Say whether there are files of graphs or lists, made by this process or an earlier one."""
        return any(True for pattern in FILES for _ in self._config.data_dir.glob(pattern))

    async def _grow(self) -> None:
        """Put graphs and lists over the store, if the extra is installed."""
        async with self._growing:
            if self.near is None and self._possible:
                made = await asyncio.to_thread(self._beside)
                self.near, self.lists = made
                self._store = self.near
            self._lie = False

    def _beside(self) -> tuple[NearPassages, WordPassages]:
        """Return graphs over lists over the store. They need numpy, which the core starts without."""
        from autobot.adapters.postings.passages import ListOptions, WordPassages
        from autobot.adapters.usearch.passages import NearOptions, NearPassages

        folder, least = self._config.data_dir, self._least
        words = WordPassages(self.store, folder, ListOptions(least=least))
        options = NearOptions(least=least)
        return NearPassages(words, folder, options, self._too_many, self._graphs), words


async def open_index(config: Config) -> OwnIndex:
    """Open the index: in the database where there is one, else in a file of the data folder."""
    if not config.database_url:
        return OwnIndex(await SqlitePassages.open(config.data_dir / PASSAGES), config)
    from autobot.adapters.postgres.passages import PostgresPassages

    store = await PostgresPassages.open(config.database_url)
    return OwnIndex(store, config, SOON, store.too_many, store.graphs)


async def tend(
    own: OwnIndex | None, store: EventStore, codec: EventCodec, listener: Listener | None = None
) -> None:
    """Make graphs and lists as the index grows, and let nothing of an erased document stay, for ever.

    `listener` hears when they cannot be written.
    """
    if own is None:
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_forget(own, store, codec))
        group.create_task(_tended(own, listener))


async def _tended(own: OwnIndex, listener: Listener | None) -> None:
    while True:
        try:
            await patiently(own.tend)
        except OSError as error:
            # Searches do without: a full disk ends nothing, and there may be room later.
            if listener is not None:
                told = "Graphs or lists for search cannot be written. Make room in the data folder."
                listener.changed(
                    Change(
                        kind="index", subject="passages", before="", after="slow", reason=told, error=error
                    )
                )
        await asyncio.sleep(LOOK_EVERY_S if own.waits else TEND_EVERY_S)


async def _forget(own: OwnIndex, store: EventStore, codec: EventCodec) -> None:
    async for batch in store.subscribe(after=await store.head()):
        gone = [one for one in batch if one.message.type == documents.DocumentDeleted.TYPE]
        if any(not codec.unwrap(one).keeps_past for one in gone):
            # Another process may have taken it out of the store: graphs and lists of this one know nothing of it.
            await own.forget()
            await asyncio.sleep(SCRUB_AFTER_S)
            await patiently(own.store.vacuum)
