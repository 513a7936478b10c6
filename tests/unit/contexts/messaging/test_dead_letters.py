"""Dead letters: listed, grouped, looked at, replayed, edited, discarded; who may; what is written about it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from autobot.contexts.messaging.module import hear
from autobot.contracts import messaging
from autobot.kernel.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from autobot.kernel.event_store.transaction import Erase, Handled, Transaction
from autobot.kernel.messaging.dead_letters import DeadLetters
from autobot.testing import virtual_time
from tests.unit.contexts.messaging.world import GROUP, OLA, SERVICE, UMA, Ordered, World

DAY_S = 86_400.0


def test_dead_letters_are_listed_in_pages_and_filtered() -> None:
    """Pages follow one another in log order without a hole; group, type, cause, key and time narrow the list."""

    async def main() -> None:
        world = World()
        world.orders.refuses = set(range(1, 6))
        async with world.running():
            await world.order("abcde")
            seen: list[str] = []
            cursor: str | None = None
            while True:
                page = await world.ask(messaging.ListDeadLetters(limit=2, cursor=cursor))
                seen += [one.id for one in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            every = await world.letters()
            assert seen == [one.id for one in every]
            assert [one.key for one in every] == list("abcde")
            assert [one.position for one in every] == [1, 2, 3, 4, 5]
            assert await world.letters(group="other") == ()
            assert await world.letters(type="autobot.test.other.v1") == ()
            assert len(await world.letters(type=Ordered.TYPE, group=GROUP)) == 5
            assert [one.position for one in await world.letters(key="c")] == [3]
            cause = every[0].fingerprint
            assert len(await world.letters(fingerprint=cause)) == 5
            now = world.clock.now()
            assert await world.letters(since=now) == ()
            assert len(await world.letters(until=now)) == 5

    virtual_time.run(main())


def test_dead_letters_are_grouped_by_cause() -> None:
    """Each cause says how many, since when, of which types, and names its newest as the example."""

    async def main() -> None:
        world = World()
        world.orders.refuses = set(range(1, 5))
        async with world.running():
            await world.order("abc")
            await asyncio.sleep(60)
            await world.order("d", start=4)
            (cause,) = (await world.ask(messaging.ListCauses())).items
            every = await world.letters()
            assert (cause.group, cause.count, cause.types) == (GROUP, 4, (Ordered.TYPE,))
            assert cause.error.endswith("Unrecoverable")
            assert cause.example == every[-1].id
            assert (cause.first_failed, cause.last_failed) == (every[0].first_failed, every[-1].last_failed)
            narrowed = messaging.ListCauses(selection=messaging.Selection(key="a"))
            assert [one.count for one in (await world.ask(narrowed)).items] == [1]

    virtual_time.run(main())


def test_one_dead_letter_tells_its_event_its_stack_and_who_waits() -> None:
    """The view has the event as it would be delivered, places without values, and the count behind it."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aaab")
            (letter,) = await world.letters()
            view = await world.ask(messaging.GetDeadLetter(id=letter.id))
            assert view.letter == letter
            assert json.loads(view.event["data"]) == {"number": 1, "amount": "one"}
            assert view.waiting_behind == 2
            assert view.editable
            assert view.handler == "Orders.handle"
            assert any(one.endswith(" handle") for one in view.stack)
            with pytest.raises(NotFound):
                await world.ask(messaging.GetDeadLetter(id="orders-unknown"))

    virtual_time.run(main())


def test_replayed_it_is_handled_before_those_behind_it() -> None:
    """A replay delivers the same event again; the later ones of its key follow, once each; it is written who did."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aab")
            (letter,) = await world.letters()
            world.orders.refuses = set()
            decided = await world.do(messaging.ReplayDeadLetter(id=letter.id))
            assert (decided.decision, decided.event_id) == ("replayed", letter.event_id)
            await world.settled()
            assert await world.done() == {"a": [1, 2], "b": [3]}
            assert await world.letters() == ()
            fact = messaging.DeadLetterReplayed(
                letter=letter.id, group=GROUP, event_id=letter.event_id, by="ola"
            )
            assert await world.facts("autobot.messaging.") == [fact]
            entry = (await world.store.audit())[-1].entry
            assert (entry.action, entry.object) == ("messaging:write", f"dead-letter:{letter.id}")

    virtual_time.run(main())


def test_a_repeated_request_decides_once() -> None:
    """Under one key the second request gets the first answer; without one it is told that nothing is there."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("a")
            (letter,) = await world.letters()
            command = messaging.DiscardDeadLetter(id=letter.id, reason="A test.")
            first = await world.do(command, key="one-key-for-one-request")
            again = await world.do(command, key="one-key-for-one-request")
            assert first == again
            with pytest.raises(NotFound):
                await world.do(command)
            assert len(await world.facts("autobot.messaging.")) == 1

    virtual_time.run(main())


