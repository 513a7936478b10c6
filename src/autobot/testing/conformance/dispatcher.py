"""What every way to the command bus holds: the bus itself, and the bus behind a row of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import IdempotencyMismatch, NotFound


async def check_dispatcher(
    dispatcher: Dispatcher,
    context: CallContext,
    *,
    command: Callable[[int], Any],
    query: Any,
    read: Callable[[Any], int],
    foreign: Any,
) -> None:
    """Hold a dispatcher to its port.

    `command(n)` adds n (1–9) to a counter and answers with the sum; `query` asks for the sum; `read` takes
    it out of either answer; `foreign` is a command on somebody else's object. Raises AssertionError.
    """
    first = await dispatcher.dispatch(command(3), context, key="conformance-1")
    assert read(first.value) == 3, "the answer is not the handler's"
    assert first.position > 0, "an effect has a position in the log"
    assert not first.replayed, "a first call is no replay"
    again = await dispatcher.dispatch(command(3), context, key="conformance-1")
    assert again.replayed, "a repeated key is a replay"
    assert read(again.value) == 3, "a replay gives the first answer"
    assert read(await dispatcher.ask(query, context)) == 3, "a replay had an effect"
    await expect(IdempotencyMismatch, dispatcher.dispatch(command(4), context, key="conformance-1"))
    await expect(NotFound, dispatcher.dispatch(foreign, context))
    await dispatcher.dispatch(command(5), context)
    assert read(await dispatcher.ask(query, context)) == 8, "a command without a key had no effect"


async def expect(kind: type[Exception], call: Any) -> None:
    """Raise AssertionError unless awaiting `call` raises `kind`."""
    try:
        await call
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
