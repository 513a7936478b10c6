"""The command bus: the order of its stages, idempotency, audit."""

from __future__ import annotations

import asyncio

import pytest

from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict, scope_covers
from autobot.kernel.core import errors
from autobot.kernel.event_store.audit_chain import verify
from tests.unit.kernel.support import Count, Sum, Total, World, context_of, user

pytestmark = pytest.mark.anyio

ANN = context_of(user("ann"))
BOB = context_of(user("bob"))


async def test_a_command_commits_its_facts_answer_and_audit_together() -> None:
    """After one accepted command the log, the stored answer and the audit chain all hold it."""
    world = World()
    answer = await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    assert (answer.value, answer.position, answer.replayed) == (Sum(value=3), 1, False)
    records = await world.store.audit()
    assert [(one.entry.outcome, one.entry.principal, one.entry.object) for one in records] == [
        ("accepted", "ann", "x")
    ]
    assert records[0].event_hashes == ((await world.store.read_stream("x"))[0].payload_hash,)
    assert verify(records)[2] is None
    assert await world.bus.ask(Total(counter="x"), ANN) == Sum(value=3)


async def test_the_same_key_and_payload_replays_the_answer() -> None:
    """A retry gets the first answer, and the handler does not run again."""
    world = World()
    first = await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    again = await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    assert again.replayed
    assert again.value == first.value
    assert world.counters.runs == 1


async def test_the_same_key_with_another_payload_is_refused() -> None:
    """A key belongs to one payload."""
    world = World()
    await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    with pytest.raises(errors.IdempotencyMismatch):
        await world.bus.dispatch(Count(counter="x", by=4), ANN, key="k1")


async def test_secret_fields_are_no_part_of_the_fingerprint() -> None:
    """What is declared secret is neither compared nor hashed into the audit record."""
    world = World()
    await world.bus.dispatch(Count(counter="x", by=3, secret="one"), ANN, key="k1")
    again = await world.bus.dispatch(Count(counter="x", by=3, secret="two"), ANN, key="k1")
    assert again.replayed


async def test_a_key_is_scoped_to_its_principal() -> None:
    """Another person's key of the same text is another key."""
    world = World()
    await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    other = await world.bus.dispatch(Count(counter="y", by=4), BOB, key="k1")
    assert not other.replayed


