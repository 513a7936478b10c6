"""What people see of an installation's processes, and what they can do with one."""

from typing import Any

import pytest

from autobot.contexts.roles.domain import role_gauges
from autobot.contexts.roles.module import LEASE_S, Observer, Self, build
from autobot.contracts import roles
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.speech import Contracts, Operation
from autobot.kernel.core.context import SYSTEM, CallContext, Principal
from autobot.kernel.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from autobot.kernel.event_store.transaction import Query
from autobot.testing.fleet import Fleet, Process
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio

HOPS: dict[str, tuple[roles.RoleName, roles.RoleName]] = {
    "gateway-backend": ("gateway", "backend"),
    "gateway-ai": ("gateway", "ai"),
    "ai-backend": ("ai", "backend"),
}
RULES = (
    Rule(action="system:read", admin=Verdict.ALLOW, viewer=Verdict.ALLOW),
    Rule(action="system:operate", admin=Verdict.ALLOW),
)
ROOT = Principal(id="u-1", kind="user", role="admin", user_id="u-1", username="root")
VIEWER = Principal(id="u-2", kind="user", role="viewer", user_id="u-2", username="vic")
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def speaking(payload: Any) -> Contracts:
    """Contracts with one query that the backend handles."""
    return Contracts({"Ask": Operation(role="backend", payload=payload, answer=TEXT)})


OLD, NEW = speaking(TEXT), speaking(NUMBER)


CHILD = roles.RoleChild(
    what="npu", state="ready", address="unix:/data/npu.sock", starts=2, pid=7, memory_bytes=90_000_000
)


async def household(context: CallContext) -> tuple[tuple[roles.RoleChild, ...], int | None]:
    """One worker beside a process of 100 MB."""
    return (CHILD,), 100_000_000


class World:
    """A fleet on a store, and the bus of one of its processes (or of the one of the embedded mode)."""

    def __init__(self, *, scaled: bool = True, fixed: tuple[str, ...] = ()) -> None:
        self.ground = Ground(roles.EVENTS)
        self.fleet = Fleet(self.ground.store)
        self.observer = Observer()
        own = Self(
            id="all", role="all", address="http://127.0.0.1:8001", version="1.0", contracts="",
            host="host-0", pid=100,
        )  # fmt: skip
        module = build(
            self.ground.store,
            self.fleet.clock,
            own,
            self.observer if scaled else None,
            hops=HOPS,
            fixed=lambda link: fixed if link == "gateway-ai" else (),
            household=household,
        )
        self.bus = self.ground.bus([module], RULES)

    async def started(self, name: str, role: str, speaks: Contracts = OLD, key_mark: str = "") -> Process:
        """Start a process."""
        return await self.fleet.start(name, role, speaks, key_mark)

    async def listed(self) -> roles.RoleList:
        """Ask for all."""
        found: roles.RoleList = await self.bus.ask(roles.ListRoles(), context_of(VIEWER))
        return found

    async def drain(self, instance: str, by: Principal = ROOT) -> Any:
        """Drain one."""
        return await self.bus.dispatch(
            roles.DrainRole(instance=instance, reason="an upgrade"), context_of(by)
        )


async def test_the_one_process_of_the_embedded_mode_holds_every_role() -> None:
    """It is listed with all roles and without a lease, for nobody could miss it; it cannot be drained."""
    world = World(scaled=False)
    found = await world.listed()
    (one,) = found.items
    assert (found.mode, one.roles, one.state, one.here) == (
        "embedded",
        ("gateway", "backend", "ai"),
        "live",
        True,
    )
    assert (one.lease_seconds, one.age_seconds, one.lease_left_seconds) == (None, None, None)
    assert (one.children, one.memory_bytes) == ((CHILD,), 100_000_000)
    assert found.hops == ()
    with pytest.raises(Conflict) as caught:
        await world.drain("all")
    assert caught.value.hint == "autobot up --scaled"


