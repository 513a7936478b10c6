"""Options of the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autobot.kernel.resilience.checks import in_range, one_of, whole

CacheScope = Literal["principal", "tenant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """How long answers of cacheable operations are kept. Times in seconds.

    `ttl` (0–86,400; 0: equal calls in flight are only joined) shortened by up to `jitter` (0–0.5) of
    itself, so that entries do not expire together; `stale_while_revalidate` (0–86,400) answers with the
    old value while one call refreshes it; `stale_if_error` (0–604,800) answers with it when the call
    fails, both counted from the end of `ttl` (RFC 5861). `max_entries` (1–1,000,000), least recently
    used leave first; a stream counts as one for each sixteen of its chunks. `scope`: who shares an entry, the same principal or the whole tenant.
    """

    ttl: float
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    max_entries: int = 1024
    jitter: float = 0.1
    scope: CacheScope = "principal"

    def __post_init__(self) -> None:
        """Check the ranges. Raises ConfigurationError."""
        in_range("cache", "ttl", self.ttl, 0, 86_400)
        in_range("cache", "stale_while_revalidate", self.stale_while_revalidate, 0, 86_400)
        in_range("cache", "stale_if_error", self.stale_if_error, 0, 604_800)
        whole("cache", "max_entries", self.max_entries, 1, 1_000_000)
        in_range("cache", "jitter", self.jitter, 0, 0.5)
        one_of("cache", "scope", self.scope, ("principal", "tenant"))
