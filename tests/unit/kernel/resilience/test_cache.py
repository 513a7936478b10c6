"""The cache: keys, freshness, single flight, tags."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import ConnectFailed, DeadlineExceeded, NotFound, Overloaded
from autobot.kernel.resilience.cache.key import full_key, quick_key
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.cache.store import Store
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.testing.virtual_time import FixedChance
from tests.unit.kernel.resilience.kit import (
    ADMIN,
    CACHED,
    READ,
    USER,
    Bench,
    Slow,
    context,
    pass_time,
    refused,
    settle,
    spawn,
)

pytestmark = pytest.mark.anyio
NOW = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A contract's kind of payload."""

    text: str
    limit: int = 5


def cached(ttl: float = 60.0, **options: Any) -> PipelineOptions:
    """A row with a cache, without jitter."""
    return PipelineOptions(cache=CacheOptions(ttl=ttl, jitter=0.0, **options))


def counting(bench: Bench) -> Any:
    """A step that answers 1, 2, 3 … ."""
    numbers = iter(range(1, 1000))
    bench.transport.steps = [lambda _: next(numbers)]
    return bench


# ---------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.5),
        (1, True),
        (0, False),
        ("1", 1),
        (None, "null"),
        ({"a": 1}, {"a": "1"}),
        ([1, 2], [2, 1]),
        (Query(text="a"), Query(text="b")),
        (Query(text="a"), {"text": "a", "limit": 5}),
        (b"a", "a"),
    ],
)
def test_different_arguments_have_different_keys(one: Any, other: Any) -> None:
    """Neither key mistakes one payload for another."""
    assert full_key(CACHED, one, USER, "principal") != full_key(CACHED, other, USER, "principal")
    assert quick_key(CACHED, one, USER, "principal") != quick_key(CACHED, other, USER, "principal")


def test_the_order_of_members_does_not_matter_to_the_full_key() -> None:
    """Two spellings of one object share an entry."""
    one, other = {"a": 1, "b": [1, {"c": None}]}, {"b": [1, {"c": None}], "a": 1}

    assert full_key(CACHED, one, USER, "principal") == full_key(CACHED, other, USER, "principal")


def test_the_quick_key_of_equal_payloads_is_the_same() -> None:
    """However a payload came to be, shared parts or copies, its quick key is the same."""
    shared = ["one", "two"]
    built = {"a": [*["one", "two"]], "b": ["".join("one"), "".join("two")]}

    assert quick_key(CACHED, {"a": shared, "b": shared}, USER, "principal") == quick_key(
        CACHED, built, USER, "principal"
    )


def test_scope_and_operation_are_part_of_the_key() -> None:
    """Another user, tenant, operation or tier has other answers; in tenant scope users share."""
    elsewhere = Principal(id="ann", kind="user", role="user", user_id="ann", tenant="other")
    keys = {
        full_key(CACHED, 1, USER, "principal"),
        full_key(CACHED, 1, ADMIN, "principal"),
        full_key(CACHED, 1, elsewhere, "principal"),
        full_key(Operation(name="else", effect=Effect.FREE), 1, USER, "principal"),
        full_key(CACHED, 1, USER, "principal", tier=1),
    }

    assert len(keys) == 5
    assert full_key(CACHED, 1, USER, "tenant") == full_key(CACHED, 1, ADMIN, "tenant")
    assert quick_key(CACHED, 1, USER, "tenant") == quick_key(CACHED, 1, ADMIN, "tenant")
    assert quick_key(CACHED, 1, USER, "principal") != quick_key(CACHED, 1, ADMIN, "principal")


def test_what_has_no_canonical_form_has_no_key() -> None:
    """An arbitrary object cannot be a cache key."""
    with pytest.raises(TypeError):
        full_key(CACHED, {"a": object()}, USER, "principal")


# --------------------------------------------------------------------------------------------- store


def store(**options: Any) -> Store:
    """A store without jitter."""
    return Store(CacheOptions(ttl=60.0, jitter=0.0, **options), FixedChance())


def test_the_least_recently_used_leaves_first() -> None:
    """Of three places the one not read for longest is given to the fourth."""
    cache = store(max_entries=3)
    for key in "abc":
        cache.put(key, key.encode(), key, (), NOW, cache.epoch)
    assert cache.quick(b"a") is not None
    assert cache.full("b", None) is not None

    cache.put("d", b"d", "d", (), NOW, cache.epoch)

    assert cache.full("c", None) is None
    assert cache.quick(b"c") is None
    assert len(cache) == 3


