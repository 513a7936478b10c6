"""A row whose processes agree on its transport: one side may say the word before the other side takes calls by it."""

import pytest

from autobot.kernel.links.addresses import plain
from autobot.kernel.links.registry import Carrier, Wired
from tests.unit.kernel.links.kit import ROW, Desk
from tests.unit.kernel.resilience.kit import Script

pytestmark = pytest.mark.anyio


def wire(desk: Desk, other: Script, *targets: str) -> None:
    """Connect the row to HTTP, and to gRPC as far as somebody takes calls by it."""
    carriers = {"grpc": Carrier(other, targets)}
    wired = Wired(transport=desk.script, targets=("a",), others=carriers, aim=plain, agreed=True)  # type: ignore[arg-type]
    desk.registry.wire(ROW, wired)


async def test_until_somebody_takes_calls_by_it_the_old_transport_carries_them_and_says_so() -> None:
    """No call is refused on the way from one transport to the other; the row is shown as substituted meanwhile."""
    desk, other = Desk(), Script(["by grpc"])
    wire(desk, other)
    assert await desk.outcome() == "ok"
    desk.apply(transport="grpc")
    assert await desk.outcome() == "ok"
    shown = desk.described()
    assert (shown["state"], shown["transport"]) == ("substituted", "grpc")
    assert shown["substituted_by"] == "http, while no process takes calls by grpc"
    wire(desk, other, "there")
    assert await desk.outcome() == "by grpc"
    assert desk.described()["state"] == "in-use"


async def test_addresses_that_the_row_fixes_are_asked_by_its_own_transport_alone() -> None:
    """Who fixes addresses means them for the word of the row: they are not asked by another one."""
    desk, other = Desk(), Script(["by grpc"])
    wire(desk, other)
    desk.apply(transport="grpc", targets=["http://b:1"])
    assert await desk.outcome() == "by grpc"
    assert [one.target for one in other.sent] == ["http://b:1"]


async def test_a_way_back_goes_to_the_old_targets() -> None:
    """Back at HTTP the very next call goes by it."""
    desk, other = Desk(), Script(["by grpc"])
    wire(desk, other, "there")
    desk.apply(transport="grpc")
    assert await desk.outcome() == "by grpc"
    desk.registry.apply(ROW, None)
    assert await desk.outcome() == "ok"
    assert desk.described()["state"] == "in-use"
