"""Counts what models are used for, by user, key, model and day, and holds it against the quotas.

Counting is a few additions; what was counted is written at most once a second. A process that is killed loses the
counts of that second, one that stops writes them first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from autobot.contexts.agents.ports import Usage
from autobot.contexts.agents.quotas import Price, Quota, Spent, bounding, day_of, exceeded, price_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Document, Put, Query, Transaction

TABLE: Final = "models.usage"
"""One document for each day, tenant, user, key, model and currency; owner = user, group and sort = day."""
FIELDS: Final = ("calls", "cached", "estimated", "prompt_tokens", "completion_tokens", "cost_nano")
ROWS_AT_ONCE: Final = 200
KNOWN_S: Final = 1.0
"""Seconds for which the stored usage of a principal is not read again."""
ATTEMPTS: Final = 5
BATCHES_KEPT: Final = 8
"""Marks of the last batches that a document keeps: a batch whose commit was in doubt is not added twice."""
PACES: Final = 64
"""Answers that a model's pace is taken from."""
PAGE: Final = 500


class Place(NamedTuple):
    """What one document is about."""

    day: str
    tenant: str
    user: str
    key: str
    model: str
    currency: str

    @property
    def name(self) -> str:
        """The document's key."""
        return "|".join(self)


@dataclass(slots=True)
class Tally:
    """Sums of one place."""

    calls: int = 0
    cached: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nano: int = 0

    def add(self, other: Tally) -> None:
        """Take in another one."""
        for name in FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True, kw_only=True)
class Rules:
    """What an operator set, as it holds now."""

    prices: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"
    quotas: Sequence[Quota] = ()


class Measure:
    """One answer on its way: its tokens are counted once, when it ends or is left."""

    __slots__ = ("_began", "_meter", "_model", "_name", "_principal", "pieces")

    def __init__(self, meter: Meter | None, principal: Principal, name: str, model: str) -> None:
        self._meter, self._principal = meter, principal
        self._name, self._model = name, model
        self._began: float | None = None
        self.pieces = 0

    def first(self) -> None:
        """Tell of the first piece."""
        if self._meter is not None:
            self._began = self._meter.now()

    def ended(self, usage: Usage, prompt: Callable[[], int]) -> None:
        """Count an answer that has its end. What its provider did not count is estimated, the `prompt` by asking."""
        self._count(usage, prompt)

    def left(self, prompt: Callable[[], int]) -> None:
        """Count an answer that broke off or was left by its reader; nothing after its end."""
        if self.pieces:
            self._count(Usage(), prompt)

    def _count(self, usage: Usage, prompt: Callable[[], int]) -> None:
        meter, self._meter = self._meter, None
        if meter is None:
            return
        given, written = usage.prompt_tokens, usage.completion_tokens
        estimated = given is None or written is None
        if estimated:
            # Servers send a token a piece, near enough.
            usage = Usage(
                prompt_tokens=prompt() if given is None else given,
                completion_tokens=self.pieces if written is None else written,
            )
        took = 0.0 if self._began is None else meter.now() - self._began
        meter.count(self._principal, self._name, self._model, usage, estimated=estimated, seconds=took)


