"""What `EventStore` promises. Subclass `EventStoreSuite`, and override `open`.

The suite is in parts: the log (here), following it and what a reader may rely on (`event_store_following`), what
commits with events (`event_store_state`), and documents (`event_store_documents`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from autobot.kernel.core.errors import AlreadyExists, WrongExpectedVersion
from autobot.kernel.event_store.audit_chain import payload_hash
from autobot.kernel.event_store.transaction import (
    ANY,
    EXISTS,
    NO_STREAM,
    Append,
    Condition,
    Filter,
    Recorded,
    Transaction,
)
from autobot.testing.conformance.event_store_base import PATIENCE_S, Base, read_whole_log
from autobot.testing.conformance.event_store_documents import DocumentsSuite
from autobot.testing.conformance.event_store_following import FollowingSuite
from autobot.testing.conformance.event_store_state import StateSuite


class LogSuite(Base):
    """Appending and reading."""

    @pytest.mark.anyio
    async def test_what_was_committed_is_read_back_whole(self) -> None:
        """An event comes back equal in every field, with its stream, revision, position and payload hash."""
        async with self.open() as store:
            sent = self.make.message(
                "chat-1",
                {"text": "grüße 🔑\n", "list": [1, 2.5, None, True]},
                causation_id="cause",
                traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
                tenant="other",
                partition_key="elsewhere",
                subject="another subject",
                content_type="application/cloudevents+json",
                attributes=(("dataschema", "urn:x"), ("number", 7), ("sure", True)),
            )
            await store.commit(
                Transaction(appends=(Append(stream="chat-1", expected=NO_STREAM, events=(sent,)),))
            )
            (got,) = await store.read_stream("chat-1")
            assert got == Recorded(
                message=sent, stream="chat-1", revision=0, position=1, payload_hash=payload_hash(sent.data)
            )

    @pytest.mark.anyio
    async def test_positions_are_contiguous_in_commit_order(self) -> None:
        """Positions count 1, 2, 3 … over all streams; revisions count 0, 1, 2 … in each."""
        async with self.open() as store:
            assert await store.head() == 0
            for number, stream in enumerate("abacab"):
                done = await store.commit(self.make.transaction(stream, 2))
                assert done.position == 2 * number + 2
            log = await read_whole_log(store)
            assert [one.position for one in log] == list(range(1, 13))
            assert [one.revision for one in log if one.stream == "a"] == list(range(6))
            assert await store.head() == 12

    @pytest.mark.anyio
    async def test_concurrent_commits_each_succeed_or_fail_alone(self) -> None:
        """Of writers that race for one revision exactly one wins each time; the others learn where the stream is."""
        async with self.open() as store:

            async def writer(number: int) -> tuple[int, int]:
                won = lost = 0
                while won < 5:
                    seen = len(await store.read_stream("race")) - 1
                    try:
                        await store.commit(self.make.transaction("race", expected=seen))
                        won += 1
                    except WrongExpectedVersion as error:
                        assert error.stream == "race"
                        assert error.expected == seen < error.current
                        lost += 1
                    await store.commit(self.make.transaction(f"own-{number}"))
                return won, lost

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                tasks = [group.create_task(writer(number)) for number in range(6)]
            assert len(await store.read_stream("race")) == 30
            assert len(await read_whole_log(store)) == 30 + sum(sum(one.result()) for one in tasks)

    @pytest.mark.anyio
    async def test_one_bad_transaction_does_not_hurt_its_neighbours(self) -> None:
        """Commits issued together: the refused one alone fails, whatever it is refused for."""
        async with self.open() as store:
            taken = self.make.message("taken")
            await store.commit(Transaction(appends=(Append(stream="taken", expected=ANY, events=(taken,)),)))
            other = replace(taken, data=b'{"other":true}')
            bad = (
                self.make.transaction("taken", expected=5),
                Transaction(appends=(Append(stream="taken", expected=ANY, events=(other,)),)),
                Transaction(
                    appends=(self.make.append("x"),), conditions=(Condition(stream="no", expected=EXISTS),)
                ),
            )
            good = [self.make.transaction(f"good-{number}") for number in range(6)]
            mixed = [good[0], bad[0], good[1], good[2], bad[1], good[3], bad[2], good[4], good[5]]
            results = await asyncio.gather(*map(store.commit, mixed), return_exceptions=True)
            failed = [type(one) for one in results if isinstance(one, BaseException)]
            assert failed == [WrongExpectedVersion, AlreadyExists, WrongExpectedVersion]
            assert sorted(one.stream for one in await read_whole_log(store)) == sorted(
                ["taken", *(f"good-{number}" for number in range(6))]
            )

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("before", "expected", "holds"),
        [
            (0, NO_STREAM, True),
            (0, ANY, True),
            (0, EXISTS, False),
            (0, 0, False),
            (2, NO_STREAM, False),
            (2, ANY, True),
            (2, EXISTS, True),
            (2, 1, True),
            (2, 0, False),
            (2, 2, False),
        ],
    )
    @pytest.mark.parametrize("written", [True, False])
    async def test_expected_versions(self, before: int, expected: int, holds: bool, written: bool) -> None:
        """An append or a condition holds at its revision, NO_STREAM, EXISTS or ANY; else nothing is written."""
        async with self.open() as store:
            if before:
                await store.commit(self.make.transaction("s", before))
            transaction = (
                self.make.transaction("s", expected=expected)
                if written
                else self.make.transaction("other", conditions=(Condition(stream="s", expected=expected),))
            )
            if holds:
                done = await store.commit(transaction)
                assert done.revisions == ((before,) if written else (0,))
            else:
                with pytest.raises(WrongExpectedVersion) as refused:
                    await store.commit(transaction)
                assert (refused.value.stream, refused.value.current) == ("s", before - 1)
                assert await store.head() == before

    @pytest.mark.anyio
    async def test_all_or_nothing_over_streams(self) -> None:
        """A transaction over several streams answers each one's revision; one that fails writes to none."""
        async with self.open() as store:
            await store.commit(self.make.transaction("a", 3))
            done = await store.commit(
                Transaction(
                    appends=(self.make.append("b", 2), self.make.append("a", 1, 2), self.make.append("c"))
                )
            )
            assert (done.position, done.revisions) == (7, (1, 3, 0))
            with pytest.raises(WrongExpectedVersion):
                await store.commit(Transaction(appends=(self.make.append("b"), self.make.append("a", 1, 2))))
            assert await store.head() == 7
            assert len(await store.read_stream("b")) == 2

    # ------------------------------------------------------------------------------------------- repetition

    @pytest.mark.anyio
    async def test_repeating_a_batch_returns_its_first_result(self) -> None:
        """The same ids with the same content change nothing and answer as at first, whatever else would fail now."""
        async with self.open() as store:
            batch = Transaction(
                appends=(self.make.append("a", 2, NO_STREAM), self.make.append("b", 1, NO_STREAM)),
                answer=self.make.answer("k"),
                audit=(self.make.entry(),),
            )
            first = await store.commit(batch)
            await store.commit(self.make.transaction("a"))
            for _ in range(2):
                again = await store.commit(batch)
                assert again == replace(first, repeated=True)
            assert await store.head() == 4
            assert len(await store.audit()) == 1
            alone = Transaction(appends=(replace(batch.appends[0], expected=ANY),))
            assert (await store.commit(alone)).repeated

    @pytest.mark.anyio
    async def test_repeats_in_flight_together_are_one(self) -> None:
        """A batch that is sent twice at once is written once."""
        async with self.open() as store:
            batch = self.make.transaction("a", 3)
            results = await asyncio.gather(*(store.commit(batch) for _ in range(5)))
            assert {one.position for one in results} == {3}
            assert sorted(one.repeated for one in results) == [False, True, True, True, True]
            assert await store.head() == 3

    @pytest.mark.anyio
    async def test_same_ids_with_other_content_are_refused(self) -> None:
        """An id that exists with other content, in another stream, or beside new ones raises AlreadyExists."""
        async with self.open() as store:
            one, two = self.make.message("a"), self.make.message("a")
            await store.commit(Transaction(appends=(Append(stream="a", expected=ANY, events=(one,)),)))
            for stream, events in (
                ("a", (replace(one, data=b"{}"),)),
                ("b", (one,)),
                ("a", (replace(one, type="autobot.test.other.v1"),)),
                ("a", (one, two)),
                ("a", (two, one)),
                ("c", (two, two)),
            ):
                with pytest.raises(AlreadyExists):
                    await store.commit(
                        Transaction(appends=(Append(stream=stream, expected=ANY, events=events),))
                    )
            assert await store.head() == 1
            done = await store.commit(Transaction(appends=(Append(stream="a", expected=0, events=(two,)),)))
            assert not done.repeated

    # ---------------------------------------------------------------------------------------------- reading

    @pytest.mark.anyio
    async def test_pages_of_a_stream(self) -> None:
        """A stream is read from after a revision, as many as asked for, in order; an unknown one is empty."""
        async with self.open() as store:
            for _ in range(5):
                await store.commit(self.make.transaction("a", 2))
                await store.commit(self.make.transaction("b"))
            assert [one.revision for one in await store.read_stream("a", after=3, limit=4)] == [4, 5, 6, 7]
            assert [one.revision for one in await store.read_stream("a", after=8)] == [9]
            assert await store.read_stream("a", after=9) == []
            assert await store.read_stream("unknown") == []

    @pytest.mark.anyio
    async def test_pages_of_the_log(self) -> None:
        """The log is read forwards from after a position, and backwards from before one or from the head."""
        async with self.open() as store:
            for stream in "aabab":
                await store.commit(self.make.transaction(stream, 2))

            def positions(events: Sequence[Recorded]) -> list[int]:
                return [one.position for one in events]

            assert positions(await store.read_all(after=7)) == [8, 9, 10]
            assert positions(await store.read_all(after=2, limit=3)) == [3, 4, 5]
            assert positions(await store.read_all(after=10)) == []
            assert positions(await store.read_all(backwards=True, limit=3)) == [10, 9, 8]
            assert positions(await store.read_all(after=3, backwards=True)) == [2, 1]
            assert positions(await store.read_all(after=1, backwards=True)) == []
            only_b = Filter(stream="b")
            assert positions(await store.read_all(where=only_b)) == [5, 6, 9, 10]
            assert positions(await store.read_all(where=only_b, backwards=True, after=9, limit=1)) == [6]

    @pytest.mark.anyio
    async def test_filters_restrict_together(self) -> None:
        """Type (exact or up to `*`), stream, its prefix, correlation id and the event's time restrict, alone and together."""
        async with self.open() as store:
            kinds = ("autobot.chat.posted.v1", "autobot.chat.sent.v1", "autobot.system.set.v1")
            for number in range(12):
                message = self.make.message(
                    f"{'chat' if number % 3 < 2 else 'sys'}-{number % 2}",
                    type=kinds[number % 3],
                    correlation_id=f"c{number % 4}",
                )
                append = Append(stream=message.subject, expected=ANY, events=(message,))
                await store.commit(Transaction(appends=(append,)))
                self.clock.advance(1)
            start = self.clock.now() - timedelta(seconds=12)
            cases: list[tuple[Filter, list[int]]] = [
                (Filter(), list(range(12))),
                (Filter(types=("autobot.chat.*",)), [0, 1, 3, 4, 6, 7, 9, 10]),
                (Filter(types=("autobot.system.set.v1", "autobot.chat.sent.*")), [1, 2, 4, 5, 7, 8, 10, 11]),
                (Filter(types=("autobot.chat",)), []),
                (Filter(stream="chat-0"), [0, 4, 6, 10]),
                (Filter(stream="chat-"), []),
                (Filter(stream_prefix="chat-"), [0, 1, 3, 4, 6, 7, 9, 10]),
                (Filter(stream_prefix="chat_"), []),
                (Filter(correlation_id="c1"), [1, 5, 9]),
                (Filter(since=start + timedelta(seconds=9)), [9, 10, 11]),
                (Filter(until=start + timedelta(seconds=1)), [0, 1]),
                (Filter(stream="chat-0", correlation_id="c2", types=("autobot.chat.*",)), [6, 10]),
                (Filter(correlation_id="c2", since=start + timedelta(seconds=3), stream_prefix="sys"), []),
            ]
            for where, expected in cases:
                found = [one.position - 1 for one in await store.read_all(where=where)]
                assert found == expected, where
                back = [one.position - 1 for one in await store.read_all(where=where, backwards=True)]
                assert back == expected[::-1], where

    @pytest.mark.anyio
    async def test_position_at_a_time(self) -> None:
        """The position at a time is that of the last commit until then, also when the clock was set back."""
        async with self.open() as store:
            before = self.clock.now()
            marks = []
            for _ in range(5):
                self.clock.advance(10)
                await store.commit(self.make.transaction("a", 2))
                marks.append(self.clock.now())
            second = timedelta(seconds=1)
            assert await store.position_at(before) == 0
            for number, mark in enumerate(marks, start=1):
                assert await store.position_at(mark) == 2 * number
                assert await store.position_at(mark - second) == 2 * number - 2
            assert await store.position_at(marks[-1] + second) == 10
            self.clock.set_back(3600)
            await store.commit(self.make.transaction("a"))
            assert await store.position_at(marks[-1] - second) == 8
            assert await store.position_at(marks[-1]) == 11


class EventStoreSuite(LogSuite, FollowingSuite, StateSuite, DocumentsSuite):
    """All that the port promises."""