async def test_processes_are_listed_by_role_with_their_leases() -> None:
    """In the order in which calls go, each with what is left of its lease; the one that answers is marked."""
    world = World(fixed=("http://10.9.9.9:1",))
    for name, role in (
        ("gateway", "gateway"),
        ("ai", "ai"),
        ("backend-2", "backend"),
        ("backend-1", "backend"),
    ):
        await world.started(name, role)
    await world.listed()
    world.fleet.clock.advance(2.0)
    found = await world.listed()
    assert [one.id for one in found.items] == ["gateway", "backend-1", "backend-2", "ai"]
    assert {(one.age_seconds, one.lease_left_seconds) for one in found.items} == {(2.0, LEASE_S - 2.0)}
    assert [one.id for one in found.items if one.here] == ["gateway"]
    hops = {one.link: (one.reachable, one.pairs, one.targets) for one in found.hops}
    assert hops == {
        "gateway-backend": (2, 2, ()),
        "gateway-ai": (1, 1, ("http://10.9.9.9:1",)),
        "ai-backend": (2, 2, ()),
    }


async def test_each_process_tells_what_it_started_with_its_signs_of_life() -> None:
    """As it was at the last one; one that does not say so is told apart by its memory, and of a lost one nothing is known."""
    world, memory = World(), [80_000_000]
    await world.started("gateway", "gateway")  # the one that answers
    telling = await world.fleet.start("ai", "ai", OLD, within=lambda: ((CHILD,), memory[0]))
    await world.started("backend-1", "backend")

    async def told() -> dict[str, tuple[Any, Any]]:
        items = (await world.listed()).items
        return {one.id: (one.children, one.memory_bytes) for one in items if not one.here}

    assert await told() == {"ai": ((CHILD,), 80_000_000), "backend-1": ((), None)}
    memory[0] = 85_000_000
    await telling.member.renew()
    assert (await told())["ai"] == ((CHILD,), 85_000_000)
    await telling.member.drain("it leaves")
    assert (await told())["ai"] == ((CHILD,), 85_000_000)
    for _ in range(int(LEASE_S) + 1):
        world.fleet.clock.advance(1.0)
        last = await told()
    assert last["ai"] == ((), None)


async def test_a_drain_is_a_fact_with_who_and_why() -> None:
    """The process gets no new calls and learns of it with its next word; draining it again is refused."""
    world = World()
    process = await world.started("backend-1", "backend")
    await world.drain("backend-1")
    (one,) = (await world.listed()).items
    assert (one.state, one.drained_by, one.reason) == ("draining", "root", "an upgrade")
    await process.member.renew()
    assert process.member.draining
    fact = (await world.fleet.facts())[-1]
    assert (fact.instance, fact.by, fact.reason) == ("backend-1", "root", "an upgrade")
    (entry,) = [one.entry for one in await world.ground.store.audit()]
    assert (entry.action, entry.object, entry.principal) == ("system:operate", "role:backend-1", "u-1")
    with pytest.raises(Conflict, match="an upgrade"):
        await world.drain("backend-1")


async def test_a_drain_and_a_sign_of_life_do_not_lose_one_another() -> None:
    """Whichever is first, the process lives and drains."""
    world = World()
    process = await world.started("backend-1", "backend")
    for _ in range(3):
        await process.member.renew()
    await world.drain("backend-1")
    await process.member.renew()
    row = (await world.fleet.rows())["backend-1"]
    assert (row.draining, row.beat) == (True, 4)


async def test_nobody_drains_what_is_not_there_or_without_the_right() -> None:
    """An unknown process, one that is lost, a viewer, an id that is none."""
    world = World()
    with pytest.raises(NotFound):
        await world.drain("backend-9")
    with pytest.raises(InvalidInput):
        await world.drain("back end")
    killed, other = await world.started("backend-1", "backend"), await world.started("backend-2", "backend")
    with pytest.raises(Forbidden):
        await world.drain("backend-1", VIEWER)
    killed.alive = False
    await world.fleet.passed(int(LEASE_S) + 2)
    await world.listed()
    with pytest.raises(Conflict, match="lost"):
        await world.drain("backend-1")
    assert other.targets == {other.own.address}


