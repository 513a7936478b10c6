"""What follows the log in this process: read models, and reactions such as starting a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from autobot.contracts import chat
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, principal_of
from autobot.kernel.core.errors import DeadlineExceeded, NotFound, Stale
from autobot.kernel.core.message import OWN_PREFIX
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription, Unrecoverable
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.sagas.acting import message_context

CATCH_UP_S: Final = 2.0
GROUP: Final = "reactions"
UNCLAIMED: Final = "unclaimed"
DELIVER: Final = Operation(name="deliver", effect=Effect.IDEMPOTENT)
Reaction = Callable[[Recorded], Awaitable[None]]


def caught_up_with(
    view: Keeper, store: EventStore, clock: Clock
) -> Callable[..., Awaitable[chat.Behind | None]]:
    """Return what a reader awaits to see its own writes in a read model: at most two seconds. It tells what is lacking.

    With `surely` it raises DeadlineExceeded when that was not enough. With a `position` it waits for that one, and
    raises Stale.
    """

    async def caught_up(*, surely: bool = False, position: int = 0) -> chat.Behind | None:
        wanted = position or await store.head()
        try:
            await view.wait_for(wanted, clock.monotonic() + CATCH_UP_S)
        except DeadlineExceeded as error:
            if position:
                raise Stale(error.detail) from error
            # An older list now is more use to a person than none.
            if surely:
                raise
            return await _behind(view, store)
        return None

    return caught_up


async def _behind(view: Keeper, store: EventStore) -> chat.Behind:
    now = await view.statistics()
    lacking = await store.read_all(after=now.position, limit=1)
    return chat.Behind(
        read_model=now.name,
        state=now.state,
        position=now.position,
        since=rfc3339(lacking[0].message.time) if lacking else None,
    )


def reactions_of(
    give: Callable[[Recorded, CallContext], Awaitable[None]], types: Iterable[str], group: str = GROUP
) -> Subscription:
    """Return the `group` that gives events of `types` on, each in the context of what it follows from."""

    async def deliver(recorded: Recorded, delivery: Delivery) -> Transaction:
        await give(recorded, message_context(recorded.message))
        return Transaction()

    return Subscription(group=group, types=tuple(types), handler=deliver)


def unclaimed(known: Iterable[str], wanted: Callable[[str], bool]) -> Subscription:
    """Return the group of all events that this version has no contract for.

    What no other group wants becomes a dead letter at once, with a plain reason: an event from outside that
    nobody consumes, or one of ours that a newer version wrote.
    """

    async def nobody(recorded: Recorded, delivery: Delivery) -> Transaction:
        name = recorded.message.type
        if recorded.message.erased or wanted(name):
            return Transaction()
        if name.startswith(OWN_PREFIX):
            raise Unrecoverable(
                f"This version of AutoBot does not know the type {name}; a newer one wrote it."
            )
        raise Unrecoverable(f"No consumer knows the type {name}.")

    return Subscription(group=UNCLAIMED, types=("*",), without=frozenset(known), handler=nobody)


def reacted(
    broker: SourceBroker, group: str, store: EventStore, clock: Clock
) -> Callable[[], Awaitable[None]]:
    """Return what a reader awaits to see what its own commit set off: at most two seconds. What is not there then may
    come yet: it raises Stale."""

    async def caught_up() -> None:
        try:
            await broker.settled(group, await store.head(), clock.monotonic() + CATCH_UP_S)
        except (DeadlineExceeded, NotFound) as error:
            # NotFound: the group is not served yet.
            raise Stale("What was asked for a moment ago may not have begun yet.") from error

    return caught_up


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
        context = message_context(recorded.message, principal_of(event.asked_by))
        owner = await owner_of(event.session_id)
        if owner:
            await accept(definition, event.run_id, given, context, owner=owner, serial_key=event.session_id)

    return start
