"""One row of the matrix as an immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.fallback.options import FallbackOptions
from autobot.kernel.resilience.options import PipelineOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions

Pattern = Literal["request-response", "streaming", "async-command", "pub-sub", "fire-and-forget", "direct"]
TransportName = Literal["direct", "http", "grpc", "websocket", "stream", "pubsub"]
ErrorHandling = Literal["propagate", "rollback", "buffer", "fallback", "failover", "reconnect"]
Idempotency = Literal["required", "effect-free", "delivery", "method"]
Origin = Literal["specification", "ours"]
Rule = Literal["inversion", "multiplied", "cycle", "unsafe_retry", "unbounded"]
"""The rules of the start-up proofs, by the words of the matrix file."""

STREAM_TOTAL_S: Final = 900.0
"""Seconds of a whole stream when its row does not say."""

OPTIONS: Final[Mapping[str, type[Any]]] = {
    "retry": RetryOptions,
    "breaker": BreakerOptions,
    "bulkhead": BulkheadOptions,
    "rate_limit": RateLimitOptions,
    "cache": CacheOptions,
    "chaos": ChaosOptions,
    "endpoint": EndpointOptions,
}
"""Fields that are tables, and what they are built into."""

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pattern": get_args(Pattern),
    "transport": get_args(TransportName),
    "error_handling": get_args(ErrorHandling),
    "idempotency": get_args(Idempotency),
    "origin": get_args(Origin),
}
"""Fields that are one of a few words."""

RULES: Final[tuple[Rule, ...]] = get_args(Rule)

TEXTS: Final = frozenset({"doc"})
NUMBERS: Final = frozenset({"timeout", "total"})
LISTS: Final = frozenset({"targets"})
FIELDS: Final = frozenset({*OPTIONS, *WORDS, *TEXTS, *NUMBERS, *LISTS, "accepted"})
NEEDED: Final = ("pattern", "transport", "error_handling")
OPTIONAL: Final = frozenset({*OPTIONS, *NUMBERS, *LISTS, "idempotency"})
"""Fields that a higher layer can take away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A finding of the start-up proofs that a shipped row stands up for: the rule, all other rows of the finding, why."""

    rule: Rule
    rows: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A directed edge with its policy. `id` is `from-to`; times in seconds, None where the row has none.

    `timeout` bounds one attempt, on a streaming row connect-to-first-chunk and each gap; `total` the whole
    call. `idempotency` says what makes repeating safe, `accepted` which start-up findings on a shipped row
    are accepted, and why. `targets` are the addresses that the row fixes; without any, whoever connects it knows them: for
    another role the roles table.
    """

    id: str
    pattern: Pattern
    transport: TransportName
    error_handling: ErrorHandling
    timeout: float | None = None
    total: float | None = None
    retry: RetryOptions | None = None
    breaker: BreakerOptions | None = None
    bulkhead: BulkheadOptions | None = None
    rate_limit: RateLimitOptions | None = None
    cache: CacheOptions | None = None
    chaos: ChaosOptions | None = None
    endpoint: EndpointOptions | None = None
    targets: tuple[str, ...] = ()
    idempotency: Idempotency | None = None
    origin: Origin = "ours"
    accepted: tuple[Accepted, ...] = ()
    doc: str = ""

    @property
    def source(self) -> str:
        """Where the edge begins."""
        return self.id.partition("-")[0]

    @property
    def to(self) -> str:
        """Where it ends."""
        return self.id.partition("-")[2]

    @property
    def asynchronous(self) -> bool:
        """Whether the caller does not wait for the work: such a row starts a new time budget."""
        return self.pattern in ("async-command", "pub-sub", "fire-and-forget")

    @property
    def retries(self) -> int:
        """How many further attempts a call may make."""
        return self.retry.max if self.retry is not None else 0

    @property
    def falls_back(self) -> bool:
        """Whether a call that failed goes on to the chain behind the row's own targets."""
        return self.error_handling in ("fallback", "failover")

    @property
    def whole(self) -> float | None:
        """Seconds that a call may take with all its attempts: `total`, for a stream 15 minutes when it has none."""
        return STREAM_TOTAL_S if self.total is None and self.pattern == "streaming" else self.total

    def options(self, chain: tuple[str, ...] = ()) -> PipelineOptions:
        """Return the pipeline of this row; `chain` are the targets that it may fall back to.

        Raises ConfigurationError for a value outside its range.
        """
        return PipelineOptions(
            fallback=FallbackOptions(targets=chain) if chain and self.falls_back else None,
            cache=self.cache,
            rate_limit=self.rate_limit,
            total=self.whole,
            retry=self.retry,
            endpoint=self.endpoint,
            breaker=self.breaker,
            bulkhead=self.bulkhead,
            attempt_timeout=self.timeout,
            chaos=self.chaos,
        )


def field_value(row: Row, key: str) -> Any:
    """Return a row's field as the matrix file writes it; None where it has none."""
    value = getattr(row, key)
    if key in LISTS:
        return list(value)
    if key == "accepted":
        return {one.rule: {"rows": list(one.rows), "because": one.because} for one in value}
    if key not in OPTIONS or value is None:
        return value
    return {one.name: getattr(value, one.name) for one in fields(value)}