def test_tags_drop_their_entries_and_no_others() -> None:
    """Invalidating a tag drops what carries it."""
    cache = store()
    cache.put("a", None, 1, ("x", "y"), NOW, cache.epoch)
    cache.put("b", None, 2, ("y",), NOW, cache.epoch)
    cache.put("c", None, 3, ("z",), NOW, cache.epoch)

    assert cache.invalidate(["x"]) == 1
    assert cache.invalidate(["x", "y"]) == 1
    assert cache.full("c", None) is not None


def test_an_answer_asked_for_before_an_invalidation_is_not_kept() -> None:
    """The slow answer of before must not bring the old state back."""
    cache = store()
    asked = cache.epoch
    cache.invalidate(["x"])
    cache.put("a", None, "old", ("x",), NOW, asked)
    cache.put("b", None, "other", ("y",), NOW, asked)

    assert cache.full("a", None) is None
    assert cache.full("b", None) is not None


def test_an_entry_remembers_only_a_few_quick_keys() -> None:
    """Many spellings of one object do not fill the memory."""
    cache = store()
    cache.put("a", b"0", 1, (), NOW, cache.epoch)
    for number in range(100):
        cache.full("a", str(number).encode())

    assert len(cache._quick) == 4


@pytest.mark.parametrize(("share", "ttl"), [(0.0, 60.0), (0.999999, 48.0)])
def test_times_to_live_are_spread(share: float, ttl: float) -> None:
    """With a jitter of 0.2 entries live between 48 and 60 s."""
    cache = Store(CacheOptions(ttl=60.0, jitter=0.2), FixedChance(share))
    cache.put("a", None, 1, (), NOW, cache.epoch)

    entry = cache.full("a", None)

    assert entry is not None
    assert entry.fresh_until - NOW == pytest.approx(ttl, abs=1e-3)


# ----------------------------------------------------------------------------------------- the layer


async def test_a_fresh_answer_comes_from_the_cache() -> None:
    """The second call within the time to live is not sent; one after it is."""
    bench = counting(Bench(cached(ttl=60.0)))

    assert [await bench.call(CACHED, {"q": 1}) for _ in range(3)] == [1, 1, 1]
    await pass_time(60.0)
    assert await bench.call(CACHED, {"q": 1}) == 2
    assert bench.pipeline.snapshot().cached == 2


async def test_two_spellings_share_an_answer() -> None:
    """The order of members makes no difference to what is found."""
    bench = counting(Bench(cached()))

    assert await bench.call(CACHED, {"a": 1, "b": 2}) == 1
    assert await bench.call(CACHED, {"b": 2, "a": 1}) == 1


async def test_only_cacheable_operations_are_cached() -> None:
    """An operation that does not say so is sent each time."""
    bench = counting(Bench(cached()))

    assert [await bench.call(READ, 1), await bench.call(READ, 1)] == [1, 2]


async def test_users_do_not_see_one_anothers_answers() -> None:
    """The same question of another user is sent."""
    bench = counting(Bench(cached()))
    await bench.call(CACHED, 1, context(principal=USER))

    assert await bench.call(CACHED, 1, context(principal=ADMIN)) == 2


async def test_none_is_an_answer() -> None:
    """An answer of None is cached like any other."""
    bench = Bench(cached(), None, "again")
    await bench.call(CACHED)

    assert await bench.call(CACHED) is None


async def test_failures_are_not_cached() -> None:
    """After a failure the next call is sent."""
    bench = Bench(cached(), refused(), "ok")
    await bench.outcome(CACHED)

    assert await bench.call(CACHED) == "ok"


async def test_what_has_no_key_is_sent() -> None:
    """A payload without a canonical form is called for uncached."""
    bench = counting(Bench(cached()))
    payload = {"a": object()}

    assert [await bench.call(CACHED, payload), await bench.call(CACHED, payload)] == [1, 2]


async def test_equal_calls_at_the_same_time_are_one() -> None:
    """Ten callers, one call; another question is a call of its own."""
    bench = Bench(cached(ttl=0.0), Slow(1.0, "ok"))
    outcomes = await asyncio.gather(*(bench.call(CACHED, 1) for _ in range(10)), bench.call(CACHED, 2))

    assert outcomes == ["ok"] * 11
    assert len(bench.times) == 2
    assert bench.pipeline.snapshot().cached == 9


async def test_all_who_joined_get_the_failure() -> None:
    """A shared call that fails fails for all who joined it, with the same error."""
    bench = Bench(cached(), Slow(1.0, refused()))
    outcomes = await asyncio.gather(*(bench.outcome(CACHED) for _ in range(3)))

    assert len({id(outcome) for outcome in outcomes}) == 1
    assert isinstance(outcomes[0], ConnectFailed)
    assert len(bench.times) == 1


