"""The saga by which a user goes with all that belongs to them, across the contexts that hold it.

    requested   the credentials have stopped working        undone: the user is as before
    grace       waits until the removal is due; can be stopped
    remove      pivot: the user, the name, every credential
    chats       each one is deleted and erased
    actions     what they asked for, with its results
    documents   what they brought, and their collections
    account     what the log says of them

Beyond the pivot each step is tried for hours, then waits for a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from autobot.contracts import actions, chat, identity
from autobot.contracts.knowledge import documents
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import parse_rfc3339, rfc3339
from autobot.kernel.core.context import CallContext, principal_of
from autobot.kernel.core.errors import NotFound
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.sagas.acting import Accept, Begin, as_service, starter
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Step, StepRetry, Timer

NAME: Final = "user-removal"
PATIENT: Final = StepRetry(attempts=200, cap_s=100.0)
PAGE: Final = 200
ERASE_S: Final = 3600.0
"""Seconds that erasing may take in one attempt: somebody may have thousands of chats."""


def user_removal(bus: Dispatcher) -> Saga:
    """Return the definition. `bus` reaches every context by its contracts."""

    async def requested(run: Run) -> None:
        """Nothing is left to do: the request itself stopped the credentials."""

    async def keep(run: Run) -> None:
        command = identity.KeepUser(user_id=run.input["user_id"], removal_id=run.id)
        await bus.dispatch(command, _service(run), key=run.key("undo:requested"))

    async def remove(run: Run) -> None:
        command = identity.TakeUser(user_id=run.input["user_id"], removal_id=run.id)
        await bus.dispatch(command, _service(run), key=run.key("remove"))

    async def chats(run: Run) -> dict[str, int]:
        return {"erased": await _erase_chats(bus, run)}

    async def acts(run: Run) -> dict[str, int]:
        erased = 0
        while True:
            command = actions.EraseActions(user_id=run.input["user_id"], limit=PAGE)
            answer: actions.ActionsErased = (await bus.dispatch(command, _service(run))).value
            erased += answer.erased
            if not answer.more:
                return {"erased": erased}

    async def brought(run: Run) -> dict[str, int]:
        return {"erased": await _erase_documents(bus, run)}

    async def account(run: Run) -> None:
        command = identity.EraseUser(user_id=run.input["user_id"])
        await bus.dispatch(command, _service(run), key=run.key("account"))

    return Saga(
        NAME,
        (
            Step(name="requested", action=requested, compensation=keep, asked=True),
            Timer(name="grace", due=lambda run: parse_rfc3339(run.input["due"])),
            Step(name="remove", action=remove, pivot=True),
            Step(name="chats", action=chats, retry=PATIENT, timeout_s=ERASE_S),
            Step(name="actions", action=acts, retry=PATIENT, timeout_s=ERASE_S),
            Step(name="documents", action=brought, retry=PATIENT, timeout_s=ERASE_S),
            Step(name="account", action=account, retry=PATIENT),
        ),
        budget=45 * 86_400.0,
    )


async def _erase_chats(bus: Dispatcher, run: Run) -> int:
    """Delete every chat of the user. What a list still shows although it is gone is passed over."""
    context, gone = _service(run), set[str]()
    while True:
        # A list that lags would leave a chat behind for ever.
        page: chat.Listing[Mapping[str, Any]] = await bus.ask(
            chat.ListSessions(limit=PAGE, complete=True), context
        )
        left = [one["id"] for one in page.items if one["id"] not in gone]
        if not left:
            return len(gone)
        for session_id in left:
            try:
                await bus.dispatch(chat.DeleteSession(session_id=session_id), context)
            except NotFound:
                pass
            gone.add(session_id)


async def _erase_documents(bus: Dispatcher, run: Run) -> int:
    """Erase every document that the user brought, and let go of their collections."""
    erased = 0
    while True:
        command = documents.EraseDocuments(user_id=run.input["user_id"])
        answer: documents.DocumentsErased = (await bus.dispatch(command, _service(run))).value
        erased += answer.erased
        if not answer.more:
            return erased


def _service(run: Run) -> CallContext:
    """Return the saga's own context: a service, for what belongs to the user who goes."""
    return as_service(run.context, "identity", run.input["user_id"])


def _begin(event: Any, message: Message) -> Begin | None:
    if not isinstance(event, identity.UserRemovalRequested):
        return None
    by = message.principal
    asked_by = {"id": by, "kind": "user", "role": "admin", "user_id": by, "scopes": []}
    return Begin(
        run=event.removal_id,
        principal=principal_of(asked_by),
        owner=event.user_id,
        serial_key=f"user:{event.user_id}",
        given={"user_id": event.user_id, "due": rfc3339(event.due)},
    )


def removal_starter(codec: EventCodec, accept: Accept) -> Callable[[Recorded], Awaitable[None]]:
    """Return the reaction to a requested removal: its saga is accepted under the removal's own id."""

    return starter(codec, accept, NAME, _begin)
