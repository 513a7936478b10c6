"""The event publisher (Domain Services → Event Publisher): wraps facts; they wait in the command's transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from autobot.kernel.commands.decision import Emit
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Append
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

PUBLISH: Final = Operation(name="publish", effect=Effect.IDEMPOTENT)


def publisher(link: Link) -> Callable[[Iterable[Emit], CallContext], Awaitable[tuple[Append, ...]]]:
    """Return what the bus publishes with: a call on the publisher's row."""

    async def publish(emits: Iterable[Emit], context: CallContext) -> tuple[Append, ...]:
        appends: tuple[Append, ...] = await link.call(PUBLISH, tuple(emits), context)
        return appends

    return publish


def publisher_service(
    codec: EventCodec,
) -> Callable[[Any, CallContext], Coroutine[Any, Any, tuple[Append, ...]]]:
    """Return the handler behind the row."""

    async def wrap(emits: Any, context: CallContext) -> tuple[Append, ...]:
        return tuple(
            Append(
                stream=emit.stream,
                expected=emit.expected,
                events=tuple(codec.wrap(one, emit.stream, context) for one in emit.events),
            )
            for emit in emits
        )

    return wrap
