"""Imports that are cancelled: all is as it was before, whatever ends the process in the midst."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autobot.contexts.knowledge.module import ImportRun, import_starter
from autobot.contexts.knowledge.ports.imports import BROUGHT
from autobot.contracts.knowledge import archives, collections, documents
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.transaction import Query
from autobot.kernel.sagas.engine import RunEngine
from tests.unit.contexts.knowledge.installation import Installation, filled, no_frame
from tests.unit.contexts.knowledge.world import EVE

pytestmark = pytest.mark.anyio


class Halting:
    """A bus that waits after so many commands of a kind, until it is told to go on."""

    def __init__(self, world: Installation, after: int, of: type[Any] = documents.AddDocument) -> None:
        self._of = of
        self.ask, self._dispatch, self._left = world.dispatcher.ask, world.dispatcher.dispatch, after
        self.reached, self.on = asyncio.Event(), asyncio.Event()

    async def dispatch(self, command: Any, *args: Any, **more: Any) -> Any:
        """Dispatch it."""
        answer = await self._dispatch(command, *args, **more)
        if isinstance(command, self._of):
            self._left -= 1
            if self._left == 0:
                self.reached.set()
                await self.on.wait()
        return answer


async def test_an_import_that_is_cancelled_leaves_everything_as_it_was() -> None:
    """What it brought is gone, with its bytes and its collection; what was there before stays, and its files too."""
    here, there = Installation(), Installation()
    data = await here.written(await filled(here, *(f"note {one} of many" for one in range(12))))
    before = await filled(there, "note 0 of many", "something else")
    for place, left in (("", ["Note 0", "Note 1"]), (before, ["Note 0", "Note 1"])):
        bus = Halting(there, 5)
        async with there.importing(bus):
            asked = await there.ask_for(data, collection=place or None)
            await bus.reached.wait()
            told = await there.do(archives.CancelImport(id=asked.id))
            assert told.state == "cancelling"
            assert await there.do(archives.CancelImport(id=asked.id)) == told
            bus.on.set()
            view = await there.ended(asked)
            async with asyncio.timeout(10):
                while await there.kept() != 2:
                    await asyncio.sleep(0)
        assert (view.state, view.done, view.added, view.error) == ("cancelled", 0, 0, None)
        assert await there.titles() == left
        assert [one.id for one in (await there.ask(collections.ListCollections())).items] == [before]
        assert await there.store.count(Query(table=BROUGHT)) == 0
    assert (await there.taken(data)).added == 12


async def test_an_import_is_cancelled_before_anything_came() -> None:
    """It is over at once, and its archive goes."""
    here, there = Installation(), Installation()
    asked = await there.ask_for(await here.written(await filled(here, "ferns")))
    view = await there.do(archives.CancelImport(id=asked.id))
    assert (view.state, view.ended_at is not None) == ("cancelled", True)
    async with there.importing(), asyncio.timeout(10):
        while await there.kept():
            await asyncio.sleep(0)
    assert await there.titles() == []
    assert await there.do(archives.CancelImport(id=asked.id)) == view


async def test_taking_back_goes_on_after_a_kill() -> None:
    """A process that ends while it takes back leaves the rest to the next one."""
    here, there = Installation(), Installation()
    data = await here.written(await filled(here, *(f"note {one} of many" for one in range(12))))
    bus, deleted, dispatch = Halting(there, 8), asyncio.Event(), there.dispatcher.dispatch

    class Stopping:
        ask = there.dispatcher.ask

        async def dispatch(self, command: Any, *args: Any, **more: Any) -> Any:
            if isinstance(command, documents.DeleteDocument):
                answer = await dispatch(command, *args, **more)
                deleted.set()
                await asyncio.Event().wait()
                return answer
            return await bus.dispatch(command, *args, **more)

    run = ImportRun(bus=Stopping(), store=there.store, blobs=there.blobs, clock=there.clock)
    engine = RunEngine((run,), there.store, there.codec, there.clock, no_frame)
    start = import_starter(there.codec, engine.accept)
    asked = await there.ask_for(data)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(engine.serve())
        await engine.recovered.wait()
        for one in await there.store.read_all():
            if one.message.type == archives.ImportRequested.TYPE:
                await start(one)
        await bus.reached.wait()
        await there.do(archives.CancelImport(id=asked.id))
        bus.on.set()
        await deleted.wait()
        serving.cancel()
    assert len(await there.titles()) == 7
    async with there.importing():
        view = await there.ended(asked)
        async with asyncio.timeout(10):
            while await there.kept():
                await asyncio.sleep(0)
    assert view.state == "cancelled"
    assert await there.titles() == []
    assert (await there.ask(collections.ListCollections())).items == ()


async def test_only_who_asked_cancels_and_only_what_goes_on() -> None:
    """For others the import is not there; one that is over stays as it is."""
    here, world = Installation(), Installation()
    view = await world.taken(await here.written(await filled(here, "ferns", "moss")))
    with pytest.raises(NotFound):
        await world.do(archives.CancelImport(id=view.id), EVE)
    with pytest.raises(Conflict):
        await world.do(archives.CancelImport(id=view.id))
    assert await world.ask(archives.GetImport(id=view.id)) == view
    assert await world.titles() == ["Note 0", "Note 1"]