def test_two_who_decide_at_once_do_not_both_succeed() -> None:
    """Of a discard and a replay of one dead letter at the same moment one holds and the other is refused."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("a")
            (letter,) = await world.letters()
            world.orders.refuses = set()
            outcomes = await asyncio.gather(
                world.do(messaging.DiscardDeadLetter(id=letter.id, reason="No.")),
                world.do(messaging.ReplayDeadLetter(id=letter.id)),
                return_exceptions=True,
            )
            refused = [one for one in outcomes if isinstance(one, Exception)]
            assert len(refused) == 1
            assert isinstance(refused[0], NotFound | Conflict)
            await world.settled()
            kept = "discarded" not in {getattr(one, "decision", "") for one in outcomes}
            assert await world.done() == ({"a": [1]} if kept else {})

    virtual_time.run(main())


def test_discarded_it_needs_a_reason_and_never_comes_again() -> None:
    """A discard without a reason is refused; with one the key goes on, and the event stays away after a restart."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aa")
            (letter,) = await world.letters()
            for reason in ("", "  \n "):
                with pytest.raises(InvalidInput):
                    await world.do(messaging.DiscardDeadLetter(id=letter.id, reason=reason))
            await world.do(messaging.DiscardDeadLetter(id=letter.id, reason="Ordered twice."))
            await world.settled()
            assert await world.done() == {"a": [2]}
        world.orders.refuses = set()
        async with world.running():
            await world.settled()
            assert await world.done() == {"a": [2]}
        assert (await world.store.audit())[-1].entry.reason == "Ordered twice."

    virtual_time.run(main())


def test_edited_a_checked_copy_takes_its_place() -> None:
    """The copy has an id of its own, names the original as its cause, and is handled before those behind it."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aa")
            (letter,) = await world.letters()
            for wrong in ({"number": "x"}, {}, {"number": 7, "amount": ""}):
                with pytest.raises(InvalidInput):
                    await world.do(messaging.EditDeadLetter(id=letter.id, data=wrong, reason="A test."))
            assert await world.letters() == (letter,)
            command = messaging.EditDeadLetter(id=letter.id, data={"number": 10}, reason="A slip.")
            decided = await world.do(command)
            await world.settled()
            assert await world.done() == {"a": [10, 2]}
            assert decided.event_id != letter.event_id
            assert (decided.event_id, letter.event_id) in world.orders.given
            told = [one for one in await world.facts() if isinstance(one, messaging.DeadLetterEdited)]
            assert [(one.event_id, one.copy_id, one.reason) for one in told] == [
                (letter.event_id, decided.event_id, "A slip.")
            ]

    virtual_time.run(main())


def test_a_copy_that_fails_is_a_dead_letter_that_can_be_edited_again() -> None:
    """A copy that is refused stands where its original stood, marked as edited, and its data is what is shown."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1, 10}
        async with world.running():
            await world.order("aa")
            (letter,) = await world.letters()
            first = messaging.EditDeadLetter(id=letter.id, data={"number": 10}, reason="A slip.")
            await world.do(first)
            await world.settled()
            (again,) = await world.letters()
            assert (again.id, again.edited) == (letter.id, True)
            assert again.event_id != letter.event_id
            view = await world.ask(messaging.GetDeadLetter(id=again.id))
            assert json.loads(view.event["data"]) == {"number": 10}
            await world.do(messaging.EditDeadLetter(id=again.id, data={"number": 12}, reason="Again."))
            await world.settled()
            assert await world.done() == {"a": [12, 2]}

    virtual_time.run(main())


def test_of_an_erased_event_nothing_can_be_made() -> None:
    """Where the event was erased, its dead letter shows no data and cannot be edited, but be discarded."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aa")
            (letter,) = await world.letters()
            await world.store.commit(Transaction(erase=(Erase(stream="a", reason="asked"),)))
            assert not (await world.ask(messaging.GetDeadLetter(id=letter.id))).editable
            with pytest.raises(Conflict):
                await world.do(messaging.EditDeadLetter(id=letter.id, data={"number": 3}, reason="Why not."))
            await world.do(messaging.DiscardDeadLetter(id=letter.id, reason="It is gone."))
            await world.settled()

    virtual_time.run(main())


def test_nobody_else_may() -> None:
    """Users see and decide nothing here; what the run writes is for services alone."""

    async def main() -> None:
        world = World()
        for query in (messaging.ListDeadLetters(), messaging.ListCauses(), messaging.ListConsumers()):
            with pytest.raises(Forbidden):
                await world.ask(query, UMA)
        for command in (
            messaging.ReplayDeadLetter(id="x"),
            messaging.DiscardDeadLetter(id="x", reason="Why not."),
            messaging.HoldConsumer(group="x", reason="Why not."),
        ):
            with pytest.raises(Forbidden):
                await world.do(command, UMA)
        assert "messaging:record" not in world.actions_of("admin")
        assert (await world.ask(messaging.ListDeadLetters(), SERVICE)).items == ()
        assert (await world.ask(messaging.ListDeadLetters(), OLA)).items == ()

    virtual_time.run(main())


def test_old_ones_are_told_and_never_expire() -> None:
    """From 80 % of 14 days a dead letter is ageing, then overdue; it is counted so, and it stays."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("a")
        began = world.clock.now()
        for days, age in ((11.1, "fresh"), (11.3, "ageing"), (13.9, "ageing"), (14.1, "overdue")):
            passed = (world.clock.now() - began).total_seconds()
            await asyncio.sleep(days * DAY_S - passed)
            (letter,) = await world.letters()
            assert (days, letter.age) == (days, age)
            (orders, *_) = (await world.ask(messaging.ListConsumers())).items
            assert (orders.ageing, orders.overdue) == (age == "ageing", age == "overdue")
            (cause,) = (await world.ask(messaging.ListCauses())).items
            assert (cause.ageing, cause.overdue) == (age == "ageing", age == "overdue")

    virtual_time.run(main())


