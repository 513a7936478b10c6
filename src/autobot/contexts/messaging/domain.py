"""Which dead letters are meant, how old they are, what causes them, and the life of a replay. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from autobot.contracts import messaging, replays
from autobot.kernel.core.clock import parse_rfc3339, rfc3339
from autobot.kernel.core.errors import FieldError, InvalidInput, NotFound
from autobot.kernel.messaging.parking import Cause, Parked

DECIDE_WITHIN: Final = timedelta(days=14)
"""How long a dead letter may wait for a person. Nothing happens to it after that: it is only told."""
ALERT_AT: Final = 0.8
"""The part of `DECIDE_WITHIN` after which a dead letter is told to be ageing."""
SAMPLE: Final = 10
"""Outcomes that a replay looks at before it judges how many fail."""


def age_of(letter: Parked, now: datetime) -> messaging.Age:
    """Say how long a dead letter has waited, from its first failure."""
    waited = now - parse_rfc3339(_first(letter))
    if waited >= DECIDE_WITHIN:
        return "overdue"
    return "ageing" if waited >= DECIDE_WITHIN * ALERT_AT else "fresh"


def _first(letter: Parked) -> str:
    return letter.first_failed or letter.due


def summary_of(letter: Parked, now: datetime) -> messaging.DeadLetterSummary:
    """Return a dead letter as lists show it."""
    return messaging.DeadLetterSummary(
        id=letter.id,
        group=letter.group,
        type=letter.type,
        key=letter.key,
        position=letter.position,
        event_id=letter.event_id,
        attempts=letter.attempts,
        error=letter.error,
        reason=letter.reason,
        fingerprint=letter.fingerprint,
        first_failed=_first(letter),
        last_failed=letter.last_failed or letter.due,
        decide_by=rfc3339(parse_rfc3339(_first(letter)) + DECIDE_WITHIN),
        age=age_of(letter, now),
        edited=letter.copy is not None,
    )


def selects(selection: messaging.Selection, letter: Parked) -> bool:
    """Say whether a selection means a dead letter."""
    wanted = (
        (selection.group, letter.group),
        (selection.type, letter.type),
        (selection.fingerprint, letter.fingerprint),
        (selection.key, letter.key),
    )
    if any(one and one != other for one, other in wanted):
        return False
    failed = parse_rfc3339(letter.last_failed or letter.due)
    return (selection.since is None or failed >= selection.since) and (
        selection.until is None or failed <= selection.until
    )


def selects_cause(selection: messaging.Selection, cause: Cause) -> bool:
    """Say whether a selection may mean dead letters of a cause."""
    wanted = (
        (selection.group, cause.group),
        (selection.fingerprint, cause.fingerprint),
        (selection.type, cause.type),
    )
    return all(not one or one == other for one, other in wanted)


def is_by_cause(selection: messaging.Selection) -> bool:
    """Say whether a selection means whole causes: then it is answered without reading dead letters."""
    return not selection.key and selection.since is None and selection.until is None


def require_bounds(selection: messaging.Selection) -> None:
    """Raise InvalidInput for a selection that names nothing: all of everything is no selection."""
    if selection == messaging.Selection():
        found = FieldError(detail="must name a group, type, fingerprint, key or time", pointer="#/selection")
        raise InvalidInput("Say which dead letters are to be replayed.", errors=(found,))


@dataclass(slots=True, kw_only=True)
class _Cause:
    newest: Parked
    count: int = 0
    first: str = ""
    types: set[str] = field(default_factory=set)
    ages: Counter[messaging.Age] = field(default_factory=Counter)


class Causes:
    """Counts dead letters by group and fingerprint."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._found: dict[tuple[str, str], _Cause] = {}

    def add(self, letter: Parked) -> None:
        """Count one."""
        cause = self._found.setdefault((letter.group, letter.fingerprint), _Cause(newest=letter))
        cause.count += 1
        cause.first = min(cause.first or _first(letter), _first(letter))
        if (letter.last_failed or "") >= (cause.newest.last_failed or ""):
            cause.newest = letter
        cause.types.add(letter.type)
        cause.ages[age_of(letter, self._now)] += 1

    def add_counted(
        self, cause: Cause, count: int, first: str, newest: Parked, ageing: int, overdue: int
    ) -> None:
        """Count many of one cause, whose first one failed first at `first`."""
        found = self._found.setdefault((cause.group, cause.fingerprint), _Cause(newest=newest))
        found.count += count
        found.first = min(found.first or first, first)
        if (newest.last_failed or "") >= (found.newest.last_failed or ""):
            found.newest = newest
        found.types.add(cause.type)
        found.ages["ageing"] += ageing
        found.ages["overdue"] += overdue

    def views(self) -> tuple[messaging.CauseView, ...]:
        """Return all, the most frequent first."""
        found = [
            messaging.CauseView(
                group=group,
                fingerprint=fingerprint,
                error=one.newest.error,
                reason=one.newest.reason,
                types=tuple(sorted(one.types)),
                count=one.count,
                first_failed=one.first,
                last_failed=one.newest.last_failed or one.newest.due,
                example=one.newest.id,
                ageing=one.ages["ageing"],
                overdue=one.ages["overdue"],
            )
            for (group, fingerprint), one in self._found.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.count, one.group, one.fingerprint)))


# ------------------------------------------------------------------------------------------------ replays


def plus(one: replays.Tally, other: replays.Tally) -> replays.Tally:
    """Return two tallies together."""
    return replays.Tally(
        replayed=one.replayed + other.replayed,
        settled=one.settled + other.settled,
        failed=one.failed + other.failed,
        open=one.open + other.open,
        gone=one.gone + other.gone,
    )


def too_many_fail(tally: replays.Tally, percent: int) -> bool:
    """Say whether a replay should leave the rest."""
    known = tally.settled + tally.failed
    return known >= SAMPLE and tally.failed * 100 > percent * known


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """State of one replay, as it is kept."""

    id: str
    selection: messaging.Selection = field(default_factory=messaging.Selection)
    per_second: float = 10.0
    stop_at_percent: int = 50
    asked_by: str = ""
    asked_at: str = ""
    status: replays.ReplayStatus = "accepted"
    ended_at: str | None = None
    tally: replays.Tally = field(default_factory=replays.Tally)
    stopping: bool = False
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status not in ("accepted", "running")

    def require(self) -> None:
        """Raise NotFound unless it was asked for."""
        if not self.asked_at:
            raise NotFound(f"There is no replay {self.id}.")

    def stop(self, by: str) -> tuple[Replay, tuple[Any, ...]]:
        """Ask it to end. Asking again, or asking what has ended, is no fact."""
        self.require()
        if self.ended or self.stopping:
            return self, ()
        return replace(self, stopping=True), (replays.ReplayStopAsked(replay=self.id, by=by),)

    def note(
        self, command: replays.NoteReplay, error: dict[str, Any] | None, now: datetime
    ) -> tuple[Replay, tuple[Any, ...]]:
        """Note how far it is, or how it ended. What ended stays as it is."""
        self.require()
        if self.ended:
            return self, ()
        noted = replace(self, status=command.status, tally=command.tally or self.tally, error=error)
        if not noted.ended:
            return noted, ()
        tally = noted.tally
        end = replays.ReplayEnded(
            replay=self.id, status=noted.status, replayed=tally.replayed, failed=tally.failed
        )
        return replace(noted, ended_at=rfc3339(now)), (end,)
