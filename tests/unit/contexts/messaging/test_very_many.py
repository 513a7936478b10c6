"""Very many dead letters: what is asked of them reads no more of them than it shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from autobot.contracts import messaging, replays
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.event_store.transaction import Transaction
from autobot.kernel.messaging import parking
from autobot.kernel.messaging.dead_letters import DeadLetters, reindex
from autobot.kernel.messaging.parking import DEAD, Parked
from autobot.testing import virtual_time
from tests.unit.contexts.messaging.world import GROUP, World

CAUSES = 4
MANY = 1200
SHOWN = 50


def letter(world: World, number: int) -> Parked:
    """Return a dead letter of one of a few causes, of one of two groups."""
    at = rfc3339(world.clock.now())
    return Parked(
        id=f"{GROUP}-{number:020d}",
        group=GROUP if number % 2 else "others",
        key=f"k{number}",
        position=number,
        event_id=f"m-{number}",
        source="urn:test",
        type=f"autobot.test.ordered{number % CAUSES}.v1",
        stream=f"k{number}",
        correlation_id="c",
        state="dead",
        due=at,
        attempts=1,
        error="test.Error",
        reason="No.",
        fingerprint=f"f{number % CAUSES}",
        first_failed=at,
        last_failed=at,
    )


async def filled(world: World, count: int) -> DeadLetters:
    """Write so many."""
    writes = [one for number in range(1, count + 1) for one in parking.put(letter(world, number))]
    await world.store.commit(Transaction(writes=tuple(writes)))
    return DeadLetters(world.store, world.clock)


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (messaging.ListDeadLetters(limit=SHOWN), SHOWN + 1),
        (
            messaging.ListDeadLetters(selection=messaging.Selection(group=GROUP), limit=SHOWN),
            SHOWN + 1,
        ),
        (
            messaging.ListDeadLetters(selection=messaging.Selection(fingerprint="f1"), limit=SHOWN),
            SHOWN + 1,
        ),
        (messaging.ListCauses(), 2 * CAUSES),
        (messaging.ListCauses(selection=messaging.Selection(group=GROUP)), 2 * CAUSES),
        (replays.PreviewReplay(selection=messaging.Selection(group=GROUP)), SHOWN + 1),
        (messaging.ListConsumers(), 0),
    ],
    ids=["page", "page of a group", "page of a cause", "causes", "causes of a group", "preview", "consumers"],
)
def test_no_question_reads_all_of_them(query: Any, most: int) -> None:
    """A page, the causes, a preview and the consumers read a bounded number of documents, however many are dead."""

    async def main() -> None:
        world = World()
        await filled(world, MANY)
        async with world.running():
            world.store.documents = 0
            answer = await world.ask(query)
        assert world.store.documents <= most
        match answer:
            case messaging.DeadLetterPage():
                assert len(answer.items) == SHOWN
            case messaging.CausePage():
                whole = MANY if query.selection == messaging.Selection() else MANY // 2
                assert sum(one.count for one in answer.items) == whole
            case replays.ReplayPreview():
                assert (answer.count, len(answer.items)) == (MANY // 2, SHOWN)
            case messaging.ConsumerPage():
                assert next(one.dead for one in answer.items if one.group == GROUP) == MANY // 2

    virtual_time.run(main())


def test_pages_and_counts_of_a_time_meet_at_its_ends() -> None:
    """Pages by cause and time follow one another without a hole, and a preview counts what they show, both ends
    included."""

    async def main() -> None:
        world = World()
        moments = []
        for number in range(1, 13):
            await asyncio.sleep(60)
            moments.append(world.clock.now())
            await world.store.commit(Transaction(writes=parking.put(letter(world, number))))
        for selection in (
            messaging.Selection(since=moments[2], until=moments[9]),
            messaging.Selection(type="autobot.test.ordered1.v1", since=moments[4]),
            messaging.Selection(group=GROUP, until=moments[6]),
            messaging.Selection(fingerprint="f2"),
            messaging.Selection(key="k7", since=moments[0]),
        ):
            seen: list[int] = []
            cursor: str | None = None
            while True:
                page = await world.ask(messaging.ListDeadLetters(selection=selection, limit=2, cursor=cursor))
                seen += [one.position for one in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            wanted = [
                number
                for number, moment in enumerate(moments, start=1)
                if (selection.since or moments[0]) <= moment <= (selection.until or moments[-1])
                and selection.type in ("", letter(world, number).type)
                and selection.group in ("", letter(world, number).group)
                and selection.fingerprint in ("", letter(world, number).fingerprint)
                and selection.key in ("", letter(world, number).key)
            ]
            assert seen == wanted
            preview = await world.ask(replays.PreviewReplay(selection=selection))
            assert (preview.count, [one.position for one in preview.items]) == (len(wanted), wanted)

    virtual_time.run(main())


def test_letters_of_an_earlier_version_get_their_place() -> None:
    """Dead letters that were stored in log order, found by lane and without their age are listed, grouped and told as
    old after a start; one that was decided on meanwhile stays away."""

    async def main() -> None:
        world = World()
        old = [letter(world, number) for number in range(1, 8)]
        for one in old:
            put = parking.put(replace(one, state="delayed"))[0]
            await world.store.commit(
                Transaction(writes=(replace(put, table=DEAD, document={**put.document, "state": "dead"}),))
            )
        await asyncio.sleep(12 * 86_400)
        await reindex(world.store)
        await reindex(world.store)
        page = await world.ask(messaging.ListDeadLetters())
        assert [one.position for one in page.items] == [one.position for one in old]
        causes = (await world.ask(messaging.ListCauses())).items
        assert sum(one.count for one in causes) == sum(one.ageing for one in causes) == len(old)
        await world.store.commit(await DeadLetters(world.store, world.clock).discard(old[0].id))
        assert len((await world.ask(messaging.ListDeadLetters())).items) == len(old) - 1
        assert sum(one.count for one in (await world.ask(messaging.ListCauses())).items) == len(old) - 1

    virtual_time.run(main())