def test_an_event_of_a_registered_type_is_edited_by_its_schema() -> None:
    """The copy is checked against the schema that others registered, has an id of its own, names the original as its
    cause and is handled in its place; without a schema nothing can be edited, and what is no JSON never."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.outside("shop-1", b'{"number": 1}')
            await world.outside("shop-2", b"number 2", content_type="text/plain")
            first, second = await world.letters()
            edit = messaging.EditDeadLetter(id=first.id, data={"number": 3}, reason="A slip.")
            assert not (await world.ask(messaging.GetDeadLetter(id=first.id))).editable
            with pytest.raises(InvalidInput):
                await world.do(edit)
            await world.register(
                {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
            )
            assert (await world.ask(messaging.GetDeadLetter(id=first.id))).editable
            assert not (await world.ask(messaging.GetDeadLetter(id=second.id))).editable
            with pytest.raises(InvalidInput) as refused:
                await world.do(replace(edit, data={"number": "three"}))
            assert [one.pointer for one in refused.value.errors] == ["#/data/number"]
            with pytest.raises(Conflict):
                await world.do(replace(edit, id=second.id))
            decided = await world.do(edit)
            await world.settled()
            assert world.orders.given[-1] == (decided.event_id, "shop-1")
            assert await world.done() == {"shop-1": [3]}
            assert [one.id for one in await world.letters()] == [second.id]
            settled = [
                Handled(consumer=GROUP, source="urn:shop", message_id=one)
                for one in ("shop-1", decided.event_id)
            ]
            assert await world.store.handled(settled) == set(settled)
            fact = (await world.facts("autobot.messaging.dead_letter_edited"))[0]
            assert (fact.event_id, fact.copy_id, fact.by) == ("shop-1", decided.event_id, "ola")
            assert (await world.store.audit())[-1].entry.reason == "A slip."

    virtual_time.run(main())


def test_what_others_decided_is_followed() -> None:
    """A process that hears of decisions from the log lets its group go on, holds it and releases it."""

    async def main() -> None:
        world = World()
        world.orders.refuses = {1}
        async with world.running():
            await world.order("aa")
            (letter,) = await world.letters()
            world.orders.refuses = set()
            letters = DeadLetters(world.store, world.clock)
            await world.store.commit(await letters.replay(letter.id))
            fact = messaging.DeadLetterReplayed(
                letter=letter.id, group=GROUP, event_id=letter.event_id, by="ola"
            )
            hear(fact, world.broker)
            await world.settled()
            assert await world.done() == {"a": [1, 2]}
            hear(messaging.ConsumerHeld(group=GROUP, reason="Looking.", by="ola"), world.broker)
            assert (await world.broker.statistics(GROUP)).reason == "Held by ola: Looking."
            hear(messaging.ConsumerReleased(group=GROUP, reason="", by="ola"), world.broker)
            assert not (await world.broker.statistics(GROUP)).held

    virtual_time.run(main())


def test_groups_of_other_processes_are_listed_and_held() -> None:
    """The list shows each group in each process with its role; holding one that runs elsewhere is stored, and shown
    before that process tells of it."""

    async def main() -> None:
        world = World()
        async with world.running():
            here = (await world.served())[0]
            world.elsewhere = [
                {**here, "group": "reactions-ai", "role": "ai", "process": "ai@there", "lag": 7}
            ]
            listed = {one.group: one for one in (await world.ask(messaging.ListConsumers())).items}
            away = listed["reactions-ai"]
            assert (away.role, away.process, away.lag, away.held) == ("ai", "ai@there", 7, False)
            assert (listed[GROUP].role, listed[GROUP].process) == ("backend", "here")
            await world.do(messaging.HoldConsumer(group="reactions-ai", reason="Looking."))
            listed = {one.group: one for one in (await world.ask(messaging.ListConsumers())).items}
            away = listed["reactions-ai"]
            assert (away.held, away.state, away.reason) == (True, "paused", "Held by ola: Looking.")
            assert not listed[GROUP].held
            await world.do(messaging.ReleaseConsumer(group="reactions-ai", reason="Done."))
            world.elsewhere = []
            with pytest.raises(NotFound):
                await world.do(messaging.HoldConsumer(group="reactions-ai", reason="Looking."))

    virtual_time.run(main())
