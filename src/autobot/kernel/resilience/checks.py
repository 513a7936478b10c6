"""Checks of options: a value out of its range is refused when the options are built, never later."""

from __future__ import annotations

import math

from autobot.kernel.core.errors import ConfigurationError


def in_range(owner: str, name: str, value: object, low: float, high: float) -> None:
    """Refuse `value` unless it is a number in [low, high] or None (an option that is not set).

    Raises ConfigurationError naming the option, the value and the range.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ConfigurationError(f"{owner}.{name} is {value!r}; it must be a number")
    if not low <= value <= high:
        raise ConfigurationError(f"{owner}.{name} is {value:g}; it must be from {low:g} to {high:g}")


def whole(owner: str, name: str, value: object, low: int, high: int) -> None:
    """Refuse `value` unless it is a whole number in [low, high] or None. Raises ConfigurationError."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{owner}.{name} is {value!r}; it must be a whole number")
    in_range(owner, name, value, low, high)


def one_of(owner: str, name: str, value: object, words: tuple[str, ...]) -> None:
    """Refuse a word that is not in `words`. Raises ConfigurationError."""
    if value not in words:
        raise ConfigurationError(f"{owner}.{name} is {value!r}; it must be one of {', '.join(words)}")
