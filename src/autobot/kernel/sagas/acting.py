"""How a context begins a run by a fact, and acts for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from autobot.kernel.core.context import SYSTEM, CallContext, Principal, stored_trace
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded

Accept = Callable[..., Awaitable[None]]
"""`RunEngine.accept`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A run as a fact asks for it: under the id `run`, for `principal`, whose objects are `owner`'s.

    `given` is its input; runs of one `serial_key` go one after the other.
    """

    run: str
    principal: Principal
    owner: str
    serial_key: str
    given: dict[str, Any]


def message_context(message: Message, principal: Principal = SYSTEM) -> CallContext:
    """Return the context of work that a stored message causes: no caller waits, so it has no deadline."""
    return CallContext(
        correlation_id=message.correlation_id,
        causation_id=message.id,
        principal=principal,
        trace=stored_trace(message.traceparent),
    )


def as_service(context: CallContext, name: str, owner: str) -> CallContext:
    """Return the context in which the part `name` acts for a run: a service, for the objects of `owner`.

    Without the run's deadline: how a run ended is recorded also when its time is spent.
    """
    principal = Principal(
        id=f"service:{name}",
        kind="service",
        role="service",
        user_id=owner,
        tenant=context.principal.tenant,
        username=name,
    )
    return CallContext(
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
        principal=principal,
        trace=context.trace,
        baggage=context.baggage,
    )


def starter(
    codec: EventCodec, accept: Accept, definition: str, begin: Callable[[Any, Message], Begin | None]
) -> Callable[[Recorded], Awaitable[None]]:
    """Return the consumer that starts a run for each fact of which `begin` makes one, given its envelope too.

    Hearing a fact twice starts one run.
    """

    async def start(recorded: Recorded) -> None:
        wanted = begin(codec.unwrap(recorded), recorded.message)
        if wanted is None:
            return
        context = message_context(recorded.message, wanted.principal)
        await accept(
            definition,
            wanted.run,
            wanted.given,
            context,
            owner=wanted.owner,
            serial_key=wanted.serial_key,
        )

    return start
