"""What models are used for is counted exactly, written in batches, and held against quotas."""

import asyncio
from dataclasses import replace

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ROW, ModelFacade
from autobot.contexts.agents.metering import Meter, Rules, usage_rows
from autobot.contexts.agents.quotas import Price, price_of, prices_of, quotas_of
from autobot.contexts.agents.read_model import EVERYBODY, UsageQueries
from autobot.contracts.models import Finished, TextDelta, Usage
from autobot.contracts.usage import GetModelUsage, UsageFigures
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import (
    ConnectionLost,
    Forbidden,
    Interrupted,
    InvalidInput,
    QuotaExceeded,
)
from autobot.kernel.event_store.transaction import Committed, Transaction
from autobot.kernel.links.direct import DirectTransport
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask, collect
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import Answer, ScriptedModel, says
from autobot.testing.virtual_time import ManualClock

pytestmark = pytest.mark.anyio

ANN = Principal(id="ann", kind="user", role="user", user_id="ann", username="ann-name")
KEY = Principal(id="key-1", kind="key", role="user", user_id="ann", username="ann-name")
BOB = Principal(id="bob", kind="user", role="user", user_id="bob")
DAY = 86_400.0


class Doubtful(MemoryEventStore):
    """A store that commits and then loses the answer, so many times."""

    losses = 0

    async def commit(self, transaction: Transaction) -> Committed:
        committed = await super().commit(transaction)
        if self.losses:
            self.losses -= 1
            raise ConnectionLost("The answer was lost.")
        return committed


class Scene:
    """A clock, a store, and meters as processes have them."""

    def __init__(self, *rules: str, prices: str = "gpt=2/10", currency: str = "USD") -> None:
        self.clock, self.ids = ManualClock(), CountingIds()
        self.store = Doubtful(self.clock)
        self.rules = Rules(prices=prices_of((prices,)), currency=currency, quotas=quotas_of(rules))
        self.meter = self.process()

    def process(self) -> Meter:
        """Another process on the same store."""
        return Meter(self.store, self.clock, self.ids, lambda: self.rules)

    def use(self, who: Principal, prompt: int, completion: int, meter: Meter | None = None) -> None:
        """Count an answer."""
        usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
        (meter or self.meter).count(who, "openai:gpt", "gpt", usage)

    async def stored(self, who: str = "ann") -> list[tuple[str, int, int, int]]:
        """Key, calls, tokens and billionths of the stored rows of a user."""
        rows = await usage_rows(self.store, "0000-00-00", "9999-99-99", who)
        return sorted(
            (
                one.document["key"],
                one.document["calls"],
                one.document["prompt_tokens"] + one.document["completion_tokens"],
                one.document["cost_nano"],
            )
            for one in rows
        )


async def test_sums_are_kept_by_user_and_key_at_the_price_of_the_time() -> None:
    """What a key used counts for the key; a price that changes holds for what comes after it."""
    at = Scene()
    at.use(ANN, 100, 10)
    at.use(KEY, 7, 3)
    at.rules = replace(at.rules, prices={"openai:gpt": Price(20, 100)})
    at.use(ANN, 100, 10)
    assert await at.meter.flush() == 2
    assert await at.stored() == [
        ("", 2, 220, 300_000 + 3_000_000),
        ("key-1", 1, 10, 44_000),
    ]
    assert await at.meter.flush() == 0


async def test_two_processes_add_to_the_same_sums() -> None:
    """Processes that write at the same time lose nothing of one another."""
    at = Scene()
    other = at.process()
    for _ in range(5):
        at.use(ANN, 1, 1)
        at.use(ANN, 1, 1, other)
        async with asyncio.TaskGroup() as group:
            group.create_task(at.meter.flush())
            group.create_task(other.flush())
    assert await at.stored() == [("", 10, 20, 10 * 12_000)]


async def test_a_commit_in_doubt_is_not_added_twice() -> None:
    """When the answer to a commit is lost the batch is tried again, and its mark shows that it is there."""
    at = Scene()
    at.use(ANN, 1, 1)
    at.store.losses = 2
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            await at.meter.flush()
        at.use(ANN, 1, 1)
    await at.meter.flush()
    assert (await at.stored())[0][:3] == ("", 3, 6)


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ("user:*=100 tokens", 2),
        ("user:ann-name=150 tokens", 3),
        ("key:*=50 tokens", 1),
        ("key:key-1=0.001 cost", 4),
    ],
)
async def test_a_spent_quota_refuses_until_midnight(rule: str, answers: int) -> None:
    """What was counted and not yet written counts too; the refusal says when the day ends, and then it is over."""
    at = Scene(rule)
    given: list[int] = []

    async def use_up() -> None:
        while len(given) < 99:
            await at.meter.check(KEY)
            at.use(KEY, 25, 25)
            given.append(1)
            if len(given) == 2:
                await at.meter.flush()

    with pytest.raises(QuotaExceeded) as caught:
        await use_up()
    assert len(given) == answers
    midnight = caught.value.retry_after
    assert 0 < midnight <= DAY
    at.clock.advance(midnight - 1)
    with pytest.raises(QuotaExceeded):
        await at.meter.check(KEY)
    at.clock.advance(1)
    await at.meter.check(KEY)


