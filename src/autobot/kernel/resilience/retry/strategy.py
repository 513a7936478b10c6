"""Whether and when a failed call is sent again: a function of the failure, the options and what is left."""

from __future__ import annotations

from typing import Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.errors import ConnectFailed
from autobot.kernel.resilience.classify import is_throttle, repeats, retry_after_of
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.retry.options import RetryOptions

_LATE: Final = 0.1
"""Share of a wait that is added by chance, so that those who were sent away together do not come back so."""


class Retry:
    """The retry rules of one link; changes nothing but the draw of chance."""

    __slots__ = ("_chance", "_options")

    def __init__(self, options: RetryOptions, chance: Chance) -> None:
        self._options = options
        self._chance = chance

    def allows(self, number: int, error: Exception, operation: Operation, *, begun: bool = True) -> bool:
        """Return whether further attempt `number` (1 is the first) may follow `error`, whatever the budget says.

        What was never `begun` may always be sent again.
        """
        options = self._options
        if number > options.max:
            return False
        if not begun:
            return True
        return operation.effect is not Effect.UNSAFE and repeats(error, server_error=options.retry_500)

    def delay(self, number: int, error: Exception) -> float | None:
        """Return the seconds to wait before further attempt `number`, None to give up.

        A Retry-After is waited for in full, plus up to 10 %; one over `retry_after_max` is passed on
        to the caller instead.
        """
        wait = self._backoff(number, error)
        asked = retry_after_of(error)
        if asked is None:
            return wait
        if asked > self._options.retry_after_max:
            return None
        return max(asked, wait) * (1.0 + _LATE * self._chance.random())

    def _backoff(self, number: int, error: Exception) -> float:
        options = self._options
        if options.backoff == "immediate":
            return 0.0 if isinstance(error, ConnectFailed) else self._chance.uniform(0.0, options.delay)
        if options.backoff == "fixed":
            return options.delay * (1.0 + _LATE * self._chance.random())
        base = max(options.throttle_delay, options.delay) if is_throttle(error) else options.delay
        return self._chance.uniform(0.0, min(options.cap, base * 2.0 ** (number - 1)))