async def test_unlike_contracts_are_shown_with_the_reason() -> None:
    """A backend that no caller understands is incompatible; one that some understand lives, and tells who does not."""
    world = World()
    await world.started("gateway-1", "gateway")
    await world.started("gateway-2", "gateway")
    await world.started("ai", "ai")
    await world.started("backend-old", "backend")
    await world.started("backend-new", "backend", NEW)
    found = {one.id: one for one in (await world.listed()).items}
    assert (found["backend-old"].state, found["backend-old"].refused_by) == ("live", ())
    assert found["backend-new"].state == "incompatible"
    assert "Ask" in found["backend-new"].reason
    refused = {one.role: (one.instances, one.contracts) for one in found["backend-new"].refused_by}
    assert refused == {"gateway": (2, OLD.fingerprint()), "ai": (1, OLD.fingerprint())}
    await world.started("gateway-3", "gateway", NEW)
    found = {one.id: one for one in (await world.listed()).items}
    assert found["backend-new"].state == "live"
    hops = {one.link: (one.reachable, one.pairs) for one in (await world.listed()).hops}
    assert hops["gateway-backend"] == (3, 6)


async def test_the_contracts_of_a_version_are_stored_once() -> None:
    """Three processes of one version and one of another leave two documents."""
    world = World()
    for number in range(3):
        await world.started(f"backend-{number}", "backend")
    await world.started("backend-new", "backend", NEW)
    stored = await world.ground.store.query(Query(table="role_contracts"))
    assert {one.key for one in stored} == {OLD.fingerprint(), NEW.fingerprint()}
    assert {one.version for one in stored} == {1}


async def test_gauges_count_by_role_and_state() -> None:
    """Every role that somebody has shows every state, so that a state that nobody is in reads nought."""
    world = World()
    await world.started("gateway", "gateway")
    drained = await world.started("backend-1", "backend")
    await world.started("backend-2", "backend")
    await drained.member.drain("it leaves")
    await world.listed()
    found = {
        (dict(labels)["role"], dict(labels)["state"]): value
        for _, labels, value in role_gauges(world.observer.rows, world.observer)
    }
    assert found == {
        ("gateway", "live"): 1.0,
        ("gateway", "draining"): 0.0,
        ("gateway", "lost"): 0.0,
        ("backend", "live"): 1.0,
        ("backend", "draining"): 1.0,
        ("backend", "lost"): 0.0,
    }


async def test_lost_processes_are_forgotten_after_an_hour() -> None:
    """The table keeps who was lost for people to see, and not for ever; nothing is said twice."""
    world = World()
    killed, _ = await world.started("backend-1", "backend"), await world.started("backend-2", "backend")
    killed.alive = False
    await world.fleet.passed(60)
    assert "backend-1" in await world.fleet.rows()
    await world.fleet.passed(3_700)
    assert list(await world.fleet.rows()) == ["backend-2"]
    assert (await world.fleet.told())[2:] == ["lost backend-1 1"]


async def test_the_system_may_list() -> None:
    """The command line asks as the system."""
    world = World()
    await world.started("backend-1", "backend")
    assert len((await world.bus.ask(roles.ListRoles(), context_of(SYSTEM))).items) == 1


async def test_another_service_key_is_shown_with_the_fix_before_any_call() -> None:
    """A backend with another key than its callers is shown as one that nobody can call; the row counts no such pair."""
    world = World()
    await world.started("gateway-1", "gateway", key_mark="0000aaaa")
    await world.started("backend-1", "backend", key_mark="0000aaaa")
    await world.started("backend-2", "backend", key_mark="0000bbbb")
    listed = await world.listed()
    found = {one.id: one for one in listed.items}
    assert (found["backend-1"].state, found["backend-1"].key_mark) == ("live", "0000aaaa")
    assert (found["backend-2"].state, found["backend-2"].key_mark) == ("incompatible", "0000bbbb")
    (refused,) = found["backend-2"].refused_by
    assert (refused.role, refused.instances) == ("gateway", 1)
    assert "0000bbbb" in refused.reason
    assert "AUTOBOT_SECRET_KEY_FILE" in refused.reason
    hop = next(one for one in listed.hops if one.link == "gateway-backend")
    assert (hop.reachable, hop.pairs) == (1, 2)
