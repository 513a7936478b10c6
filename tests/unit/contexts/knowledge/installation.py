"""The knowledge context with an engine that carries imports: one installation of several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autobot.contexts.knowledge.module import EVENTS, Exporter, ImportRun, cleaner, import_starter
from autobot.contexts.knowledge.ports.blobs import once, store
from autobot.contexts.knowledge.ports.imports import Imports
from autobot.contracts.knowledge import archives, collections, documents
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.testing.inference.embedding import HashingEmbedder
from tests.unit.contexts.kit import HandClock, context_of
from tests.unit.contexts.knowledge.world import ALICE, World


async def no_frame(channel: str, body: dict[str, Any]) -> None:
    """Show nobody what passes."""


class Installation(World):
    """The context with an engine that carries imports."""

    def __init__(self) -> None:
        super().__init__(HashingEmbedder(HandClock()))
        self.codec = EventCodec((*EVENTS, *facts.EVENTS), self.clock, self.ids, source="/test")
        self.clean = cleaner(self.codec, self.index, self.blobs)
        self.exporter = Exporter(self.store, self.codec, self.blobs, self.clock)

    @asynccontextmanager
    async def importing(self, bus: Any = None) -> AsyncIterator[RunEngine]:
        """Carry imports for the block, by another bus if one is given."""
        run = ImportRun(bus=bus or self.dispatcher, store=self.store, blobs=self.blobs, clock=self.clock)
        engine = RunEngine((run,), self.store, self.codec, self.clock, no_frame)
        start = import_starter(self.codec, engine.accept)

        async def react() -> None:
            async for batch in self.store.subscribe(after=0):
                for one in batch:
                    if one.message.type == archives.ImportRequested.TYPE:
                        await start(one)
                    await self.clean(one)

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(engine.serve())
            reacting = group.create_task(react())
            try:
                yield engine
            finally:
                engine.close()
                reacting.cancel()
                await serving

    async def written(self, collection: str, who: Principal = ALICE) -> bytes:
        """Return the archive of a collection."""
        return b"".join([piece async for piece in self.exporter.of(collection, context_of(who))])

    async def ask_for(self, data: bytes, who: Principal = ALICE, **fields: Any) -> archives.ImportView:
        """Ask for an archive to be taken in."""
        name = self.ids.new()
        await store(self.blobs, name, once(data), max(len(data), 1))
        command = archives.ImportArchive(blob=name, size=len(data), **fields)
        view: archives.ImportView = await self.do(command, who)
        return view

    async def ended(self, asked: archives.ImportView, who: Principal = ALICE) -> archives.ImportView:
        """Return an import when it is over."""
        async with asyncio.timeout(30):
            while asked.ended_at is None:
                await asyncio.sleep(0)
                asked = await self.ask(archives.GetImport(id=asked.id), who)
        return asked

    async def taken(self, data: bytes, who: Principal = ALICE, **fields: Any) -> archives.ImportView:
        """Take an archive in; it is gone then."""
        async with self.importing():
            view = await self.ended(await self.ask_for(data, who, **fields), who)
            row = await Imports(self.store).get(view.id)
            while row is not None and await self.blobs.stat(row.blob):
                await asyncio.sleep(0)
        return view

    async def titles(self, who: Principal = ALICE) -> list[str]:
        """Return the titles of all documents that somebody sees."""
        return sorted(one.title for one in (await self.ask(documents.ListDocuments(limit=200), who)).items)

    async def kept(self) -> int:
        """Return how many files lie beside the log."""
        return len(await self.blobs.list())


async def filled(world: Installation, *texts: str) -> str:
    """Make a collection with documents of these texts; returns its id."""
    place = str((await world.do(collections.CreateCollection(name="Field notes"))).id)
    for number, text in enumerate(texts):
        await world.add(text, title=f"Note {number}", tags=("field", f"n{number}"), collection=place)
    return place
