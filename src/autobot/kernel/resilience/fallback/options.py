"""Options of the fallback."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackOptions:
    """The chain behind the row's own targets.

    `targets` (1–16 addresses, in order) are asked one after the other once the row's targets have
    failed; each has its own breaker, retries and total time; the caller's deadline bounds them all.
    """

    targets: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an empty chain and one that asks a target twice. Raises ConfigurationError."""
        if not 1 <= len(self.targets) <= 16:
            raise ConfigurationError("fallback.targets must name 1 to 16 targets")
        if len(set(self.targets)) != len(self.targets):
            raise ConfigurationError("fallback.targets names a target twice")
