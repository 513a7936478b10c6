"""A link narrowed to some of its targets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Operation


class Among:
    """Implements `Link`: the same row and policy, but only `targets` of it are asked.

    Where none of them is a target of the row any more, all of the row's are: the row knows better where it leads.
    """

    def __init__(self, link: Link, targets: frozenset[str]) -> None:
        self._link, self._targets = link, targets
        self._operations: dict[str, Operation] = {}

    @property
    def id(self) -> str:
        """The row's name."""
        return self._link.id

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Send and return the answer."""
        return await self._link.call(self._narrowed(operation), payload, context)

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        """Send and yield the answer's chunks."""
        return self._link.stream(self._narrowed(operation), payload, context)

    def _narrowed(self, operation: Operation) -> Operation:
        found = self._operations.get(operation.name)
        if found is None:
            found = self._operations[operation.name] = replace(operation, among=self._targets)
        return found