async def test_a_key_in_flight_is_a_conflict() -> None:
    """While the first call runs, the same call answers in-flight and another payload mismatch."""
    world = World()
    entered, go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        entered.set()
        await go.wait()

    world.counters.pause = hold
    async with asyncio.TaskGroup() as group:
        first = group.create_task(world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1"))
        await entered.wait()
        with pytest.raises(errors.IdempotencyInFlight):
            await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
        with pytest.raises(errors.IdempotencyMismatch):
            await world.bus.dispatch(Count(counter="x", by=5), ANN, key="k1")
        go.set()
    assert first.result().value == Sum(value=3)


async def test_a_cancelled_command_gives_its_key_back() -> None:
    """Cancelling the caller before the commit leaves nothing, and the key can be used again."""
    world = World()
    entered = asyncio.Event()

    async def hang() -> None:
        entered.set()
        await asyncio.Event().wait()

    world.counters.pause = hang
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1"))
        await entered.wait()
        task.cancel()
    assert task.cancelled()
    world.counters.pause = None
    answer = await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    assert (answer.value, answer.replayed) == (Sum(value=3), False)


async def test_a_refusal_by_the_handler_is_audited_and_replayed_without_effects() -> None:
    """A domain refusal leaves an audit record and its stored answer, and no facts."""
    world = World()
    for _ in range(2):
        with pytest.raises(errors.Conflict, match="full"):
            await world.bus.dispatch(Count(counter="x", by=101), ANN, key="k1")
    assert world.counters.runs == 1
    assert await world.store.head() == 0
    assert [one.entry.outcome for one in await world.store.audit()] == ["conflict"]


async def test_an_expired_key_is_new() -> None:
    """After 24 hours the key runs again."""
    world = World()
    await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    world.clock.move(24 * 3600 + 1)
    again = await world.bus.dispatch(Count(counter="x", by=3), ANN, key="k1")
    assert not again.replayed


async def test_a_decision_is_made_anew_when_the_stream_moved_on() -> None:
    """Many commands at once on one stream all take effect once: each is decided on what it really met."""
    world = World()

    async def give_way() -> None:
        await asyncio.sleep(0)

    world.counters.pause = give_way
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(world.bus.dispatch(Count(counter="x", by=1), ANN))
    assert await world.bus.ask(Total(counter="x"), ANN) == Sum(value=5)


async def test_invalid_input_never_reaches_the_handler() -> None:
    """A contract that breaks its limits is refused with a pointer and counted, not audited one by one."""
    world = World()
    with pytest.raises(errors.InvalidInput) as caught:
        await world.bus.dispatch(Count(counter="x", by=0), ANN)
    assert caught.value.errors[0].pointer == "#/by"
    assert world.counters.runs == 0


async def test_refusals_before_the_handler_are_counted_and_written_together() -> None:
    """A thousand refusals of one kind become one audit record that says a thousand."""
    world = World()
    viewer = context_of(user("eve", role="viewer"))
    for _ in range(1000):
        with pytest.raises(errors.Forbidden):
            await world.bus.dispatch(Count(counter="x", by=1), viewer)
    assert await world.store.audit() == []
    assert await world.refusals.flush() == 1
    (record,) = await world.store.audit()
    assert (record.entry.count, record.entry.outcome, record.entry.principal) == (1000, "forbidden", "eve")


async def test_somebody_elses_object_is_not_found() -> None:
    """An object of another owner is refused as if it did not exist; an administrator may."""
    world = World()
    world.counters.owners["x"] = "bob"
    with pytest.raises(errors.NotFound):
        await world.bus.dispatch(Count(counter="x", by=1), ANN)
    await world.bus.dispatch(Count(counter="x", by=1), BOB)
    await world.bus.dispatch(Count(counter="x", by=1), context_of(user("root", role="admin")))
    assert await world.bus.ask(Total(counter="x"), ANN) == Sum(value=2)


async def test_nobody_is_unauthenticated_rather_than_forbidden() -> None:
    """Without an identity the answer is to sign in."""
    world = World()
    nobody = context_of(user("", role="viewer"))
    with pytest.raises(errors.Unauthenticated):
        await world.bus.dispatch(Count(counter="x", by=1), nobody)


def test_scopes_narrow_a_role_and_never_widen_it() -> None:
    """A key's scopes are a filter over what its role allows."""
    table = Authorizer(
        (Rule(action="chat:read", user=Verdict.OWN), Rule(action="keys:write", admin=Verdict.ALLOW))
    )
    narrow = user("ann", scopes=frozenset({"chat:*", "keys:write"}))
    assert table.verdict(narrow, "chat:read") is Verdict.OWN
    assert table.verdict(narrow, "keys:write") is Verdict.DENY
    assert table.verdict(user("ann", scopes=frozenset({"settings:read"})), "chat:read") is Verdict.DENY
    assert table.verdict(user("ann"), "no:such") is Verdict.DENY


@pytest.mark.parametrize(
    ("scope", "action", "covered"),
    [
        ("*", "chat:read", True),
        ("chat:*", "chat:read", True),
        ("chat:read", "chat:read", True),
        ("chat:read", "chat:write", False),
        ("cha*", "chat:read", False),
        ("chat", "chat:read", False),
    ],
)
def test_scope_words(scope: str, action: str, covered: bool) -> None:
    """A scope is everything, one context, or one action."""
    assert scope_covers(scope, action) is covered


def test_an_action_without_a_rule_stops_the_start() -> None:
    """The bus refuses to be built around a hole in the table."""
    with pytest.raises(ValueError, match="two rules"):
        Authorizer((Rule(action="a:b"), Rule(action="a:b")))
