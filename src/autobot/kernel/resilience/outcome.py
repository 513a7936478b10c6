"""Outcomes inside the pipeline: an answer is itself, a failure is a value; the edge raises it once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, final

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Operation


@final
class Failure:
    """A call that failed, with the error to raise at the edge.

    An answer is not wrapped: that would cost more than the whole rest of a good call.
    """

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error: Final = error


Step = Callable[[Operation, Any, CallContext], Awaitable[Any]]
"""One layer of a pipeline: returns an answer or a Failure, and raises only cancellation."""