async def test_a_quota_that_names_somebody_comes_before_the_one_for_each() -> None:
    """One user has more than the others, a key has its own bound beside its user's, and other people none of it."""
    at = Scene("user:*=10 tokens", "user:ann=1000 tokens", "key:key-1=30 tokens")
    at.use(ANN, 10, 10)
    at.use(BOB, 10, 10)
    await at.meter.check(ANN)
    await at.meter.check(KEY)
    with pytest.raises(QuotaExceeded):
        await at.meter.check(BOB)
    at.use(KEY, 20, 10)
    await at.meter.check(ANN)
    with pytest.raises(QuotaExceeded) as caught:
        await at.meter.check(KEY)
    assert "This key" in caught.value.detail


async def test_the_quota_holds_over_processes_and_restarts() -> None:
    """Another process, or the next one, knows what was written."""
    at = Scene("user:*=10 tokens")
    at.use(ANN, 10, 10)
    await at.meter.flush()
    with pytest.raises(QuotaExceeded):
        await at.process().check(ANN)


async def test_everybody_sees_their_own_and_administrators_all() -> None:
    """Sums by user, key, model and day; somebody else's are refused to who may see only their own."""
    at = Scene()
    at.use(ANN, 1, 1)
    at.use(KEY, 1, 1)
    at.use(BOB, 5, 5)
    await at.meter.flush()
    queries = UsageQueries(at.store, lambda who, action: action == EVERYBODY and who.role == "admin")
    day = at.clock.now().date().isoformat()

    async def sums(by: str, role: str, user: str | None = None) -> dict[str, int]:
        context = replace(CONTEXT, principal=replace(ANN, role=role))  # type: ignore[arg-type]
        query = GetModelUsage(by=by, since=day, until=day, user=user)  # type: ignore[arg-type]
        found = await queries.get(query, context)
        return {one.name: one.figures.prompt_tokens for one in found.items}

    assert await sums("user", "admin") == {"bob": 5, "ann": 2}
    assert await sums("user", "user") == {"ann": 2}
    assert await sums("key", "user", "ann") == {"": 1, "key-1": 1}
    assert await sums("model", "admin") == {"openai:gpt": 7}
    assert await sums("day", "admin", "bob") == {day: 5}
    with pytest.raises(Forbidden):
        await sums("user", "user", "bob")


async def answered(at: Scene, answer: Answer, *, read: int | None = None) -> None:
    """Ask a facade with this meter, and read so many chunks of the answer, or all."""
    links = DirectLinks(at.clock)
    models = ScriptedModel("openai", {"gpt": [answer]})
    facade = ModelFacade(Catalogue((models,), at.clock), links, meter=at.meter)
    links.serve(ROW, DirectTransport(facade.calls, facade.streams))
    chunks = facade.generate(ask("Hello", "gpt"), replace(CONTEXT, principal=ANN))
    if read is None:
        await collect(chunks)
        return
    for _ in range(read):
        await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]


async def test_answers_count_with_what_the_provider_counted_or_an_estimate_that_says_so() -> None:
    """A whole answer, one without a count, one that broke off and one that was left: each is counted once."""
    uncounted = (TextDelta(text="a"), TextDelta(text="b"), Finished(reason="stop"))
    broken = (TextDelta(text="a"), ConnectionLost("broke"))
    at = Scene()
    await answered(at, says("a", "b", prompt_tokens=50))
    await at.meter.flush()
    assert (await at.stored())[0][:3] == ("", 1, 52)
    await answered(at, uncounted)
    with pytest.raises(Interrupted):
        await answered(at, broken)
    await answered(at, says("a", "b", "c"), read=2)
    await answered(at, says("a", "b", "c"), read=0)
    await at.meter.flush()
    row = (await usage_rows(at.store, "0000-00-00", "9999-99-99", "ann"))[0].document
    assert (row["calls"], row["estimated"], row["completion_tokens"]) == (4, 3, 2 + 2 + 1 + 2)
    assert UsageFigures(calls=4).calls == row["calls"]


@pytest.mark.parametrize("rule", ["gpt", "gpt=", "gpt=a/b", "gpt=1/2/3", "=1"])
def test_what_is_no_price_is_refused(rule: str) -> None:
    """A rule that is misspelt is an error, not a model for nothing."""
    with pytest.raises(InvalidInput):
        prices_of((rule,))


@pytest.mark.parametrize("rule", ["user:*", "user:*=10", "ann=10 tokens", "user:*=x tokens", "user:*=1 euro"])
def test_what_is_no_quota_is_refused(rule: str) -> None:
    """A rule that is misspelt is an error, not a person without a bound."""
    with pytest.raises(InvalidInput):
        quotas_of((rule,))


def test_prices_are_found_by_full_and_bare_name() -> None:
    """The full name comes first, a model that is not named costs nothing, and sums are exact."""
    prices = prices_of(("gpt=0.15/0.60", "openai:gpt=1", "embed=0.02"))
    assert price_of(prices, "openai:gpt", "gpt") == Price(1, 0)
    assert price_of(prices, "other:gpt", "gpt").nano(1_000_000, 1_000_000) == 750_000_000
    assert price_of(prices, "openai:free", "free").nano(10**9, 10**9) == 0
    assert sum(price_of(prices, "x:embed", "embed").nano(1, 0) for _ in range(10**4)) == 10**4 * 20