class Meter:
    """The usage of this process's models. Used from one event loop; `rules` are asked at each call."""

    def __init__(self, store: EventStore, clock: Clock, ids: IdSource, rules: Callable[[], Rules]) -> None:
        self._store, self._clock, self._ids, self._rules = store, clock, ids, rules
        self._pending: dict[Place, Tally] = {}
        self._writing: dict[Place, tuple[str, Tally]] = {}
        self._flushing = asyncio.Lock()
        self._known: dict[tuple[str, str], tuple[float, list[Document]]] = {}
        self._paces: dict[str, deque[tuple[int, float]]] = {}
        self._epoch = 0

    # -------------------------------------------------------------------------------------------- counting

    def count(
        self,
        principal: Principal,
        name: str,
        model: str,
        usage: Usage,
        *,
        estimated: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """Count an answer of the model `name` (its bare name is `model`). Never waits.

        `seconds` is how long its text took from the first piece on; 0 where that says nothing.
        """
        rules = self._rules()
        prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
        tally = self._tally(principal, name, rules)
        tally.calls += 1
        tally.estimated += estimated
        tally.prompt_tokens += prompt
        tally.completion_tokens += completion
        if rules.prices:
            tally.cost_nano += price_of(rules.prices, name, model).nano(prompt, completion)
        if seconds > 0.0 and completion > 1:
            self._paces.setdefault(name, deque(maxlen=PACES)).append((completion, seconds))

    def cached(self, principal: Principal, name: str) -> None:
        """Count an answer that needed no model."""
        tally = self._tally(principal, name, self._rules())
        tally.calls += 1
        tally.cached += 1

    def now(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()

    def _tally(self, principal: Principal, name: str, rules: Rules) -> Tally:
        key = principal.id if principal.kind == "key" else ""
        place = Place(
            day_of(self._clock.now()), principal.tenant, principal.user_id, key, name, rules.currency
        )
        tally = self._pending.get(place)
        if tally is None:
            tally = self._pending[place] = Tally()
        return tally

    def pace(self, name: str) -> float | None:
        """Return the tokens a second of a model's last answers, None while it gave none."""
        paces = self._paces.get(name)
        return sum(tokens for tokens, _ in paces) / sum(took for _, took in paces) if paces else None

    # ---------------------------------------------------------------------------------------------- quotas

    async def check(self, principal: Principal) -> None:
        """Raise QuotaExceeded when a quota of this principal is spent for today.

        What began within it is finished: the last answers of a day may go beyond it.
        """
        rules = self._rules()
        if not rules.quotas:
            return
        quotas = bounding(rules.quotas, principal)
        if not quotas:
            return
        now = self._clock.now()
        stored = await self._stored(principal, day_of(now))
        for quota in quotas:
            error = exceeded(quota, self._spent(quota, principal, stored, day_of(now)), now, rules.currency)
            if error is not None:
                raise error

    def _spent(self, quota: Quota, principal: Principal, stored: Sequence[Document], day: str) -> Spent:
        """Return what was used today: what is stored, what is being written and what was counted since."""
        key = principal.id if quota.kind == "key" else None
        currency = self._rules().currency
        tokens = nano = 0

        def add(place_key: str, place_currency: str, figures: Mapping[str, Any]) -> None:
            nonlocal tokens, nano
            if key is None or place_key == key:
                tokens += figures["prompt_tokens"] + figures["completion_tokens"]
                nano += figures["cost_nano"] if place_currency == currency else 0

        for one in stored:
            add(one.document["key"], one.document["currency"], one.document)
        unwritten = [*self._pending.items(), *((place, tally) for place, (_, tally) in self._writing.items())]
        for place, tally in unwritten:
            if (place.user, place.tenant, place.day) == (principal.user_id, principal.tenant, day):
                add(place.key, place.currency, {name: getattr(tally, name) for name in FIELDS})
        return Spent(tokens, nano)

    async def _stored(self, principal: Principal, day: str) -> list[Document]:
        who = (principal.tenant, principal.user_id)
        known = self._known.get(who)
        now = self._clock.monotonic()
        if known is not None and now - known[0] < KNOWN_S:
            return known[1]
        epoch = self._epoch
        found = await usage_rows(self._store, day, day, user=principal.user_id)
        found = [one for one in found if one.document["tenant"] == principal.tenant]
        if epoch == self._epoch:
            self._known[who] = (now, found)
        return found

    # --------------------------------------------------------------------------------------------- writing

    async def flush(self) -> int:
        """Write what was counted; return how many documents. What could not be written is kept for the next time."""
        async with self._flushing:
            written = await self._write()
            batch, taken = self._ids.new(), self._pending
            self._writing, self._pending = {place: (batch, one) for place, one in taken.items()}, {}
            return written + await self._write()

    async def _write(self) -> int:
        """Write what was taken. Raises what the store raises, and keeps the rest."""
        written = 0
        while self._writing:
            some = dict(list(self._writing.items())[:ROWS_AT_ONCE])
            await self._add(some)
            for place in some:
                del self._writing[place]
            self._forget()
            written += len(some)
        return written

    def _forget(self) -> None:
        self._epoch += 1
        self._known.clear()

    async def _add(self, some: Mapping[Place, tuple[str, Tally]]) -> None:
        """Add tallies to their documents in one commit; another process that adds to one makes it read again."""
        for attempt in range(ATTEMPTS):
            puts = []
            for place, (batch, tally) in some.items():
                before = await self._store.get(TABLE, place.name)
                if before is None or batch not in before.document["batches"]:
                    puts.append(_put(place, before, tally, batch))
            try:
                if puts:
                    await self._store.commit(Transaction(writes=tuple(puts)))
                return
            except WrongExpectedVersion:
                if attempt == ATTEMPTS - 1:
                    raise


def _put(place: Place, before: Document | None, tally: Tally, batch: str) -> Put:
    old: Mapping[str, Any] = before.document if before is not None else {}
    document = place._asdict() | {name: old.get(name, 0) + getattr(tally, name) for name in FIELDS}
    document["batches"] = [*old.get("batches", []), batch][-BATCHES_KEPT:]
    return Put(
        table=TABLE,
        key=place.name,
        document=document,
        owner=place.user,
        group=place.day,
        sort=place.day,
        expected=before.version if before is not None else 0,
    )


async def usage_rows(store: EventStore, since: str, until: str, user: str | None = None) -> list[Document]:
    """Return the documents of these days (both included), of one user or of all."""
    found: list[Document] = []
    after = (since, "")
    while True:
        page = await store.query(Query(table=TABLE, owner=user, after=after, limit=PAGE))
        found += [one for one in page if one.sort <= until]
        if len(page) < PAGE or page[-1].sort > until:
            return found
        after = (page[-1].sort, page[-1].key)
