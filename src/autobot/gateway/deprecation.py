"""Routes that will go: said on each answer by `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), and in the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, TypeVar

from autobot.gateway.structured_fields import Date, serialize_bare
from autobot.kernel.core.errors import ConfigurationError

_MARK: Final = "__autobot_deprecation__"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Since when a route is discouraged, when it stops answering, and where the successor is explained.

    Times are aware; `sunset` is not before `since`.
    """

    since: datetime
    sunset: datetime | None = None
    link: str = ""

    def __post_init__(self) -> None:
        """Raise ConfigurationError for naive times, or a sunset before the deprecation."""
        times = [moment for moment in (self.since, self.sunset) if moment is not None]
        if any(moment.tzinfo is None for moment in times):
            raise ConfigurationError("A deprecation's times need an offset.")
        if self.sunset is not None and self.sunset < self.since:
            raise ConfigurationError("A route cannot go before it is deprecated.")

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header fields of each answer."""
        found = [(b"deprecation", serialize_bare(Date(int(self.since.timestamp()))).encode())]
        if self.sunset is not None:
            moment = format_datetime(self.sunset.astimezone(UTC), usegmt=True)
            found.append((b"sunset", moment.encode()))
        if self.link:
            found.append((b"link", f'<{self.link}>; rel="deprecation"'.encode()))
        return tuple(found)


def deprecated(since: datetime, *, sunset: datetime | None = None, link: str = "") -> Callable[[F], F]:
    """Declare that a route is deprecated. Raises ConfigurationError as Deprecation does."""
    found = Deprecation(since=since, sunset=sunset, link=link)

    def mark(endpoint: F) -> F:
        setattr(endpoint, _MARK, found)
        return endpoint

    return mark


def declared_deprecation(endpoint: object) -> Deprecation | None:
    """Return what an endpoint declares, None when it stays."""
    found = getattr(endpoint, _MARK, None)
    return found if isinstance(found, Deprecation) else None
