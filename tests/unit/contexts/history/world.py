"""The history context over one read model, with the engine that makes its changes: what its tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from autobot.contexts.history import module as history
from autobot.contracts import read_models
from autobot.contracts.history import ListReadModels, ReadModel
from autobot.contracts.read_models import Act, ReadModelChange
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.core.context import Principal
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.projection import Projection, Reader, Write
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import Put, Recorded
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import VirtualClock
from tests.unit.contexts.kit import Ground, context_of

ROOT = Principal(id="root", kind="user", role="admin", user_id="root", username="root")
RULES = tuple(Rule(action=action, admin=Verdict.ALLOW) for action in ("events:read", "system:operate"))
OPEN = ("accepted", "running")


async def no_frame(channel: str, body: dict[str, Any]) -> None:
    """Show nobody what passes."""


class World(Ground):
    """A read model that counts by stream; it waits before the event at `holds_at` until `opened`."""

    def __init__(self) -> None:
        super().__init__((*read_models.EVENTS, *facts.EVENTS), clock=VirtualClock())
        self.make = Maker(self.clock)
        self.holds_at, self.reached, self.opened = 0, asyncio.Event(), asyncio.Event()
        self.projection = Projection(
            name="counts", types=("autobot.test.*",), tables=("counts",), apply=self._apply
        )
        runner = ProjectionRunner(self.projection, self.store, self.clock)
        self.view = Keeper(runner, self.store, self.clock)
        views = {"counts": self.view}
        past = Past(self.store, (self.projection,))
        module = history.build(store=self.store, past=past, views=views, clock=self.clock, ids=self.ids)
        self.asked = self.bus([module], RULES)
        change = history.change_run(bus=self.asked, store=self.store, views=views)
        self.engine = RunEngine((change,), self.store, self.codec, self.clock, no_frame)
        self.starts = history.change_starter(self.codec, self.engine.accept)
        self.group = asyncio.TaskGroup()
        self.tasks: list[asyncio.Task[None]] = []

    async def _apply(self, recorded: Recorded, reader: Reader) -> Sequence[Write]:
        if recorded.position == self.holds_at:
            self.reached.set()
            await self.opened.wait()
        before = await reader.get("counts", recorded.stream)
        total = before.document["total"] if before else 0
        return (Put(table="counts", key=recorded.stream, document={"total": total + 1}),)

    async def __aenter__(self) -> World:
        await self.group.__aenter__()
        self.tasks = [self.group.create_task(one) for one in (self.view.run(), self._react())]
        self.group.create_task(self.engine.serve())
        await self.engine.recovered.wait()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.engine.close()
        for task in self.tasks:
            task.cancel()
        await self.group.__aexit__(*error)

    async def _react(self) -> None:
        async for batch in self.store.subscribe(after=0):
            for recorded in batch:
                if recorded.message.type.startswith("autobot.history."):
                    await self.starts(recorded)

    async def events(self, *streams: str) -> None:
        """Append an event to each stream, and wait until the read model has them."""
        for stream in streams:
            await self.store.commit(self.make.transaction(stream))
        await self.view.wait_for(await self.store.head(), self.clock.monotonic() + 60)

    async def ask(self, act: Act, reason: str = "a test") -> ReadModelChange:
        """Ask for a change."""
        command = read_models.ChangeReadModel(name="counts", act=act, reason=reason)
        answer: ReadModelChange = (await self.asked.dispatch(command, context_of(ROOT))).value
        return answer

    async def ended(self, change: ReadModelChange) -> ReadModelChange:
        """Return a change when it has ended."""
        while change.status in OPEN:
            await asyncio.sleep(0.1)
            change = await self.asked.ask(read_models.GetReadModelChange(id=change.id), context_of(ROOT))
        return change

    async def do(self, act: Act) -> ReadModelChange:
        """Have a change made."""
        return await self.ended(await self.ask(act))

    async def stands(self) -> ReadModel:
        """Return the read model as operators see it."""
        found = await self.asked.ask(ListReadModels(), context_of(ROOT))
        one: ReadModel = found.items[0]
        return one
