"""One row of the matrix as an immutable value, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeVar, cast, get_args

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.chaos.options import ChaosOptions
from autobot.kernel.resilience.endpoint.options import EndpointOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.rate_limit.options import RateLimitOptions
from autobot.kernel.resilience.retry.options import RetryOptions

Pattern = Literal["request-response", "streaming", "async-command", "pub-sub", "fire-and-forget", "direct"]
TransportName = Literal["direct", "http", "grpc", "websocket", "stream", "pubsub"]
ErrorHandling = Literal["propagate", "rollback", "buffer", "fallback", "failover", "reconnect"]
Idempotency = Literal["required", "effect-free", "delivery", "method"]

STREAM_TOTAL_S: Final = 900.0
"""Seconds of a whole stream when its row does not say."""
T = TypeVar("T")

OPTIONS: Final[Mapping[str, type[Any]]] = {
    "retry": RetryOptions,
    "breaker": BreakerOptions,
    "bulkhead": BulkheadOptions,
    "rate_limit": RateLimitOptions,
    "cache": CacheOptions,
    "chaos": ChaosOptions,
    "endpoint": EndpointOptions,
}
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pattern": get_args(Pattern),
    "transport": get_args(TransportName),
    "error_handling": get_args(ErrorHandling),
    "idempotency": get_args(Idempotency),
    "origin": ("specification", "ours", "operator"),
}
TEXTS: Final = frozenset({"doc", "accepted"})
NUMBERS: Final = frozenset({"timeout", "total"})
FIELDS: Final = frozenset({*OPTIONS, *WORDS, *TEXTS, *NUMBERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A directed edge with its policy. `id` is `from-to`; times in seconds, None where the row has none."""

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
    idempotency: Idempotency | None = None
    origin: str = "operator"
    accepted: str = ""
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
        """Whether the caller does not wait: such a row starts a new time budget."""
        return self.pattern in ("async-command", "pub-sub", "fire-and-forget")

    def options(self) -> PipelineOptions:
        """Return the pipeline of this row."""
        total = self.total
        if total is None and self.pattern == "streaming":
            total = STREAM_TOTAL_S
        return PipelineOptions(
            cache=self.cache,
            rate_limit=self.rate_limit,
            total=total,
            retry=self.retry,
            endpoint=self.endpoint,
            breaker=self.breaker,
            bulkhead=self.bulkhead,
            attempt_timeout=self.timeout,
            chaos=self.chaos,
        )


def _wrong(row: str, key: str, text: str) -> ConfigurationError:
    return ConfigurationError(f"matrix row {row}, {key}: {text}")


def _number(row: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 604_800:
        raise _wrong(row, key, f"{value!r} is no number of seconds between 0 and 604800.")
    return float(value)


def _option(row: str, key: str, value: Any) -> Any:
    kind = OPTIONS[key]
    if not isinstance(value, Mapping):
        raise _wrong(row, key, f"must be a table of {', '.join(one.name for one in fields(kind))}.")
    known = {one.name: one for one in fields(kind)}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise _wrong(row, key, f"{unknown[0]} is unknown; it takes {', '.join(known)}.")
    try:
        return kind(**_settled(value))
    except ConfigurationError as error:
        raise _wrong(row, key, error.detail) from error
    except TypeError as error:
        raise _wrong(row, key, f"a value is missing or of the wrong kind ({error}).") from error


def _settled(value: Mapping[str, Any]) -> dict[str, Any]:
    """Let whole numbers stand where seconds are meant, and lists where tuples are."""
    return {name: tuple(one) if isinstance(one, list) else one for name, one in value.items()}


def read_row(row_id: str, given: Mapping[str, Any]) -> Row:
    """Build a row of TOML values. Raises ConfigurationError naming row, field and what is allowed."""
    source, _, to = row_id.partition("-")
    if not source or not to or not row_id.replace("-", "").replace("_", "").isalnum() or "-" in to:
        raise ConfigurationError(f"matrix row {row_id}: the name must be <from>-<to>.")
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in FIELDS:
            raise _wrong(row_id, key, f"is unknown; fields are {', '.join(sorted(FIELDS))}.")
        if value is None:
            continue
        if key in OPTIONS:
            values[key] = _option(row_id, key, value)
        elif key in NUMBERS:
            values[key] = _number(row_id, key, value)
        elif not isinstance(value, str):
            raise _wrong(row_id, key, "must be text.")
        elif key in WORDS and value not in WORDS[key]:
            raise _wrong(row_id, key, f"{value!r} is none of {', '.join(WORDS[key])}.")
        else:
            values[key] = value
    for key in ("pattern", "transport", "error_handling"):
        if key not in values:
            raise _wrong(row_id, key, "is missing.")
    row = Row(id=row_id, **values)
    try:
        row.options()
    except ConfigurationError as error:
        raise _wrong(row_id, "policy", error.detail) from error
    return row


def field_value(row: Row, key: str) -> Any:
    """Return a row's field as the matrix file writes it; None where it has none."""
    value = getattr(row, key)
    if key not in OPTIONS or value is None:
        return value
    return {one.name: cast("Any", getattr(value, one.name)) for one in fields(value)}
