"""The bus behind a row of the matrix: what callers hold, so that no call reaches a service around its link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autobot.kernel.commands.decision import Answer
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

COMMAND = Operation(name="command", effect=Effect.UNSAFE)
KEYED_COMMAND = Operation(name="command", effect=Effect.IDEMPOTENT)
QUERY = Operation(name="query", effect=Effect.FREE)
REPORT = Operation(name="report", effect=Effect.FREE)
"""A query that reads everything: between roles it goes by a row of its own, which waits longer and admits fewer."""


class LinkedBus:
    """Implements `Dispatcher` over a link (the specification's `await service.handle(command)`)."""

    def __init__(self, link: Link, query: Operation = QUERY) -> None:
        self._link, self._query = link, query

    async def dispatch(self, command: Any, context: CallContext, *, key: str | None = None) -> Answer[Any]:
        """Run a command; one with a key may be repeated by the link."""
        answer: Answer[Any] = await self._link.call(
            COMMAND if key is None else KEYED_COMMAND, (command, key), context
        )
        return answer

    async def ask(self, query: Any, context: CallContext) -> Any:
        """Answer a query."""
        return await self._link.call(self._query, query, context)


class RoutedBus:
    """Implements `Dispatcher` over others, by the type of what is asked: contexts may run in several roles."""

    def __init__(self, usual: Dispatcher, others: Mapping[type[Any], Dispatcher]) -> None:
        self._usual, self._others = usual, dict(others)

    async def dispatch(self, command: Any, context: CallContext, *, key: str | None = None) -> Answer[Any]:
        """Run a command where it is handled."""
        return await self._others.get(type(command), self._usual).dispatch(command, context, key=key)

    async def ask(self, query: Any, context: CallContext) -> Any:
        """Answer a query where it is handled."""
        return await self._others.get(type(query), self._usual).ask(query, context)


class BusService:
    """The other end: the handlers that a transport calls."""

    def __init__(self, bus: Dispatcher) -> None:
        self._bus = bus

    async def command(self, payload: Any, context: CallContext) -> Answer[Any]:
        """Handle (command, key)."""
        command, key = payload
        return await self._bus.dispatch(command, context, key=key)

    async def query(self, payload: Any, context: CallContext) -> Any:
        """Handle a query."""
        return await self._bus.ask(payload, context)
