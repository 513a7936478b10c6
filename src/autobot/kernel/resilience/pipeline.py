"""The pipeline of a link: every strategy of its row, built once, in one fixed order.

Outermost first: fallback, cache and coalescing, rate limit, total deadline, retry, endpoint choice,
breaker (per target), bulkhead, attempt timeout, chaos, transport. A strategy that the row has not
is left out when the pipeline is built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.resilience.admission import Admission
from autobot.kernel.resilience.attempt_timeout.options import AttemptTimeoutOptions
from autobot.kernel.resilience.attempt_timeout.strategy import Guard
from autobot.kernel.resilience.attempts import Attempts, Parts
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.cache.coalescing import Flights
from autobot.kernel.resilience.cache.strategy import WAYS, CacheLayer
from autobot.kernel.resilience.chaos.strategy import ChaosTransport
from autobot.kernel.resilience.deadline.options import DeadlineOptions
from autobot.kernel.resilience.deadline.strategy import Deadline
from autobot.kernel.resilience.edge import BreakerAction, Layers, Pipeline
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.endpoint.strategy import Chooser
from autobot.kernel.resilience.fallback.strategy import FallbackLayer
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.kernel.resilience.options import PipelineOptions
from autobot.kernel.resilience.outcome import Step
from autobot.kernel.resilience.prober import Prober
from autobot.kernel.resilience.rate_limit.strategy import RateLimitLayer
from autobot.kernel.resilience.records import Records
from autobot.kernel.resilience.registry import Registry, Target
from autobot.kernel.resilience.retry.strategy import Retry
from autobot.kernel.resilience.served import note_cached
from autobot.kernel.resilience.shared_streams import StreamCache
from autobot.kernel.telemetry.listener import Listener

__all__ = ["BreakerAction", "Pipeline", "PipelineOptions", "build_pipeline"]

_SLOW_SHARE = 0.8
_PERMIT_TIMEOUT_MAX = 3_600.0


def build_pipeline(
    link: str,
    targets: Sequence[str],
    options: PipelineOptions,
    transport: Transport,
    clock: Clock,
    chance: Chance,
    listener: Listener | None,
    registry: Registry,
    *,
    narrow_context: bool = True,
) -> Pipeline:
    """Build the pipeline of `link` over `targets` (one or more addresses).

    With `narrow_context` the transport gets a context whose deadline is that of the attempt, which a
    transport that puts it on the wire needs; a direct transport does without (cancellation bounds it)
    and saves the copy. Building again for the same `link` and `registry` goes on with its state.
    Raises ConfigurationError when there is no target, or one is named twice.
    """
    chain = options.fallback.targets if options.fallback is not None else ()
    every = (*targets, *chain)
    if not targets:
        raise ConfigurationError(f"{link} has no target")
    if len(set(every)) != len(every):
        raise ConfigurationError(f"{link} names a target twice")
    return _Builder(link, options, transport, clock, chance, listener, registry, narrow_context).build(
        targets, chain
    )


class _Builder:
    def __init__(
        self,
        link: str,
        options: PipelineOptions,
        transport: Transport,
        clock: Clock,
        chance: Chance,
        listener: Listener | None,
        registry: Registry,
        narrow_context: bool,
    ) -> None:
        self._link = link
        self._options = options
        self._clock = clock
        self._chance = chance
        self._listener = listener
        self._registry = registry
        self._narrow_context = narrow_context
        self._transport = transport
        self._state = registry.link(
            link,
            chance,
            clock.monotonic(),
            bulkhead=options.bulkhead,
            retry=options.retry,
            cache=options.cache,
        )
        self._records = Records(link, self._state, clock, listener)
        self._flights = Flights(link)
        self._streams: list[StreamCache] = []

    def build(self, targets: Sequence[str], chain: Sequence[str]) -> Pipeline:
        self._registry.keep(self._link, (*targets, *chain))
        tiers = [self._tier_targets(targets), *(self._tier_targets([address]) for address in chain)]
        every = [target for tier in tiers for target in tier]
        layers = self._layers(tiers)
        prober = Prober(every, self._transport, self._clock, self._records)
        return Pipeline(
            self._link,
            every,
            self._state,
            layers,
            (self._flights, *self._streams),
            prober,
            self._records,
            self._clock,
        )

    def _layers(self, tiers: Sequence[Sequence[Target]]) -> Layers:
        options = self._options
        halves = [self._attempts(tier) for tier in tiers]
        if options.fallback is None and options.cache is None and options.rate_limit is None:
            return Layers(call=halves[0].step, open=halves[0].open, edge=halves[0].call)
        calls: list[tuple[str, Step]] = []
        opens: list[tuple[str, Step]] = []
        for number, (tier, half) in enumerate(zip(tiers, halves, strict=True)):
            address = tier[0].address if len(tier) == 1 else ""
            call, opening = self._limited(half.step), self._limited(half.open)
            calls.append((address, self._cached(call, number)))
            opens.append((address, self._shared(opening, number)))
        if len(tiers) == 1:
            return Layers(call=calls[0][1], open=opens[0][1], edge=None)
        return Layers(call=self._fallback(calls), open=self._fallback(opens), edge=None)

    def _fallback(self, tiers: Sequence[tuple[str, Step]]) -> Step:
        return FallbackLayer(self._link, tiers, self._records, self._clock.monotonic).call

    def _limited(self, inner: Step) -> Step:
        options = self._options.rate_limit
        if options is None:
            return inner
        records = self._records

        def refused(operation: Operation, context: CallContext, error: Exception) -> None:
            records.refused("", operation, context, error)

        return RateLimitLayer(
            self._link, options, self._state.meter, inner, refused, self._clock.monotonic
        ).call

    def _cached(self, inner: Step, tier: int) -> Step:
        options, store = self._options.cache, self._state.store
        if options is None or store is None:
            return inner
        served = self._served()
        return CacheLayer(options, store, self._flights, inner, self._clock.monotonic, served, tier).call

    def _shared(self, inner: Step, tier: int) -> Step:
        options, store = self._options.cache, self._state.store
        if options is None or store is None:
            return inner
        cache = StreamCache(self._link, options, store, inner, self._clock.monotonic, self._served(), tier)
        self._streams.append(cache)
        return cache.open

    def _served(self) -> Callable[[str], None]:
        state, listener, link = self._state, self._listener, self._link
        # Made once: a hit is the cheapest call there is, and its report must not cost more than it.
        labels = {how: (("link", self._link), ("result", how)) for how in WAYS}

        def served(how: str) -> None:
            state.cached += 1
            note_cached(link, how)
            if listener is not None:
                listener.counted("link_cache_total", 1.0, labels[how])

        return served

    # ------------------------------------------------------------------------------- the inner half

    def _tier_targets(self, addresses: Sequence[str]) -> list[Target]:
        now = self._clock.monotonic()
        timeout = self._options.attempt_timeout
        return [
            self._registry.target(
                self._link,
                address,
                self._chance,
                now,
                breaker=self._breaker_options(),
                slow_after=None if timeout is None else _SLOW_SHARE * timeout,
            )
            for address in addresses
        ]

    def _breaker_options(self) -> BreakerOptions | None:
        """Return the row's breaker; a probe that the row itself gives more time is not late before that."""
        breaker, timeout = self._options.breaker, self._options.attempt_timeout
        if breaker is None or timeout is None or timeout <= breaker.permit_timeout:
            return breaker
        return replace(breaker, permit_timeout=min(timeout, _PERMIT_TIMEOUT_MAX))

    def _attempts(self, targets: Sequence[Target]) -> Attempts:
        options = self._options
        timeout = options.attempt_timeout if options.attempt_timeout is not None else options.total
        deadline = Deadline(self._link, DeadlineOptions(total=options.total))
        guard = Guard(
            self._link, None if timeout is None else AttemptTimeoutOptions(seconds=timeout), deadline
        )
        chooser = Chooser(options.endpoint or EndpointOptions(), targets, self._chance)
        transport = self._transport
        if options.chaos is not None:
            transport = ChaosTransport(options.chaos, transport, self._chance, self._link)
        admission = Admission(
            self._link,
            targets,
            chooser,
            self._state.bulkhead,
            deadline,
            self._records,
            self._clock.monotonic,
        )
        return Attempts(
            Parts(
                link=self._link,
                targets=targets,
                state=self._state,
                deadline=deadline,
                retry=None if options.retry is None else Retry(options.retry, self._chance),
                admission=admission,
                guard=guard,
                transport=transport,
                clock=self._clock,
                listener=self._listener,
                records=self._records,
                narrow_context=self._narrow_context,
            )
        )
