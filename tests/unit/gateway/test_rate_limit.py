"""Rate limits: GCRA per caller and class, told in the RateLimit fields."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.exchange import Exchange
from autobot.gateway.middleware.rate_limit import (
    DEFAULT_CLASSES,
    LOGIN,
    RouteClass,
    admit,
)
from autobot.gateway.structured_fields import Item, parse_list
from autobot.kernel.core.errors import ConfigurationError, QuotaExceeded
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from autobot.testing.virtual_time import VirtualClock, run
from tests.unit.gateway.edge import AUTHORIZED, edge

pytestmark = pytest.mark.anyio

SMALL = (
    RouteClass(name="things", quota=2, prefixes=("/api/v1/chat/things",)),
    RouteClass(name="default", quota=4),
)


async def test_the_fields_are_structured_lists_of_named_policies() -> None:
    """Both fields are RFC 9651 lists of String items: the policy with q and w, the state with r and t."""
    reply = await edge(classes=SMALL)("GET", "/api/v1/chat/things", headers=AUTHORIZED)
    assert parse_list(reply["ratelimit-policy"]) == [Item("things", {"q": 2, "w": 60})]
    assert parse_list(reply["ratelimit"]) == [Item("things", {"r": 1, "t": 30})]
    assert not any(name.startswith("x-ratelimit") or name == "ratelimit-limit" for name, _ in reply.headers)


async def test_a_spent_quota_is_429_with_the_time_to_wait() -> None:
    """Over the quota the answer names the policy, and Retry-After is no shorter than t."""
    client = edge(classes=SMALL)
    for _ in range(2):
        assert (await client("GET", "/api/v1/chat/things", headers=AUTHORIZED)).status == 200
    reply = await client("GET", "/api/v1/chat/things", headers=AUTHORIZED)
    assert reply.status == 429
    assert reply.json["code"] == "quota-exceeded"
    assert reply.json["violated-policies"] == ["things"]
    state = parse_list(reply["ratelimit"])[0]
    assert dict(state.params) == {"r": 0, "t": 30}
    assert int(reply["retry-after"]) >= 30
    assert reply.json["retry_after"] == int(reply["retry-after"])


async def test_callers_and_classes_have_quotas_of_their_own() -> None:
    """One caller's spent quota touches neither another caller nor another class; a key is not its user's session."""
    client = edge(classes=SMALL)
    for _ in range(3):
        spent = await client("GET", "/api/v1/chat/things", headers=AUTHORIZED)
    assert spent.status == 429
    assert (await client("GET", "/api/v1/chat/mine", headers=AUTHORIZED)).status == 200
    for key in ("viewer-key", "narrow-key"):
        reply = await client("GET", "/api/v1/chat/things", headers={"authorization": f"Bearer {key}"})
        assert reply.status == 200


async def test_nobody_is_counted_by_address() -> None:
    """Requests without a credential share the quota of their address, bad keys too."""
    client = edge(classes=SMALL)
    for number in range(4):
        reply = await client("GET", "/api/v1/chat/mine", headers={"authorization": f"Bearer guess-{number}"})
        assert reply.status == 401
    assert (await client("GET", "/api/v1/chat/mine")).status == 429
    client.peer = "198.51.100.1"
    assert (await client("GET", "/api/v1/chat/mine")).status == 401


def test_the_default_limits_are_the_documented_ones() -> None:
    """100 actions a minute, 10 sign-ins, 6,000 of everything else."""
    limits = {(one.name, one.quota, one.window_s) for one in (*DEFAULT_CLASSES, LOGIN)}
    assert limits == {("actions", 100, 60), ("default", 6_000, 60), ("login", 10, 60)}


def timed(test: Callable[[MemoryLimiter], Awaitable[None]]) -> None:
    """Run a test of the limiter in virtual time."""

    async def main() -> None:
        await test(MemoryLimiter(VirtualClock()))

    run(main())


def test_a_burst_passes_and_the_quota_grows_back_evenly() -> None:
    """The whole quota may come at once; then one request passes each window/quota seconds."""

    async def test(limiter: MemoryLimiter) -> None:
        for left in (3, 2, 1, 0):
            assert (await limiter.take(("a",), 4, 60)).remaining == left
        refused = await limiter.take(("a",), 4, 60)
        assert (refused.allowed, refused.retry_after_s) == (False, pytest.approx(15))
        await asyncio.sleep(14.9)
        assert not (await limiter.take(("a",), 4, 60)).allowed
        await asyncio.sleep(0.2)
        assert (await limiter.take(("a",), 4, 60)).allowed
        assert not (await limiter.take(("a",), 4, 60)).allowed
        await asyncio.sleep(60)
        assert (await limiter.take(("a",), 4, 60)).remaining == 3

    timed(test)


def test_a_refused_request_costs_nothing() -> None:
    """Asking again and again does not push the end of the wait away."""

    async def test(limiter: MemoryLimiter) -> None:
        for _ in range(50):
            await limiter.take(("a",), 1, 10)
        await asyncio.sleep(10)
        assert (await limiter.take(("a",), 1, 10)).allowed

    timed(test)


@given(
    quota=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_than_twice_the_quota(quota: int, pauses: list[float]) -> None:
    """Whatever the pace, a window passes at most one burst and one refill, and never none for ever."""
    window = 10.0

    async def test(limiter: MemoryLimiter) -> None:
        clock, passed = VirtualClock(), []
        for pause in pauses:
            await asyncio.sleep(pause)
            taken = await limiter.take(("a",), quota, window)
            if taken.allowed:
                passed.append(clock.monotonic())
                assert 0 <= taken.remaining < quota
            else:
                assert 0 < taken.retry_after_s <= window / quota + 1e-3
        for start in passed:
            assert sum(1 for at in passed if start <= at < start + window) <= 2 * quota

    timed(test)


def test_memory_is_bounded() -> None:
    """Callers whose quota is whole again are forgotten; under a flood those nearest to it go first."""

    async def main() -> None:
        limiter = MemoryLimiter(VirtualClock(), keys_max=10)
        for number in range(10):
            await limiter.take((str(number),), 2, 60)
        await asyncio.sleep(61)
        await limiter.take(("new",), 2, 60)
        for number in range(20):
            await limiter.take((f"flood-{number}",), 2, 60)
        assert len(limiter._arrivals) <= 10

    run(main())


def test_sign_in_is_limited_by_address_and_name() -> None:
    """The eleventh attempt on one name from one address within a minute is refused; another name is not."""

    async def main() -> None:
        limiter = MemoryLimiter(VirtualClock())
        scope = {"type": "http", "method": "POST", "path": "/api/v1/auth/login", "headers": []}

        async def send(_: object) -> None: ...

        def exchange() -> Exchange:
            return Exchange(scope, send, 0.0)

        for _ in range(10):
            await admit(limiter, exchange(), LOGIN, "198.51.100.1", "admin")
        with pytest.raises(QuotaExceeded) as refused:
            await admit(limiter, exchange(), LOGIN, "198.51.100.1", "admin")
        assert refused.value.policies == ("login",)
        await admit(limiter, exchange(), LOGIN, "198.51.100.1", "bea")
        await admit(limiter, exchange(), LOGIN, "198.51.100.2", "admin")

    run(main())


async def test_two_policies_stand_in_one_list() -> None:
    """A route that takes from a second quota tells both; the fields are lists, so their lines may be joined."""
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}

    async def send(_: object) -> None: ...

    exchange = Exchange(scope, send, 0.0)
    limiter = MemoryLimiter(VirtualClock())
    for kind in (LOGIN, DEFAULT_CLASSES[-1]):
        await admit(limiter, exchange, kind, "a")
    joined = b", ".join(value for name, value in exchange.answer_fields if name == b"ratelimit-policy")
    assert [one.value for one in parse_list(joined)] == ["login", "default"]


@pytest.mark.parametrize("wrong", [{"quota": 0}, {"window_s": 0}, {"name": "ü"}, {"quota": 2_000_000}])
def test_limits_are_checked_when_built(wrong: dict[str, object]) -> None:
    """A quota or window outside its range stops the start."""
    with pytest.raises(ConfigurationError):
        RouteClass(**{"name": "x", "quota": 1, **wrong})  # type: ignore[arg-type]
