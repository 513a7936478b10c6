"""The cache layer: fresh answers from the store, one flight for equal calls, stale answers where the row allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.cache.coalescing import Flights
from autobot.kernel.resilience.cache.key import full_key, quick_key
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.cache.store import Entry, Store
from autobot.kernel.resilience.classify import stale_serves
from autobot.kernel.resilience.deadline.options import HOP_MARGIN
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Failure, Step

WAYS: Final = ("hit", "stale_while_revalidate", "joined", "stale_if_error")
"""How an answer may come without a call of its own; what `served` is told."""


class CacheLayer:
    """Answers cacheable operations from `store`, and asks `inner` once for all who ask the same.

    A shared call runs without its first caller's deadline, since a later one may wait longer: the row's
    total time bounds it, and it ends when nobody waits any more. A payload without a canonical form is
    not cached. Each `tier` of a fallback has entries of its own. `served` is called once for each answer that did not come from `inner`.
    """

    def __init__(
        self,
        options: CacheOptions,
        store: Store,
        flights: Flights,
        inner: Step,
        monotonic: Callable[[], float],
        served: Callable[[str], None],
        tier: int = 0,
    ) -> None:
        self._tier = tier
        self._scope = options.scope
        self._store = store
        self._flights = flights
        self._inner = inner
        self._monotonic = monotonic
        self._served = served

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Return an answer or a Failure."""
        if not operation.cacheable:
            return await self._inner(operation, payload, context)
        quick = quick_key(operation, payload, context.principal, self._scope, self._tier)
        entry = self._store.quick(quick) if quick is not None else None
        if entry is not None and self._monotonic() < entry.fresh_until:
            self._served("hit")
            return entry.value
        if entry is not None:
            key = entry.full_key
        else:
            try:
                key = full_key(operation, payload, context.principal, self._scope, self._tier)
            except (TypeError, ValueError):
                return await self._inner(operation, payload, context)
            entry = self._store.full(key, quick)
        return await self._answer(key, quick, entry, operation, payload, context)

    async def _answer(
        self,
        key: str,
        quick: bytes | None,
        entry: Entry | None,
        operation: Operation,
        payload: Any,
        context: CallContext,
    ) -> Any:
        now = self._monotonic()

        async def fetch() -> Any:
            epoch = self._store.epoch
            result = await self._inner(operation, payload, replace(context, deadline=None))
            if type(result) is not Failure:
                self._store.put(key, quick, result, operation.tags, self._monotonic(), epoch)
            return result

        if entry is not None and now < entry.fresh_until:
            self._served("hit")
            return entry.value
        if entry is not None and now < entry.refresh_until:
            self._flights.refresh(key, fetch)
            self._served("stale_while_revalidate")
            return entry.value
        timeout = None if context.deadline is None else max(0.0, context.deadline - HOP_MARGIN - now)
        result, mine = await self._flights.join(key, fetch, timeout)
        if type(result) is not Failure:
            if not mine:
                self._served("joined")
            return result
        stale = self._store.full(key, None)
        if stale is not None and self._monotonic() < stale.rescue_until and stale_serves(result.error):
            self._served("stale_if_error")
            return stale.value
        return result
