"""The third part of the event store's suite: documents, their order, their text."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from autobot.kernel.core.errors import InvalidInput, WrongExpectedVersion
from autobot.kernel.event_store.transaction import (
    Alias,
    Condition,
    Delete,
    Document,
    Drop,
    Put,
    Query,
    Transaction,
)
from autobot.testing.conformance.event_store_base import Base

DOCUMENT: dict[str, Any] = {
    "text": "ä\n🔑",
    "number": 1.5,
    "whole": 2**53,
    "nothing": None,
    "list": [1, {"deep": True}],
}


TEXTS = {
    "1": "The quick brown fox jumps over the lazy dog",
    "2": "Über den Wolken: the Fox and the Déjà-vu",
    "3": "nothing of interest, foxes aside",
    "4": "snake_case and e-mail@example.com",
    "5": "東京タワー が見える",
}
FOUND: dict[str, list[str]] = {
    "fox": ["1", "2", "3"],
    "FOX the": ["1", "2"],
    "the fo": ["1", "2"],
    "deja": ["2"],
    "ÜBER wolk": ["2"],
    "fox over quick": ["1"],
    "foxy": [],
    "example com": ["4"],
    "snake": ["4"],
    "東京": ["5"],
    "": [],
    ' "*() ': [],
    'quick" OR "dog': [],
    "quick NOT dog": [],
}
"""Texts by key, and the keys that a search finds."""


class DocumentsSuite(Base):
    """Tables."""

    @pytest.mark.anyio
    async def test_a_document_is_kept_as_it_was(self) -> None:
        """A document comes back equal, with owner, group, sort and a version that counts its writes."""
        async with self.open() as store:
            put = Put(table="t", key="k", document=DOCUMENT, owner="ann", group="g", sort="s")
            await store.commit(Transaction(writes=(put,)))
            assert await store.get("t", "k") == Document(
                key="k", document=DOCUMENT, owner="ann", group="g", sort="s", version=1
            )
            await store.commit(Transaction(writes=(Put(table="t", key="k", document={"a": 1}),)))
            assert await store.get("t", "k") == Document(key="k", document={"a": 1}, version=2)
            assert await store.get("u", "k") is None
            assert await store.get("t", "K") is None

    @pytest.mark.anyio
    async def test_values_are_copies(self) -> None:
        """Changing what was put in or read out changes nothing in the store."""
        async with self.open() as store:
            mine: dict[str, Any] = {"list": [1]}
            await store.commit(Transaction(writes=(Put(table="t", key="k", document=mine),)))
            mine["list"].append(2)
            read = await store.get("t", "k")
            assert read is not None
            assert read.document == {"list": [1]}
            read.document["list"].append(3)
            again = await store.get("t", "k")
            assert again is not None
            assert again.document == {"list": [1]}

    @pytest.mark.anyio
    async def test_delete_and_writes_in_order(self) -> None:
        """Writes of one transaction take effect in order; a deleted document starts again at version 1."""
        async with self.open() as store:
            one, two = Put(table="t", key="k", document={"n": 1}), Put(table="t", key="k", document={"n": 2})
            gone = Delete(table="t", key="k")
            await store.commit(Transaction(writes=(gone, one, two)))
            found = await store.get("t", "k")
            assert found is not None
            assert (found.document, found.version) == ({"n": 2}, 2)
            await store.commit(Transaction(writes=(one, gone)))
            assert await store.get("t", "k") is None
            await store.commit(Transaction(writes=(gone, one)))
            found = await store.get("t", "k")
            assert found is not None
            assert found.version == 1

    @pytest.mark.anyio
    async def test_conditional_writes(self) -> None:
        """A Put with `expected` holds at that version, 0 for absent; else nothing of its transaction is written."""
        async with self.open() as store:

            def put(expected: int) -> Transaction:
                return self.make.transaction(
                    "a", writes=(Put(table="t", key="k", document={}, expected=expected),)
                )

            results = await asyncio.gather(*(store.commit(put(0)) for _ in range(4)), return_exceptions=True)
            assert [type(one) for one in results if isinstance(one, Exception)] == [WrongExpectedVersion] * 3
            await store.commit(put(1))
            for wrong in (0, 1, 3):
                with pytest.raises(WrongExpectedVersion) as refused:
                    await store.commit(put(wrong))
                assert (refused.value.stream, refused.value.expected, refused.value.current) == (
                    "t/k",
                    wrong,
                    2,
                )
            assert await store.head() == 2
            await store.commit(Transaction(writes=(Delete(table="t", key="k"),)))
            await store.commit(put(0))

    @pytest.mark.anyio
    async def test_pages_in_order_of_sort_and_key(self) -> None:
        """A table is listed by sort, then key, by code point, in pages, both ways; owner and group restrict."""
        async with self.open() as store:
            places = [
                ("b", "1"),
                ("a", "2"),
                ("a", "10"),
                ("", "z"),
                ("é", "1"),
                ("Z", "x"),
                ("b", "0"),
                ("😀", "q"),
                ("\uffee", "q"),
            ]
            writes = [
                Put(
                    table="t",
                    key=key + sort,
                    sort=sort,
                    document={},
                    owner="ann" if sort < "b" else "",
                    group=sort,
                )
                for sort, key in places
            ]
            writes.append(Put(table="other", key="k", document={}))
            await store.commit(Transaction(writes=tuple(writes)))
            expected = sorted((sort, key + sort) for sort, key in places)

            async def pages(**restrict: Any) -> list[tuple[str, str]]:
                found: list[tuple[str, str]] = []
                while page := await store.query(
                    Query(table="t", limit=2, after=found[-1] if found else None, **restrict)
                ):
                    found += [(one.sort, one.key) for one in page]
                return found

            assert await pages() == expected
            assert await pages(order="descending") == expected[::-1]
            assert await pages(owner="ann") == [one for one in expected if one[0] < "b"]
            assert await pages(owner="") == [one for one in expected if one[0] >= "b"]
            assert await pages(group="a") == [one for one in expected if one[0] == "a"]
            assert await pages(group="") == [("", "z")]
            assert await pages(group="a", owner="bob") == []
            assert await pages(group="b", owner="", order="descending") == [("b", "1b"), ("b", "0b")]

    @pytest.mark.anyio
    async def test_full_text_finds_all_words(self) -> None:
        """All words must be there in any order, the last may be a beginning; case and diacritics do not count."""
        async with self.open() as store:
            puts = [
                Put(
                    table="t",
                    key=key,
                    document={},
                    text=text,
                    owner="ann" if key < "3" else "bob",
                    group=key,
                )
                for key, text in TEXTS.items()
            ]
            puts.append(Put(table="t", key="6", document={"text": "fox"}))
            puts.append(Put(table="u", key="7", document={}, text="fox"))
            await store.commit(Transaction(writes=tuple(puts)))
            for text, expected in FOUND.items():
                assert [one.key for one in await store.query(Query(table="t", text=text))] == expected, text
                hits = await store.search(Query(table="t", text=text))
                assert sorted(hit.document.key for hit in hits) == expected, text
            assert [one.key for one in await store.query(Query(table="t", text="fox", owner="ann"))] == [
                "1",
                "2",
            ]
            (hit,) = await store.search(Query(table="t", text="fox", group="2"))
            assert "«Fox»" in hit.excerpt
            assert len(await store.search(Query(table="t", text="fox", limit=2))) == 2

    @pytest.mark.anyio
    async def test_text_follows_its_document(self) -> None:
        """A new text replaces the old one, a write without text and a delete remove it; ranking puts more matches first."""
        async with self.open() as store:

            async def put(key: str, text: str | None) -> None:
                await store.commit(Transaction(writes=(Put(table="t", key=key, document={}, text=text),)))

            async def found(text: str) -> list[str]:
                return [one.document.key for one in await store.search(Query(table="t", text=text))]

            await put("a", "apple")
            await put("a", "banana")
            assert (await found("apple"), await found("banana")) == ([], ["a"])
            await put("a", None)
            assert await found("banana") == []
            await put("a", "cherry pie with some cream and a very long list of other things beside it")
            await put("b", "cherry cherry cherry")
            assert await found("cherry") == ["b", "a"]
            await store.commit(Transaction(writes=(Delete(table="t", key="b"),)))
            assert await found("cherry") == ["a"]

    @pytest.mark.anyio
    async def test_an_alias_switches_a_table(self) -> None:
        """After an alias a name means another table's documents, for reads, writes and search; and back again."""
        async with self.open() as store:
            for table in ("live", "live~2"):
                put = Put(table=table, key="k", document={"of": table}, text="word", sort=table)
                await store.commit(Transaction(writes=(put,)))

            async def seen() -> tuple[Any, ...]:
                got = await store.get("live", "k")
                (listed,) = await store.query(Query(table="live"))
                (hit,) = await store.search(Query(table="live", text="word"))
                assert got is not None
                return got.document["of"], listed.sort, hit.document.sort

            assert await seen() == ("live", "live", "live")
            await store.commit(Transaction(aliases=(Alias(table="live", target="live~2"),)))
            assert await seen() == ("live~2", "live~2", "live~2")
            put = Put(table="live", key="k", document={"of": "new"}, text="word", sort="new", expected=1)
            await store.commit(Transaction(writes=(put,)))
            assert await seen() == ("new", "new", "new")
            await store.commit(Transaction(aliases=(Alias(table="live", target="live"),)))
            assert await seen() == ("live", "live", "live")
            kept = await store.get("live~2", "k")
            assert kept is not None
            assert kept.document == {"of": "new"}

    @pytest.mark.anyio
    async def test_the_next_write_after_a_switch_goes_where_the_name_leads_now(self) -> None:
        """Also one that expects nothing, right behind the switch, there and back."""
        async with self.open() as store:

            async def wrote(said: str) -> str:
                put = Put(table="live", key="k", document={"of": said})
                await store.commit(Transaction(writes=(put,)))
                got = await store.get("live", "k")
                return str(got.document["of"]) if got else ""

            assert await wrote("first") == "first"
            for target in ("live~2", "live", "live~3"):
                await store.commit(Transaction(aliases=(Alias(table="live", target=target),)))
                assert await wrote(target) == target
            never = Condition(stream="there-is-none", expected=7)
            with pytest.raises(WrongExpectedVersion):
                refused = (Alias(table="live", target="live~4"),)
                await store.commit(Transaction(aliases=refused, conditions=(never,)))
            assert await wrote("after one that was refused") == "after one that was refused"

    @pytest.mark.anyio
    async def test_a_drop_takes_what_is_under_the_very_name(self) -> None:
        """A drop removes all documents and texts under a name, whatever that name is an alias of, and no others."""
        async with self.open() as store:
            for table in ("live", "live~2", "other"):
                puts = tuple(Put(table=table, key=str(one), document={}, text="word") for one in range(5))
                await store.commit(Transaction(writes=puts))
            switch = Transaction(aliases=(Alias(table="live", target="live~2"),), drops=(Drop(table="live"),))
            await store.commit(switch)
            assert len(await store.query(Query(table="live"))) == 5
            assert len(await store.search(Query(table="live", text="word"))) == 5
            await store.commit(Transaction(aliases=(Alias(table="live", target="live"),)))
            assert await store.query(Query(table="live")) == []
            assert await store.search(Query(table="live", text="word")) == []
            assert len(await store.query(Query(table="other"))) == 5

    @pytest.mark.anyio
    async def test_what_cannot_be_stored_is_refused_alone(self) -> None:
        """A value without a JSON or UTF-8 form is refused; commits beside it succeed and nothing of it is left."""
        async with self.open() as store:
            bad = (
                Transaction(writes=(Put(table="t", key="k", document={"x": object()}),)),
                Transaction(writes=(Put(table="t", key="\ud800", document={}),)),
                Transaction(writes=(Put(table="t", key="k", document={"x": "\ud800"}),)),
            )
            good = [self.make.transaction("a") for _ in bad]
            both = [one for pair in zip(good, bad, strict=True) for one in pair]
            results = await asyncio.gather(*map(store.commit, both), return_exceptions=True)
            assert [isinstance(one, InvalidInput) for one in results] == [False, True] * len(bad)
            assert await store.head() == len(good)
            assert await store.query(Query(table="t")) == []

    @pytest.mark.anyio
    async def test_counts_are_those_of_all_pages(self) -> None:
        """A count is the number of documents on all pages of a query, by owner, group, text and place, in both orders;
        what was deleted counts no more. The groups of a table are named in order, once each, and so is a new one."""
        async with self.open() as store:
            puts = tuple(
                Put(
                    table="t",
                    key=f"{one:03d}",
                    document={"n": one},
                    owner=f"o{one % 2}",
                    group="" if one % 5 == 0 else f"g{one % 3}",
                    sort=f"{one // 4:03d}",
                    text=f"word{one % 4} all",
                )
                for one in range(60)
            )
            await store.commit(Transaction(writes=(*puts, Put(table="u", key="x", document={}, group="g0"))))
            for narrowed in (
                Query(table="t"),
                Query(table="t", owner="o1"),
                Query(table="t", owner=""),
                Query(table="t", group="g2"),
                Query(table="t", owner="o0", group="g1"),
                Query(table="t", text="word3"),
                Query(table="t", text=" "),
                Query(table="none"),
            ):
                for order in ("ascending", "descending"):
                    for after in (None, ("007", "030"), ("009", ""), ("012", "zzz")):
                        query = replace(narrowed, order=order, after=after, limit=1)
                        whole = await store.query(replace(query, limit=1000))
                        assert await store.count(query) == len(whole), query
            named = sorted({one.group for one in puts if one.group})
            assert await store.groups("t") == named
            assert await store.groups("none") == []
            moved = replace(puts[1], group="g9")
            await store.commit(Transaction(writes=(moved, Delete(table="t", key=puts[2].key))))
            assert await store.groups("t") == [*named, "g9"]
            assert await store.count(Query(table="t")) == 59
