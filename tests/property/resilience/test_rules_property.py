"""Retry, rate and cache rules against any input."""

from collections import OrderedDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.canonical import canonical_json
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import ConnectionLost, RemoteError
from autobot.kernel.resilience.cache.key import full_key, quick_key
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.cache.store import Store
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.rate_limit.gcra import take
from autobot.kernel.resilience.retry.budget import RetryBudget
from autobot.kernel.resilience.retry.options import RetryOptions
from autobot.kernel.resilience.retry.strategy import Retry
from autobot.testing.virtual_time import FixedChance, seeded

USER = Principal(id="ann", kind="user", role="user", user_id="ann")
READ = Operation(name="read", effect=Effect.FREE, cacheable=True)
SHARES = st.floats(0.0, 1.0, exclude_max=True)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    number=st.integers(1, 10),
    share=SHARES,
    delay=st.floats(0.0, 60.0),
    cap=st.floats(0.0, 300.0),
    asked=st.none() | st.floats(0.0, 120.0),
    backoff=st.sampled_from(["exponential", "fixed", "immediate"]),
)
def test_waits_keep_their_bounds(
    number: int, share: float, delay: float, cap: float, asked: float | None, backoff: Any
) -> None:
    """No wait is negative, none is over its cap, and none is shorter than what the target asked for."""
    options = RetryOptions(max=10, delay=delay, cap=cap, backoff=backoff)
    error = ConnectionLost("") if asked is None else RemoteError("", status=503, retry_after=asked)
    wait = Retry(options, FixedChance(share)).delay(number, error)

    if asked is not None and asked > 60.0:
        assert wait is None
        return
    assert wait is not None
    longest = cap if backoff == "exponential" else delay * 1.1
    assert (asked or 0.0) <= wait <= max(longest, asked or 0.0) * 1.1 + 1e-9
    if asked is None and backoff == "fixed":
        assert wait >= delay


@given(
    outcomes=st.lists(st.booleans(), max_size=200),
    options=st.builds(RetryOptions, max=st.just(3), tokens=st.floats(1, 20), token_refill=st.floats(0, 1)),
)
def test_retries_are_a_fraction_of_what_succeeds(outcomes: list[bool], options: RetryOptions) -> None:
    """However calls go, further attempts are at most half of the tokens plus what successes have refilled."""
    budget = RetryBudget(options)
    retries = 0
    for good in outcomes:
        budget.succeeded() if good else budget.failed()
        assert 0.0 <= budget.tokens <= options.tokens
        assert budget.full == (budget.tokens >= options.tokens)
        if not good and budget.grants(1):
            retries += 1
            budget.failed()

    assert retries <= options.tokens / 2 + options.token_refill * outcomes.count(True) + 1


@given(active=st.integers(0, 1000), ratio=st.floats(0, 1), floor=st.integers(0, 10))
def test_no_more_retries_at_once_than_granted(active: int, ratio: float, floor: int) -> None:
    """Taking what is granted until it is refused gives max(floor, ratio · active)."""
    budget = RetryBudget(RetryOptions(max=3, ratio=ratio, floor=floor))
    while budget.grants(active):
        budget.retrying += 1

    assert budget.retrying == max(floor, int(ratio * active))


@given(
    gaps=st.lists(st.floats(0.0, 5.0), max_size=80),
    interval=st.sampled_from([0.01, 0.5, 1.0, 3.0]),
    burst=st.integers(1, 10),
)
def test_no_window_sees_more_than_the_rate(gaps: list[float], interval: float, burst: int) -> None:
    """In every stretch of time at most a burst and the steady rate pass, and a refusal's wait is exact."""
    now, arrival = 1_000.0, 0.0
    passed: list[float] = []
    for gap in gaps:
        now += gap
        taken = take(arrival, now, interval, burst)
        arrival = taken.arrival
        if taken.allowed:
            passed.append(now)
            assert taken.retry_after == 0.0
        else:
            assert taken.retry_after > 0.0
            assert take(arrival, now + taken.retry_after + 1e-6, interval, burst).allowed

    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - start) / interval + 1e-6


@given(one=JSON, other=JSON)
def test_keys_are_equal_exactly_where_payloads_are(one: Any, other: Any) -> None:
    """The full key follows canonical JSON; the quick key never finds what the full one would not."""
    same = canonical_json(one) == canonical_json(other)
    quick_same = quick_key(READ, one, USER, "principal") == quick_key(READ, other, USER, "principal")

    assert (full_key(READ, one, USER, "principal") == full_key(READ, other, USER, "principal")) == same
    assert same or not quick_same


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "quick", "full", "drop"]), st.integers(0, 6)), max_size=60
    ),
    size=st.integers(1, 4),
)
def test_the_store_is_an_lru_with_tags(steps: list[tuple[str, int]], size: int) -> None:
    """Against a model: same entries, same order of leaving, no quick key or tag of what is gone."""
    store = Store(CacheOptions(ttl=60.0, max_entries=size), seeded())
    model: OrderedDict[str, int] = OrderedDict()
    for what, number in steps:
        key, tag = str(number), f"t{number % 3}"
        if what == "put":
            store.put(key, key.encode(), number, (tag,), 1_000.0, store.epoch)
            model.pop(key, None)
            model[key] = number
            while len(model) > size:
                model.popitem(last=False)
        elif what == "drop":
            gone = [name for name, value in model.items() if f"t{value % 3}" == tag]
            assert store.invalidate([tag]) == len(gone)
            for name in gone:
                del model[name]
        else:
            found = store.quick(key.encode()) if what == "quick" else store.full(key, None)
            assert (found.value if found else None) == model.get(key)
            if found:
                model.move_to_end(key)

    assert list(store._entries) == list(model)
    assert set(store._quick) == {key.encode() for key in model}
    assert {key for keys in store._tagged.values() for key in keys} == set(model)
