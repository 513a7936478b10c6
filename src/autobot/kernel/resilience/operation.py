"""What a call does, and where it goes: declared once, beside the contract that travels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from autobot.kernel.core.context import CallContext


class Effect(Enum):
    """What repeating a call would do; decides whether the pipeline may retry it."""

    FREE = "free"
    """Changes nothing anywhere (generate, embed, rerank, search, any read)."""
    IDEMPOTENT = "idempotent"
    """Repeating it changes nothing more (PUT, DELETE), or it carries an idempotency key."""
    UNSAFE = "unsafe"
    """Repeating it may do it twice: never retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One kind of call. `name` is low-cardinality (`generate`, `tags`): it labels metrics and breakers.

    `cacheable` lets the link's cache answer it; only with Effect.FREE. `tags` invalidate such entries.
    `among` are the targets that have what is asked for (a model server its models); None: all of the link.
    """

    name: str
    effect: Effect
    cacheable: bool = False
    tags: tuple[str, ...] = ()
    among: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a cacheable call that changes something."""
        if self.cacheable and self.effect is not Effect.FREE:
            raise ValueError(f"operation {self.name}: only an effect-free operation can be cacheable")


class Transport(Protocol):
    """Carries one call to one target. The innermost layer of a pipeline.

    Contract: safe for concurrent calls; raises only errors of the tree, except that a direct transport
    lets the callee's own exceptions pass unchanged (the specification's exception propagation).
    Cancellation stops the work at once and returns every resource. `stream` starts nothing before the
    first item is asked for, and closing the iterator early closes the connection. It honours
    `context.deadline` only by cancellation from above: timeouts are the pipeline's.
    """

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return the whole answer."""
        ...

    def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Yield the answer in chunks."""
        ...

    async def probe(self, target: str) -> bool | None:
        """Return whether a cheap health call succeeds; None when the target has none."""
        ...

    async def close(self) -> None:
        """Release connections; calls after it fail."""
        ...
