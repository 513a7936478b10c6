"""What each process of a scaled installation counts, laid where the backend reads it: so that one screen shows all.

Figures are documents that each process writes anew every few seconds, no events: they are of now, and who ends takes
them along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from autobot.bootstrap.agreeing import check_agreed
from autobot.contexts.roles.module import Observer
from autobot.contracts.system import BreakerAction, HealthCheck
from autobot.kernel.core.clock import Clock, parse_rfc3339, rfc3339
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Put, Query, Transaction
from autobot.kernel.links.merging import merged
from autobot.kernel.links.registry import LinkRegistry

TABLE: Final = "system.figures"
EVERY_S: Final = 2.0
KEPT_S: Final = 15.0
"""Seconds after which figures are too old to be shown: their process hangs, or is gone."""
PROCESSES_MAX: Final = 200

Consumers = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]


class Figures:
    """Writes this process's figures and reads the others'. `name` is the process as people see it."""

    def __init__(
        self,
        name: str,
        store: EventStore,
        registry: LinkRegistry,
        clock: Clock,
        checks: Callable[[], Sequence[HealthCheck]],
        consumers: Consumers,
    ) -> None:
        self._name, self._store, self._registry, self._clock = name, store, registry, clock
        self._checks, self._consumers = checks, consumers
        self.others: Mapping[str, Mapping[str, Any]] = {}
        """What other processes wrote last, by process."""

    async def run(self) -> None:
        """Write and read again and again, until cancelled; then take this process's figures away."""
        try:
            while True:
                try:
                    await self.exchange()
                except AWAY:
                    # The store is away, or its row refuses: what is known grows old and is left out.
                    self._forget()
                await asyncio.sleep(EVERY_S)
        finally:
            await self._leave()

    async def exchange(self) -> None:
        """Write this process's figures and read the others'."""
        put = Put(table=TABLE, key=self._name, document=await self._own())
        await self._store.commit(Transaction(writes=(put,)))
        found = await self._store.query(Query(table=TABLE, limit=PROCESSES_MAX))
        self.others = {one.key: one.document for one in found if one.key != self._name}
        self._forget()

    async def _own(self) -> dict[str, Any]:
        return {
            "at": rfc3339(self._clock.now()),
            "links": [dict(row) for row in self._registry.describe()],
            "checks": [asdict(one) for one in self._checks()],
            "consumers": [dict(one) for one in await self._consumers()],
        }

    def _forget(self) -> None:
        oldest = self._clock.now() - timedelta(seconds=KEPT_S)
        self.others = {
            name: one for name, one in self.others.items() if parse_rfc3339(str(one["at"])) >= oldest
        }

    async def _leave(self) -> None:
        try:
            await asyncio.shield(
                self._store.commit(Transaction(writes=(Delete(table=TABLE, key=self._name),)))
            )
        except AWAY:
            return

    def consumers(self) -> list[dict[str, Any]]:
        """Return the consumers of other processes."""
        return [{"process": name, **group} for name, one in self.others.items() for group in one["consumers"]]

    def checks(self) -> list[HealthCheck]:
        """Return what other processes know of dependencies that this one does not ask."""
        own, found = {one.name for one in self._checks()}, dict[str, HealthCheck]()
        for one in self.others.values():
            for check in one["checks"]:
                if check["name"] not in own and check["state"] != "unknown":
                    found[check["name"]] = HealthCheck(**check)
        return list(found.values())


class SharedControl:
    """Implements `LinkControl` over the rows of all processes.

    A decision is checked here and put in force by each process that carries the row, as it follows the log.
    """

    def __init__(self, registry: LinkRegistry, figures: Figures, observer: Observer) -> None:
        self._registry, self._figures, self._observer = registry, figures, observer

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return every row with the counts of all processes."""
        others = [(name, one["links"]) for name, one in self._figures.others.items()]
        return merged(self._registry.describe(), others)

    def check(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Raise unless the row exists, would hold with these fields, and all its processes can carry it so."""
        self._registry.check(row, fields)
        check_agreed(self._observer, row, fields)

    def apply(self, row: str, fields: Mapping[str, Any] | None) -> None:
        """Set the run-time fields of a row in this process."""
        self._registry.apply(row, fields)

    def check_force(self, row: str, action: BreakerAction, target: str | None, seconds: float | None) -> None:
        """Raise unless some process has such a breaker."""
        if self._away(row, target):
            return
        self._registry.check_force(row, action, target, seconds)

    def force(
        self, row: str, action: BreakerAction, target: str | None, by: str, reason: str, seconds: float | None
    ) -> None:
        """Act on the breakers of this process; the others follow the log."""
        try:
            self._registry.force(row, action, target, by, reason, seconds)
        except NotFound:
            if not self._away(row, target):
                raise

    def _away(self, row: str, target: str | None) -> bool:
        for one in self._figures.others.values():
            for link in one["links"]:
                addresses = [known["address"] for known in link["targets"]]
                if link["id"] == row and addresses and (target is None or target in addresses):
                    return True
        return False
