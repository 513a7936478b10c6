"""What follows the log in this process: read models, and reactions such as starting a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from autobot.contracts import chat
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext, principal_of, stored_trace
from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.event_store.transaction import Checkpoint, Delete, Put, Recorded, Transaction
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

CATCH_UP_S: Final = 2.0
DELIVER: Final = Operation(name="deliver", effect=Effect.IDEMPOTENT)
Reaction = Callable[[Recorded], Awaitable[None]]


class Follower:
    """Follows the log under one name, from where it last stood; at least once, in order."""

    def __init__(self, name: str, store: EventStore) -> None:
        self.name = name
        self._store = store
        self.position = 0
        self._reached = asyncio.Event()

    async def run(self, handle: Callable[[Recorded], Awaitable[tuple[Put | Delete, ...]]]) -> None:
        """Handle each event and commit its writes with the position, for ever."""
        self.position = await self._store.checkpoint(self.name)
        async for batch in self._store.subscribe(after=self.position):
            for recorded in batch:
                writes = await handle(recorded)
                moved = Checkpoint(consumer=self.name, position=recorded.position)
                if writes:
                    await self._store.commit(Transaction(writes=writes, checkpoints=(moved,)))
                self.position = recorded.position
            await self._store.commit(
                Transaction(checkpoints=(Checkpoint(consumer=self.name, position=self.position),))
            )
            reached, self._reached = self._reached, asyncio.Event()
            reached.set()

    async def caught_up(self) -> None:
        """Return when everything that is in the log now has been handled, or after two seconds.

        A reader that was told of a commit thereby sees its effect; one that asks while the follower is far
        behind gets the older state rather than no answer.
        """
        wanted = await self._store.head()
        try:
            async with asyncio.timeout(CATCH_UP_S):
                while self.position < wanted:
                    await self._reached.wait()
        except TimeoutError:
            return


def caught_up_with(
    runner: ProjectionRunner, store: EventStore, clock: Clock
) -> Callable[[], Awaitable[None]]:
    """Return what a reader awaits to see its own writes in a read model: at most two seconds."""

    async def caught_up() -> None:
        try:
            await runner.wait_for(await store.head(), clock.monotonic() + CATCH_UP_S)
        except DeadlineExceeded:
            # An older list now is more use to a person than none.
            return

    return caught_up


def message_context(message: Message) -> CallContext:
    """Return the context of work that a stored message causes."""
    return CallContext(
        correlation_id=message.correlation_id,
        causation_id=message.id,
        principal=SYSTEM,
        trace=stored_trace(message.traceparent),
    )


def reaction_handler(
    link: Link, types: frozenset[str]
) -> Callable[[Recorded], Awaitable[tuple[Put | Delete, ...]]]:
    """Return the handler that delivers events of `types` over the event bus's row."""

    async def handle(recorded: Recorded) -> tuple[Put | Delete, ...]:
        if recorded.message.type in types:
            await link.call(DELIVER, recorded, message_context(recorded.message))
        return ()

    return handle


def start_reply(
    codec: EventCodec,
    accept: Callable[..., Awaitable[None]],
    definition: str,
    owner_of: Callable[[str], Awaitable[str]],
) -> Reaction:
    """Return the reaction to a request for a reply: a run is accepted under the request's own id."""

    async def start(recorded: Recorded) -> None:
        event = codec.unwrap(recorded)
        if not isinstance(event, chat.ReplyRequested):
            return
        given = {
            "session_id": event.session_id,
            "message_id": event.message_id,
            "parent_id": event.parent_id,
            "model": event.model,
        }
        context = replace(message_context(recorded.message), principal=principal_of(event.asked_by))
        owner = await owner_of(event.session_id)
        if owner:
            await accept(definition, event.run_id, given, context, owner=owner, serial_key=event.session_id)

    return start
