"""Each field of a row is changed while the link is in use, and the very next call behaves accordingly."""

from collections.abc import Awaitable, Callable

import pytest

from autobot.kernel.core.errors import (
    AttemptTimeout,
    BulkheadFull,
    ChaosInjected,
    CircuitOpen,
    ConnectFailed,
    DeadlineExceeded,
    InvalidInput,
    LinkMissing,
    RateLimited,
)
from autobot.kernel.links.addresses import plain
from autobot.kernel.links.row import FIELDS
from tests.unit.kernel.links.kit import Desk
from tests.unit.kernel.resilience.kit import CACHED, Script, Slow, refused

pytestmark = pytest.mark.anyio


async def change_timeout() -> None:
    """A call that took 10 s is cut off after 5."""
    desk = Desk(Slow(10.0))
    assert await desk.outcome() == "late"
    desk.apply(timeout=5.0)
    began = desk.now
    assert isinstance(await desk.outcome(), AttemptTimeout)
    assert desk.now - began == pytest.approx(5.0)


async def change_total() -> None:
    """All attempts together end after 3 s."""
    desk = Desk(Slow(2.0, refused()), retry={"max": 3, "backoff": "fixed", "delay": 0.0})
    assert isinstance(await desk.outcome(), ConnectFailed)
    assert len(desk.sent) == 4
    desk.apply(total=3.0, timeout=3.0)
    began = desk.now
    assert isinstance(await desk.outcome(), DeadlineExceeded | ConnectFailed)
    assert desk.now - began <= 3.0
    assert len(desk.sent) <= 4 + 2


async def change_retry() -> None:
    """One attempt becomes three, two seconds apart."""
    desk = Desk(refused())
    await desk.outcome()
    assert len(desk.sent) == 1
    desk.script.sent.clear()
    desk.apply(retry={"max": 2, "backoff": "fixed", "delay": 2.0})
    await desk.outcome()
    first, second, third = desk.times
    assert first == 0.0
    assert 2.0 <= second <= 2.2
    assert 2.0 <= third - second <= 2.2


async def change_breaker() -> None:
    """After two failures the third call is refused without being sent."""
    desk = Desk(refused())
    desk.apply(breaker={"failures": 2, "window": 60.0})
    outcomes = [await desk.outcome() for _ in range(3)]
    assert [type(one) for one in outcomes] == [ConnectFailed, ConnectFailed, CircuitOpen]
    desk.apply(breaker=None)
    assert isinstance(await desk.outcome(), ConnectFailed)


async def change_bulkhead() -> None:
    """Of three calls at once only one runs."""
    desk = Desk(Slow(1.0))
    assert await desk.several(3) == ["late"] * 3
    desk.apply(bulkhead={"limit": 1, "queue": 0})
    outcomes = await desk.several(3)
    assert [type(one) for one in outcomes].count(BulkheadFull) == 2


async def change_rate_limit() -> None:
    """The second call within a minute is refused."""
    desk = Desk()
    assert await desk.several(2) == ["ok", "ok"]
    desk.apply(rate_limit={"calls": 1, "window": 60.0})
    assert await desk.outcome() == "ok"
    assert isinstance(await desk.outcome(), RateLimited)


async def change_cache() -> None:
    """The same question is answered without being sent."""
    desk = Desk()
    await desk.outcome(CACHED, "q")
    await desk.outcome(CACHED, "q")
    assert len(desk.sent) == 2
    desk.apply(cache={"ttl": 60.0})
    await desk.outcome(CACHED, "q")
    await desk.outcome(CACHED, "q")
    assert len(desk.sent) == 3


async def change_chaos() -> None:
    """Every attempt fails on purpose, and none is sent."""
    desk = Desk()
    assert await desk.outcome() == "ok"
    desk.apply(chaos={"fault_rate": 1.0})
    assert isinstance(await desk.outcome(), ChaosInjected)
    assert len(desk.sent) == 1


async def change_endpoint() -> None:
    """Calls go round the targets instead of to the first."""
    desk = Desk(targets=("a", "b"))
    for _ in range(4):
        await desk.outcome()
    assert set(desk.sent) == {"a"}
    desk.apply(endpoint={"policy": "round_robin"})
    desk.script.sent.clear()
    for _ in range(4):
        await desk.outcome()
    assert sorted(desk.sent) == ["a", "a", "b", "b"]