async def test_a_shared_call_lives_as_long_as_its_most_patient_waiter() -> None:
    """The first caller's deadline ends its own wait and not the second caller's."""
    bench = Bench(cached(), Slow(5.0, "ok"))
    now = bench.clock.monotonic()
    impatient = spawn(bench.outcome(CACHED, 1, context(deadline=now + 1.0)))
    await settle()
    patient = spawn(bench.outcome(CACHED, 1, context(deadline=now + 10.0)))

    assert isinstance(await impatient, DeadlineExceeded)
    assert bench.clock.monotonic() == pytest.approx(now + 0.995)
    assert await patient == "ok"
    assert len(bench.times) == 1


async def test_cancelling_the_first_caller_harms_nobody() -> None:
    """The call goes on for the second when the first, who began it, is cancelled."""
    bench = Bench(cached(), Slow(5.0, "ok"))
    first, second = spawn(bench.call(CACHED)), spawn(bench.call(CACHED))
    await settle()
    first.cancel()

    assert await second == "ok"
    assert len(bench.times) == 1


async def test_when_the_last_waiter_leaves_the_call_ends() -> None:
    """A shared call that nobody waits for is cancelled, and gives everything back."""
    bench = Bench(cached(), Slow(5.0, "ok"))
    callers = [spawn(bench.call(CACHED)) for _ in range(2)]
    await settle()
    for caller in callers:
        caller.cancel()
    await settle()

    assert bench.pipeline.snapshot().in_flight == 0
    assert await bench.call(CACHED) == "ok"
    assert len(bench.times) == 2


async def test_stale_while_revalidate_answers_at_once_and_refreshes_once() -> None:
    """After the time to live the old answer comes at once, one call refreshes it, then the new one is served."""
    bench = Bench(cached(stale_while_revalidate=30.0), "old", Slow(1.0, "new"))
    await bench.call(CACHED)
    await pass_time(61.0)
    now = bench.clock.monotonic()

    assert [await bench.call(CACHED) for _ in range(3)] == ["old"] * 3
    assert bench.clock.monotonic() == now
    await pass_time(1.5)
    assert await bench.call(CACHED) == "new"
    assert len(bench.times) == 2


async def test_too_stale_is_not_served_while_refreshing() -> None:
    """After the window the caller waits for the new answer."""
    bench = Bench(cached(stale_while_revalidate=30.0), "old", Slow(1.0, "new"))
    await bench.call(CACHED)
    await pass_time(90.0)

    assert await bench.call(CACHED) == "new"


async def test_stale_if_error_answers_instead_of_a_failure() -> None:
    """For ten minutes after the time to live the old answer stands in for a dead target, then no more."""
    bench = Bench(cached(stale_if_error=600.0), "old", refused())
    await bench.call(CACHED)
    await pass_time(61.0)
    assert await bench.call(CACHED) == "old"
    await pass_time(599.0)

    assert isinstance(await bench.outcome(CACHED), ConnectFailed)


async def test_a_domain_error_is_not_replaced_by_a_stale_answer() -> None:
    """A target that says "not found" has answered."""
    bench = Bench(cached(stale_if_error=600.0), "old", NotFound("gone"))
    await bench.call(CACHED)
    await pass_time(61.0)

    assert isinstance(await bench.outcome(CACHED), NotFound)


async def test_an_invalidated_answer_is_not_served_even_stale() -> None:
    """After its tag was invalidated an entry serves neither fresh nor instead of an error."""
    bench = Bench(cached(stale_if_error=600.0), "old", refused())
    await bench.call(CACHED)

    assert bench.pipeline.invalidate("documents") == 1
    assert isinstance(await bench.outcome(CACHED), ConnectFailed)


async def test_an_answer_that_was_under_way_during_an_invalidation_is_not_kept() -> None:
    """The waiting caller gets it, the next one asks again."""
    bench = Bench(cached(), Slow(1.0, "before"), "after")
    caller = spawn(bench.call(CACHED))
    await settle()
    bench.pipeline.invalidate("documents")

    assert await caller == "before"
    assert await bench.call(CACHED) == "after"


async def test_closing_ends_shared_calls() -> None:
    """Who waits for a shared call when the pipeline closes is told so, and no task is left."""
    bench = Bench(cached(), Slow(500.0, "ok"))
    caller = spawn(bench.outcome(CACHED))
    await settle()
    await bench.pipeline.close()

    assert isinstance(await caller, Overloaded)
    assert bench.pipeline.snapshot().in_flight == 0


async def test_a_rebuilt_pipeline_keeps_its_answers() -> None:
    """A change of the row's time to live keeps what is cached."""
    bench = counting(Bench(cached(ttl=60.0)))
    await bench.call(CACHED)
    bench.rebuild(cached(ttl=30.0))

    assert await bench.call(CACHED) == 1
