"""The second part of the event store's suite: what commits together with the events."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from autobot.kernel.core.errors import IdempotencyInFlight, IdempotencyMismatch, WrongExpectedVersion
from autobot.kernel.event_store.audit_chain import GENESIS, payload_hash, verify
from autobot.kernel.event_store.ports import AlreadyHandled
from autobot.kernel.event_store.transaction import (
    ANY,
    Append,
    Checkpoint,
    Erase,
    Handled,
    Put,
    SaveSnapshot,
    Snapshot,
    Transaction,
)
from autobot.testing.conformance.event_store_base import Base, read_whole_log


class StateSuite(Base):
    """Answers, inbox, checkpoints, audit chain, snapshots, erasure."""

    # ------------------------------------------------------------------------------------ idempotency answers

    @pytest.mark.anyio
    async def test_an_answer_commits_with_its_effects(self) -> None:
        """The stored answer is read back whole, under its own scope and key only."""
        async with self.open() as store:
            answer = self.make.answer("k-1", body=b'{"a":[1,"\xc3\xa4"]}')
            now = self.clock.now()
            assert await store.answer(answer.scope, "k-1", now) is None
            await store.commit(self.make.transaction("a", answer=answer))
            assert await store.answer(answer.scope, "k-1", now) == answer
            assert await store.answer(answer.scope, "k-2", now) is None
            assert await store.answer("default/bob/Do", "k-1", now) is None

    @pytest.mark.anyio
    async def test_a_key_that_has_an_answer_is_refused(self) -> None:
        """The same payload raises IdempotencyInFlight, another one IdempotencyMismatch; nothing of it is written."""
        async with self.open() as store:
            await store.commit(self.make.transaction("a", answer=self.make.answer("k")))
            with pytest.raises(IdempotencyInFlight):
                await store.commit(self.make.transaction("a", answer=self.make.answer("k")))
            with pytest.raises(IdempotencyMismatch):
                await store.commit(self.make.transaction("a", answer=self.make.answer("k", mark="other")))
            assert await store.head() == 1
            await store.commit(self.make.transaction("a", answer=self.make.answer("k2")))

    @pytest.mark.anyio
    async def test_one_of_two_racing_answers_wins(self) -> None:
        """Of commits under one key that race, one is written; the others find its answer."""
        async with self.open() as store:
            racing = [self.make.transaction(f"s{one}", answer=self.make.answer("k")) for one in range(6)]
            results = await asyncio.gather(*map(store.commit, racing), return_exceptions=True)
            assert [type(one) for one in results if isinstance(one, Exception)] == [IdempotencyInFlight] * 5
            assert await store.head() == 1

    @pytest.mark.anyio
    async def test_an_expired_key_is_new(self) -> None:
        """After its time an answer is gone and its key can be used with any payload."""
        async with self.open() as store:
            old = self.make.answer("k", hours=1)
            await store.commit(self.make.transaction("a", answer=old))
            self.clock.advance(3600)
            assert await store.answer(old.scope, "k", self.clock.now()) is None
            new = self.make.answer("k", mark="other", body=b"2")
            await store.commit(self.make.transaction("a", answer=new))
            assert await store.answer(old.scope, "k", self.clock.now()) == new

    # --------------------------------------------------------------------------------- inbox and checkpoints

    @pytest.mark.anyio
    async def test_the_inbox_takes_a_message_once(self) -> None:
        """A consumer handles a message once, another consumer and another source their own; a refusal writes nothing."""
        async with self.open() as store:
            handled = Handled(consumer="c", source="s", message_id="1")
            await store.commit(self.make.transaction("a", handled=(handled,)))
            for entries in (
                (handled,),
                (replace(handled, message_id="2"), handled),
                (replace(handled, message_id="3"),) * 2,
            ):
                with pytest.raises(AlreadyHandled):
                    await store.commit(self.make.transaction("a", handled=entries))
            assert await store.head() == 1
            for other in (
                replace(handled, consumer="d"),
                replace(handled, source="t"),
                replace(handled, message_id="2"),
            ):
                await store.commit(self.make.transaction("a", handled=(other,)))
            results = await asyncio.gather(
                *(
                    store.commit(self.make.transaction("b", handled=(replace(handled, message_id="9"),)))
                    for _ in range(4)
                ),
                return_exceptions=True,
            )
            assert sum(isinstance(one, AlreadyHandled) for one in results) == 3
            assert len(await store.read_stream("b")) == 1

    @pytest.mark.anyio
    async def test_the_inbox_says_what_it_holds(self) -> None:
        """Of the entries asked for exactly those are told that were handled by this consumer, from this source, under
        this id, however many are asked for at once and whatever characters they are made of."""
        async with self.open() as store:
            known = [Handled(consumer="c", source="s", message_id=f"{one}") for one in range(1200)]
            odd = Handled(consumer='c"\\,', source="urn:ä/{}", message_id="null")
            await store.commit(self.make.transaction("a", handled=(*known, odd)))
            others = [
                Handled(consumer="d", source="s", message_id="1"),
                Handled(consumer="c", source="t", message_id="1"),
                Handled(consumer="c", source="s", message_id="1200"),
                replace(odd, message_id=""),
            ]
            assert await store.handled([]) == set()
            assert await store.handled(others) == set()
            assert await store.handled([*known, *others, odd, odd]) == {*known, odd}
            with pytest.raises(AlreadyHandled):
                await store.commit(self.make.transaction("b", handled=(others[0], known[0])))
            assert await store.handled(others) == set()

    @pytest.mark.anyio
    async def test_a_checkpoint_only_moves_forward(self) -> None:
        """A checkpoint starts at 0 and keeps the highest position it was given."""
        async with self.open() as store:
            assert await store.checkpoint("c") == 0
            for position, stands in ((5, 5), (3, 5), (9, 9)):
                await store.commit(Transaction(checkpoints=(Checkpoint(consumer="c", position=position),)))
                assert await store.checkpoint("c") == stands
            assert await store.checkpoint("d") == 0

    @pytest.mark.anyio
    async def test_a_conditional_checkpoint(self) -> None:
        """A checkpoint with `expected` moves only from there: of two runners one is refused, with its writes."""
        async with self.open() as store:

            def move(start: int, to: int, key: str) -> Transaction:
                moved = Checkpoint(consumer="c", position=to, expected=start)
                return Transaction(checkpoints=(moved,), writes=(Put(table="t", key=key, document={}),))

            results = await asyncio.gather(
                *(store.commit(move(0, 4, f"first-{one}")) for one in range(3)), return_exceptions=True
            )
            assert [type(one) for one in results if isinstance(one, Exception)] == [WrongExpectedVersion] * 2
            with pytest.raises(WrongExpectedVersion) as refused:
                await store.commit(move(0, 6, "late"))
            assert (refused.value.expected, refused.value.current) == (0, 4)
            await store.commit(move(4, 6, "next"))
            assert await store.checkpoint("c") == 6
            assert await store.get("t", "late") is None

    # ------------------------------------------------------------------------------------------- audit chain

    @pytest.mark.anyio
    async def test_the_audit_chain_verifies(self) -> None:
        """Entries come back in commit order, each chained to the one before it and to its events' hashes."""
        async with self.open() as store:
            first = self.make.entry(client="127.0.0.1", reason="because", count=7)
            await store.commit(Transaction(audit=(first,)))
            made = self.make.transaction("a", 2, audit=(self.make.entry(), self.make.entry()))
            await store.commit(made)
            await asyncio.gather(
                *(
                    store.commit(self.make.transaction(f"s{one}", audit=(self.make.entry(),)))
                    for one in range(9)
                )
            )
            records = await store.audit()
            assert records[0].entry == first
            assert (records[0].sequence, records[0].previous, records[0].event_hashes) == (1, GENESIS, ())
            hashes = tuple(payload_hash(one.data) for one in made.appends[0].events)
            assert [one.event_hashes for one in records[1:3]] == [hashes, hashes]
            last, sequence, broken = verify(records)
            assert (last, sequence, broken) == (records[-1].hash, 12, None)
            assert verify([*records[:4], *records[5:]])[2] is not None
            page = await store.audit(after=4, limit=3)
            assert list(page) == list(records[4:7])
            assert verify(page, records[3].hash, 4)[2] is None

    @pytest.mark.anyio
    async def test_a_refused_transaction_leaves_no_audit_record(self) -> None:
        """The chain covers what was committed and nothing else."""
        async with self.open() as store:
            with pytest.raises(WrongExpectedVersion):
                await store.commit(self.make.transaction("a", expected=3, audit=(self.make.entry(),)))
            await store.commit(self.make.transaction("a", audit=(self.make.entry(),)))
            assert [one.sequence for one in await store.audit()] == [1]

    # -------------------------------------------------------------------------------- snapshots and erasure

    @pytest.mark.anyio
    async def test_the_newest_snapshot_of_a_shape(self) -> None:
        """A snapshot is found by stream and shape; an older revision never replaces a newer one."""
        async with self.open() as store:
            assert await store.snapshot("a", "v1") is None
            for revision, data in ((4, b"four"), (9, b"nine"), (6, b"six")):
                saved = SaveSnapshot(stream="a", revision=revision, schema="v1", data=data)
                await store.commit(Transaction(snapshots=(saved,)))
            assert await store.snapshot("a", "v1") == Snapshot(revision=9, data=b"nine")
            assert await store.snapshot("a", "v2") is None
            assert await store.snapshot("b", "v1") is None

    @pytest.mark.anyio
    async def test_erase_blanks_payloads_and_nothing_else(self) -> None:
        """Erased events keep id, order and hash and say that they are erased; the chain still verifies."""
        async with self.open() as store:
            kinds = ("autobot.test.said.v1", "autobot.test.named.v1")
            for number in range(6):
                for stream in ("secret", "public"):
                    message = self.make.message(stream, {"text": f"word{number}"}, type=kinds[number % 2])
                    append = Append(stream=stream, expected=ANY, events=(message,))
                    await store.commit(Transaction(appends=(append,), audit=(self.make.entry(),)))
            saved = SaveSnapshot(stream="secret", revision=5, schema="v1", data=b"word1")
            await store.commit(Transaction(snapshots=(saved,)))
            before = await read_whole_log(store)
            await store.commit(
                self.make.transaction(
                    "deletions", erase=(Erase(stream="secret", types=(kinds[0],), reason="asked"),)
                )
            )
            for old, new in zip(before, await read_whole_log(store), strict=False):
                gone = old.stream == "secret" and old.message.type == kinds[0]
                blank = replace(old.message, data=b"", erased=True) if gone else old.message
                assert new == replace(old, message=blank)
            assert await store.snapshot("secret", "v1") is None
            assert verify(await store.audit())[2] is None
            await store.commit(Transaction(erase=(Erase(stream="secret"),)))
            assert all(one.message.erased for one in await store.read_stream("secret"))
            assert not any(one.message.erased for one in await store.read_stream("public"))

    @pytest.mark.anyio
    async def test_erase_reaches_followers_and_repeats(self) -> None:
        """Who follows the log from before an erasure gets blank payloads; the same batch is still known."""
        async with self.open() as store:
            follower = store.subscribe(after=0)
            made = self.make.transaction("a", 3)
            first = await store.commit(made)
            assert len(await anext(follower)) == 3
            await store.commit(self.make.transaction("b", erase=(Erase(stream="a"),)))
            late = store.subscribe(after=0)
            assert [one.message.erased for one in (await anext(late))[:3]] == [True] * 3
            assert await store.commit(made) == replace(first, repeated=True)
