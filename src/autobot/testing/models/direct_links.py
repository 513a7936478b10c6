"""Links whose every row is direct: an operation goes to the function that was registered for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Operation

Calls = Mapping[str, Callable[[Any, CallContext], Awaitable[Any]]]
Streams = Mapping[str, Callable[[Any, CallContext], AsyncIterator[Any]]]


@dataclass(slots=True)
class DirectLink:
    """One direct row; `counted` holds the names of the operations that went over it."""

    id: str
    calls: Calls = field(default_factory=dict)
    streams: Streams = field(default_factory=dict)
    counted: list[str] = field(default_factory=list)

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        self.counted.append(operation.name)
        return await self.calls[operation.name](payload, context)

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        self.counted.append(operation.name)
        return self.streams[operation.name](payload, context)


class DirectLinks:
    """Links by row name."""

    def __init__(self) -> None:
        self._rows: dict[str, DirectLink] = {}

    def serve(self, row: str, calls: Calls, streams: Streams) -> None:
        """Put these functions behind a row."""
        self.link(row).calls = calls
        self.link(row).streams = streams

    def link(self, row: str) -> DirectLink:
        return self._rows.setdefault(row, DirectLink(row))
