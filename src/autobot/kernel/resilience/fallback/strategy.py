"""The fallback layer: the next tier is asked when one has failed in a way that another might not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import DeadlineExceeded
from autobot.kernel.resilience.classify import Verdict, asks_fallback, classify
from autobot.kernel.resilience.deadline.options import HOP_MARGIN
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure, Step
from autobot.kernel.resilience.records import Records
from autobot.kernel.resilience.served import note


class FallbackLayer:
    """Asks `tiers` in order, each an address (empty for several) and all inside it; of streams until the first chunk.

    When all have failed, the failure of the first stands: it is the one that was asked for. A target
    that answered, though with an error of the caller's making, has answered.
    """

    def __init__(
        self,
        link: str,
        tiers: Sequence[tuple[str, Step]],
        records: Records,
        monotonic: Callable[[], float],
    ) -> None:
        self._link = link
        self._tiers = tiers
        self._records = records
        self._monotonic = monotonic

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return an answer (or an open stream) or a Failure."""
        first: Failure | None = None
        for number, (address, step) in enumerate(self._tiers):
            result = await step(operation, payload, context)
            if type(result) is not Failure:
                if address:
                    note(self._link, address, fallback=number > 0)
                if number:
                    self._records.counted("link_fallback_total", target=address)
                return result
            if classify(result.error) is Verdict.SUCCESS and not asks_fallback(result.error):
                return result
            first = first or result
            if not self._goes_on(result.error, context):
                break
        return first

    def _goes_on(self, error: Exception, context: CallContext) -> bool:
        """Return whether the next tier is worth asking: also when only the row's total was spent."""
        if context.deadline is not None and self._monotonic() >= context.deadline - HOP_MARGIN:
            return False
        return asks_fallback(error) or isinstance(error, DeadlineExceeded)
