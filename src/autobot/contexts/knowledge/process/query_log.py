"""Keeps the log of queries: a search adds to it without waiting, what was added is written at most once a second.

A process that is killed loses the searches of that second, one that stops writes them first. What is too old or too
much by the operator's rules is taken away as time goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from autobot.contexts.knowledge.domain.query import LoggedSearch, logged
from autobot.contexts.knowledge.ports.queries import QUERIES, Queries, put_query
from autobot.contracts.knowledge.search import SearchAnswer, SearchKnowledge
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Delete, Transaction

HELD_MAX: Final = 5_000
"""Searches that wait to be written at most: while the store is away later ones are not kept."""
TRIM_S: Final = 60.0
"""How often it is looked for what is too old or too much, in seconds."""
TRIM_MAX: Final = 1_000
"""Rows that are taken away at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRules:
    """What an operator set: whether queries are kept, for how many days, how many."""

    kept: bool = True
    days: int = 30
    rows: int = 10_000


class QueryLog:
    """The log as one process adds to it. Used from one event loop; `rules` are asked at each writing."""

    def __init__(
        self, store: EventStore, clock: Clock, ids: IdSource, rules: Callable[[], Awaitable[LogRules]]
    ) -> None:
        self._store, self._clock, self._ids, self._rules = store, clock, ids, rules
        self._queries = Queries(store)
        self._held: list[LoggedSearch] = []
        self._gone: set[str] = set()
        self._trimmed: float | None = None

    def add(self, query: SearchKnowledge, answer: SearchAnswer, context: CallContext) -> None:
        """Note a search of a person or of their key; the product's own are not kept. Never waits."""
        who = context.principal
        if who.kind == "service" or not who.user_id or len(self._held) >= HELD_MAX:
            return
        self._held.append(logged(query, answer, context, self._ids.new(), rfc3339(self._clock.now())))

    def forget(self, user_id: str) -> None:
        """Keep nothing of a user who is removed: neither what waits nor what comes late."""
        self._gone.add(user_id)

    async def flush(self) -> int:
        """Write what waits, and take away what is too much; return how many were written. Keeps them when the store refuses."""
        now = self._clock.monotonic()
        due = self._trimmed is None or now - self._trimmed >= TRIM_S
        if not self._held and not due:
            return 0
        rules = await self._rules()
        held, self._held = self._held, []
        wanted = [one for one in held if rules.kept and one.user_id not in self._gone]
        if wanted:
            try:
                await self._store.commit(Transaction(writes=tuple(map(put_query, wanted))))
            except BaseException:
                self._held = wanted + self._held
                raise
        if due:
            self._trimmed = now
            while await self._trim(rules):
                pass
        return len(wanted)

    async def _trim(self, rules: LogRules) -> bool:
        """Take some of what is too old or too much away; say whether there may be more."""
        oldest = await self._queries.oldest(TRIM_MAX)
        before = rfc3339(self._clock.now() - timedelta(days=rules.days))
        over = max(0, await self._queries.count() - rules.rows)
        going = [key for number, (key, at) in enumerate(oldest) if number < over or at < before]
        if going:
            writes = tuple(Delete(table=QUERIES, key=one) for one in going)
            await self._store.commit(Transaction(writes=writes))
        return len(going) == TRIM_MAX
