"""Options of the HTTP transport."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How a link's connections are kept.

    `connections_min` (1–1,000) and `connections_max` (1–10,000) bound the pool of one target; `idle_s`
    (1–3,600 s, or 0: each call takes a connection of its own) is how long a connection waits for its next call; `connect_s` (0.01–300 s) bounds the
    connect. `health_path` is asked by probes, None when the target has no cheap health call.
    `internal` targets are roles of this installation and get every context field; others get the trace
    and the correlation id alone. A `guarded` transport reaches public addresses only: for addresses that
    users give.
    """

    connections_min: int = 4
    connections_max: int = 256
    idle_s: float = 15.0
    connect_s: float = 5.0
    health_path: str | None = None
    internal: bool = False
    guarded: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 1 <= self.connections_min <= min(self.connections_max, 1_000):
            raise ConfigurationError("connections_min must be from 1 to connections_max and at most 1000.")
        if self.connections_max > 10_000:
            raise ConfigurationError("connections_max must be at most 10000.")
        if self.idle_s != 0 and not 1 <= self.idle_s <= 3600:
            raise ConfigurationError("idle_s must be 0, or from 1 to 3600 seconds.")
        if not 0.01 <= self.connect_s <= 300:
            raise ConfigurationError("connect_s must be from 0.01 to 300 seconds.")
        if self.health_path is not None and not self.health_path.startswith("/"):
            raise ConfigurationError("health_path must start with a slash.")
        if self.internal and self.guarded:
            raise ConfigurationError("A transport is internal or guarded, not both.")
