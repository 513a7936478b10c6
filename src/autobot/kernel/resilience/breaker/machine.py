"""The circuit breaker of one link and target: pure, with time by argument.

Only the table in `table.py` says which state follows. Every transition starts a new *generation*:
a permit is a number not below the generation that gave it, so an outcome whose permit is older
decides nothing. Probes of a half-open breaker have permits of their own above the generation.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.chance import Chance
from autobot.kernel.resilience.breaker.options import BreakerOptions
from autobot.kernel.resilience.breaker.table import FLOWING, HOME, TABLE, Event, State
from autobot.kernel.resilience.breaker.window import Window

REFUSED: Final = -1
"""What `admit` returns instead of a permit."""

_HALF_OPEN_RETRY_AFTER: Final = 1.0
_SET: Final = {"on": Event.SET_ON, "shadow": Event.SET_SHADOW, "disabled": Event.SET_DISABLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move. `at` is monotonic seconds."""

    before: State
    after: State
    event: Event
    at: float
    reason: str
    by: str = ""


class Breaker:
    """Decides whether a call may go, and learns from how it went.

    Contract: used from one event loop; no method waits or calls out, so each is atomic. Whoever gets
    a permit from `admit` gives back exactly one outcome with it: `succeeded`, `failed` or `ignored`;
    for streams `succeeded` at the first chunk may be followed by one `failed`. Only `admit`, the
    outcomes and the manual methods change anything. `drain` hands over what has moved since the last
    call of it, so that the report is made after the decision.

    The fused path of the pipeline may, while `flowing`, take `generation` as its permit and, when it
    still equals `countable` afterwards, count a success itself: roll the window when its bucket has
    ended, `window.calls += 1`, `consecutive = 0`. Otherwise it calls `succeeded`.
    """

    __slots__ = (
        "_asked_until",
        "_chance",
        "_failed_probes",
        "_passed",
        "_probe",
        "_probe_since",
        "_recent",
        "_serial",
        "_slow_after",
        "_transitions",
        "by",
        "consecutive",
        "countable",
        "flowing",
        "generation",
        "options",
        "reason",
        "since",
        "state",
        "until",
        "window",
        "would_have_opened",
    )

    def __init__(
        self, options: BreakerOptions, chance: Chance, now: float, *, slow_after: float | None = None
    ) -> None:
        self._chance = chance
        self._transitions: list[Transition] = []
        self._serial = 0
        self.generation = 0
        self.state = HOME[options.mode]
        self.flowing = True
        self.since = now
        self.until = math.inf
        self.by = self.reason = ""
        self.would_have_opened = 0
        self._recent: deque[float] = deque()
        self.countable = REFUSED
        self._apply(options, slow_after, now)
        self._restart(now)

    def _apply(self, options: BreakerOptions, slow_after: float | None, now: float) -> None:
        self.options = options
        self.window = Window(options.window, now)
        limit = options.slow_after if options.slow_after is not None else slow_after
        self._slow_after = math.inf if options.slow_ratio is None or limit is None else limit
        self._recent = deque(self._recent, maxlen=options.failures or options.consecutive)
        self._set_countable()

    def _set_countable(self) -> None:
        """Let the fused path count successes where they change nothing but counts."""
        plain = self.flowing and self._slow_after == math.inf
        self.countable = self.generation if plain else REFUSED

    def _restart(self, now: float) -> None:
        """Watch from an empty window."""
        self.window.clear(now)
        self.consecutive = 0
        self._recent.clear()
        self._asked_until = 0.0
        self._failed_probes = 0
        self._passed = 0
        self._probe: int | None = None
        self._probe_since = 0.0

    def reconfigure(self, options: BreakerOptions, now: float, *, slow_after: float | None = None) -> None:
        """Go on under new options: the state stays where they still have it, windows start again."""
        if options == self.options:
            return
        mode_changed = options.mode != self.options.mode
        self._apply(options, slow_after, now)
        if mode_changed:
            self._move(_SET[options.mode], now, "the row's policy changed")

    # ------------------------------------------------------------------------------------ admission

    def admits(self, now: float) -> bool:
        """Return whether `admit` would give a permit. Changes nothing."""
        if self.flowing:
            return True
        if self.state is not State.HALF_OPEN:
            return now >= self.until
        return self._probe is None

    def admit(self, now: float) -> int:
        """Return a permit, or REFUSED."""
        if self.flowing:
            return self.generation
        if self.state is not State.HALF_OPEN:
            if now < self.until:
                return REFUSED
            self._move(Event.TIME_OVER, now, "time for a probe")
        if self._probe is not None:
            self.expire(now)
            return REFUSED
        self._serial += 1
        self._probe = self._serial
        self._probe_since = now
        return self._serial

    def expire(self, now: float) -> None:
        """Count a probe as failed that is out for longer than `permit_timeout`."""
        if self._probe is not None and now - self._probe_since >= self.options.permit_timeout:
            self._probe_failed(now, "a probe did not come back in time", None)

    def retry_after(self, now: float) -> float | None:
        """Return the seconds until a refused caller may ask again; None when nobody knows."""
        if self.state is State.HALF_OPEN:
            return _HALF_OPEN_RETRY_AFTER
        return None if self.flowing or self.until == math.inf else max(0.0, self.until - now)

    # ------------------------------------------------------------------------------------- outcomes

    def succeeded(self, permit: int, now: float, duration: float) -> None:
        """Learn of a call that the target answered, in `duration` seconds."""
        if permit < self.generation:
            return
        if self.flowing:
            if self.state is State.DISABLED:
                return
            slow = duration > self._slow_after
            self.window.add(now, failed=False, slow=slow)
            self.consecutive = 0
            if slow:
                self._judge(now)
        elif permit == self._probe:
            self._probe = None
            self._passed += 1
            if self._passed >= self.options.permits:
                self._move(Event.PROBES_PASSED, now, f"{self._passed} probes in a row succeeded")

    def failed(self, permit: int, now: float, duration: float, retry_after: float | None = None) -> None:
        """Learn of a failed call; `retry_after` is what a 503 asked for, in seconds."""
        if permit < self.generation:
            return
        if not self.flowing:
            self._probe_failed(now, "a probe failed", retry_after)
            return
        if self.state is State.DISABLED:
            return
        self.window.add(now, failed=True, slow=duration > self._slow_after)
        self.consecutive += 1
        self._recent.append(now)
        self._ask(now, retry_after)
        self._judge(now)

    def ignored(self, permit: int) -> None:
        """Take back the permit of a call that says nothing of the target: cancelled, out of time, refused."""
        if permit == self._probe:
            self._probe = None

    # -------------------------------------------------------------------------------------- by hand

    def open(self, now: float, *, by: str, reason: str, seconds: float | None = None) -> None:
        """Refuse for `seconds` (None: the present open time), then probe."""
        self._move(Event.OPENED_BY_HAND, now, reason, by)
        if seconds is not None:
            self.until = now + seconds

    def close(self, now: float, *, by: str, reason: str) -> None:
        """Let everything through."""
        self._move(Event.CLOSED_BY_HAND, now, reason, by)

    def isolate(self, now: float, *, by: str, reason: str, seconds: float | None = None) -> None:
        """Refuse until released, or for `seconds`."""
        self._move(Event.ISOLATED_BY_HAND, now, reason, by)
        self.until = math.inf if seconds is None else now + seconds

    def release(self, now: float, *, by: str, reason: str) -> None:
        """End an isolation or an open time: probe now, or let everything through where nothing is watched."""
        watched = self.options.mode == "on"
        self._move(Event.RELEASED_BY_HAND if watched else Event.CLOSED_BY_HAND, now, reason, by)

    def drain(self) -> list[Transition]:
        """Return the transitions since the last call, oldest first."""
        moved, self._transitions = self._transitions, []
        return moved

    # ------------------------------------------------------------------------------------ decisions

    def _ask(self, now: float, retry_after: float | None) -> None:
        if retry_after is not None:
            wish = now + min(retry_after, self.options.retry_after_max)
            self._asked_until = max(self._asked_until, wish)

    def _judge(self, now: float) -> None:
        """Trip when the window says so."""
        options = self.options
        calls, failures, slow = self.window.totals(now)
        reason = ""
        if options.failures is not None:
            if len(self._recent) == options.failures and now - self._recent[0] < options.window:
                if self.consecutive >= options.failures:
                    reason = f"{self.consecutive} failures in a row"
                elif failures >= options.ratio * calls:
                    reason = f"{failures} of {calls} calls failed within {options.window:g} s"
        elif self.consecutive >= options.consecutive:
            reason = f"{self.consecutive} failures in a row"
        elif calls >= options.minimum_calls and failures >= options.ratio * calls:
            reason = f"{failures} of {calls} calls failed within {options.window:g} s"
        if (
            not reason
            and options.slow_ratio is not None
            and calls >= options.minimum_calls
            and slow >= options.slow_ratio * calls
        ):
            reason = f"{slow} of {calls} calls took longer than {self._slow_after:g} s"
        if reason:
            self._move(Event.TRIPPED, now, reason)

    def _probe_failed(self, now: float, reason: str, retry_after: float | None) -> None:
        self._failed_probes += 1
        self._ask(now, retry_after)
        self._move(Event.PROBE_FAILED, now, reason)

    def _open_time(self) -> float:
        options = self.options
        # A power beyond the cap is not worked out: it would overflow after a thousand failed probes.
        doubled = options.open_time * 2.0 ** min(self._failed_probes, 16)
        spread = self._chance.uniform(1.0 - options.jitter, 1.0 + options.jitter)
        return min(doubled, max(options.open_time_max, options.open_time)) * spread

    def _move(self, event: Event, now: float, reason: str, by: str = "") -> None:
        """Take the table's way, if it has one."""
        before = self.state
        after = TABLE.get((before, event))
        if after is None:
            return
        if after is State.CLOSED:
            after = HOME[self.options.mode]
        self._serial += 1
        self.generation = self._serial
        self.state, self.since = after, now
        self.flowing = after in FLOWING
        self._set_countable()
        self.by, self.reason = by, reason
        self._probe, self._passed = None, 0
        self.until = math.inf
        if self.flowing:
            self.would_have_opened += event is Event.TRIPPED
            self._restart(now)
        elif after is State.OPEN:
            self.until = max(now + self._open_time(), self._asked_until)
        self._transitions.append(
            Transition(before=before, after=after, event=event, at=now, reason=reason, by=by)
        )
