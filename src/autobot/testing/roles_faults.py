"""Parts of the roles context with a fault on purpose: what its suite must find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autobot.contexts.roles.domain import Instance
from autobot.contexts.roles.module import Membership, Observer
from autobot.contracts.roles import RowState
from autobot.kernel.core.clock import parse_rfc3339
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.event_store.ports import EventStore
from autobot.testing.fleet import Fleet


class LeaseIgnored(Observer):
    """Everybody is as fresh as ever."""

    def age(self, instance: Instance) -> float:
        return 0.0


class DrainingIgnored(Observer):
    """Who drains gets calls like everybody."""

    def state(self, instance: Instance) -> tuple[RowState, str]:
        state, reason = super().state(instance)
        return ("live", "") if state == "draining" else (state, reason)


class OutageCounts(Observer):
    """Time in which nobody looked counts like any other."""

    _known: list[Instance]

    def look(self, instances: Iterable[Instance], now: float) -> None:
        while self._looked_at is not None and now - self._looked_at > 1.0:
            known = [one for one in self._known if one.id in self._seen]
            super().look(known, self._looked_at + 1.0)
        self._known = list(instances)
        super().look(self._known, now)


class WallClockJudges(Observer):
    """A lease ends by the time that stands in the row, against the newest time in any row."""

    newest: Any = None

    def look(self, instances: Iterable[Instance], now: float) -> None:
        rows = list(instances)
        super().look(rows, now)
        self.newest = max((parse_rfc3339(one.seen_at) for one in rows), default=None)

    def age(self, instance: Instance) -> float:
        return 0.0 if self.newest is None else (self.newest - parse_rfc3339(instance.seen_at)).total_seconds()


class Resurrected(Membership):
    """A sign of life brings the row back that its process took away."""

    async def leave(self) -> None:
        before = self._row
        await super().leave()
        self._row, self._left = before, False


class FightsForItsId(Membership):
    """Whoever has the id, it is taken back."""

    async def _look_again(self, epoch: int) -> None:
        await self._join(patient=False)


class SilentWhenLost(Membership):
    """A process that was found lost goes on as if nothing had been."""

    async def _look_again(self, epoch: int) -> None:
        return


class EachWordAFact(Membership):
    """The log grows with every sign of life."""

    async def renew(self) -> None:
        row = self._row
        if row is None:
            return
        facts, again = row.joined(row.epoch)
        try:
            await self._store.commit(self._rows.written(again, self._version, facts))
        except WrongExpectedVersion:
            return
        self._row, self._version = again, self._version + 1


class WordLost(Membership):
    """A word whose answer got lost is taken for another's."""

    async def _look_again(self, epoch: int) -> None:
        self._holder = self._holder[::-1]
        await super()._look_again(epoch)


OBSERVERS: tuple[type[Observer], ...] = (LeaseIgnored, DrainingIgnored, OutageCounts, WallClockJudges)
MEMBERSHIPS: tuple[type[Membership], ...] = (
    Resurrected,
    FightsForItsId,
    SilentWhenLost,
    EachWordAFact,
    WordLost,
)


def faulty(store: EventStore, part: type[Any]) -> Fleet:
    """Return processes of which one part has a fault."""
    return Fleet(store, observer=part) if issubclass(part, Observer) else Fleet(store, membership=part)