async def change_error_handling() -> None:
    """What failed goes on to the chain."""
    desk = Desk(lambda target: refused() if target == "a" else f"answer of {target}", chain=("b",))
    assert isinstance(await desk.outcome(), ConnectFailed)
    desk.apply(error_handling="failover")
    assert await desk.outcome() == "answer of b"


async def change_pattern() -> None:
    """A streaming row ends after 15 minutes, a request has no such end."""
    desk = Desk(Slow(1_000.0), timeout=2_000.0)
    assert await desk.outcome() == "late"
    desk.apply(pattern="streaming")
    began = desk.now
    assert isinstance(await desk.outcome(), DeadlineExceeded)
    assert desk.now - began == pytest.approx(900.0)


async def change_transport() -> None:
    """The call is carried by the other transport."""
    other = Script(["by grpc"])
    desk = Desk(others={"grpc": other})
    assert await desk.outcome() == "ok"
    desk.apply(transport="grpc")
    assert await desk.outcome() == "by grpc"
    assert [one.target for one in other.sent] == ["other"]
    with pytest.raises(InvalidInput, match="does not speak pubsub"):
        desk.apply(transport="pubsub")


async def change_idempotency() -> None:
    """A row that retries may not lose the word that makes it safe; the refused change changes nothing."""
    desk = Desk(refused(), retry={"max": 1, "backoff": "immediate"})
    with pytest.raises(InvalidInput, match="idempotency"):
        desk.apply(idempotency=None)
    await desk.outcome()
    assert len(desk.sent) == 2
    desk.apply(idempotency=None, retry=None)
    await desk.outcome()
    assert len(desk.sent) == 3


async def change_doc() -> None:
    """People read the new text."""
    desk = Desk()
    desk.apply(doc="Orders of the shop.")
    assert desk.described()["doc"] == "Orders of the shop."


async def change_origin() -> None:
    """Where a row comes from cannot be claimed at run time."""
    with pytest.raises(InvalidInput, match="origin"):
        Desk().apply(origin="specification")


async def change_accepted() -> None:
    """A finding cannot be waved through at run time."""
    with pytest.raises(InvalidInput, match="accepted"):
        Desk().apply(accepted="because")


async def change_targets() -> None:
    """Calls go to the address that the row fixes; without it to the one that was known, and nobody else's row takes any."""
    desk = Desk(aim=plain)
    await desk.outcome()
    desk.apply(targets=["http://10.0.0.5:8001"])
    await desk.outcome()
    assert desk.described()["fixed_targets"] == ["http://10.0.0.5:8001"]
    desk.apply(targets=[])
    await desk.outcome()
    assert desk.sent == ["a", "http://10.0.0.5:8001", "a"]
    with pytest.raises(InvalidInput, match="not the matrix's to fix"):
        Desk().apply(targets=["http://10.0.0.5:8001"])


async def delete() -> None:
    """The hop does not exist any more, until the row comes back."""
    desk = Desk()
    desk.apply(deleted=True)
    assert isinstance(await desk.outcome(), LinkMissing)
    desk.registry.apply("backend-crm", None)
    assert await desk.outcome() == "ok"


CHANGES: dict[str, Callable[[], Awaitable[None]]] = {
    "timeout": change_timeout,
    "total": change_total,
    "retry": change_retry,
    "breaker": change_breaker,
    "bulkhead": change_bulkhead,
    "rate_limit": change_rate_limit,
    "cache": change_cache,
    "chaos": change_chaos,
    "endpoint": change_endpoint,
    "error_handling": change_error_handling,
    "pattern": change_pattern,
    "transport": change_transport,
    "idempotency": change_idempotency,
    "doc": change_doc,
    "origin": change_origin,
    "accepted": change_accepted,
    "targets": change_targets,
    "deleted": delete,
}


@pytest.mark.parametrize("field", CHANGES)
async def test_a_field_changed_at_run_time_changes_behaviour(field: str) -> None:
    """The change is in force for the very next call (each function above says what is seen)."""
    await CHANGES[field]()


def test_no_field_is_left_out() -> None:
    """Every field that a row can have is changed above."""
    assert set(CHANGES) == {*FIELDS, "deleted"}
