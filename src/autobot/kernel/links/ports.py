"""What a call site sees of the matrix, and what an HTTP link carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Operation


class Link(Protocol):
    """One row of the matrix as its call sites use it. The same for every transport.

    Contract: `call` and `stream` run the row's whole pipeline and raise errors of the tree (on a direct
    row also what the callee raised). A row deleted or changed at run time changes the very next call.
    """

    @property
    def id(self) -> str:
        """The row's name, `from-to`."""
        ...

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Send and return the answer."""
        ...

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        """Send and yield the answer's chunks; nothing is retried after the first chunk."""
        ...


class Links(Protocol):
    """Gives links by row name."""

    def link(self, row: str) -> Link:
        """Return the link of `row` (also for a row not in the matrix: its calls raise LinkMissing)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """Payload of a call on an HTTP link. `path` starts with `/` and may carry a query; `body` is encoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    max_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A 2xx or 3xx answer (others raise RemoteError with `status` and the first 64 KiB of the body).

    A stream on an HTTP link yields `bytes` as they arrive.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
