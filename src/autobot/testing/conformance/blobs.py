"""What `Blobs` promises. Subclass `BlobsSuite`, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from autobot.contexts.knowledge.ports.blobs import PIECE, Blobs, once, pieces, store
from autobot.kernel.core.errors import Conflict, NotFound, TooLarge

FAR = datetime(2100, 1, 1, tzinfo=UTC)
LARGE = bytes(range(256)) * 4096
"""A megabyte, which no adapter keeps in one piece."""


class BlobsSuite(ABC):
    """Bytes by name."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Blobs]:
        """Return the implementation under test, empty, open for the block."""

    def run(self, work: Callable[[Blobs], Awaitable[None]]) -> None:
        """Do `work` on an empty one."""

        async def main() -> None:
            async with self.open() as blobs:
                await work(blobs)

        asyncio.run(main())

    def test_what_was_written_is_read(self) -> None:
        """Every piece comes back in its place, and size and hash are those of the bytes."""

        async def work(blobs: Blobs) -> None:
            for name, data in (("one", b"abc"), ("none", b""), ("large.text", LARGE)):
                kept = await store(blobs, name, once(data), len(data))
                assert (kept.id, kept.size, kept.sha256) == (name, len(data), sha256(data).hexdigest())
                assert await blobs.stat(name) == kept
                assert b"".join([one async for one in pieces(blobs, name)]) == data
            assert await blobs.read("large.text", 300_001, 5) == LARGE[300_001:300_006]
            assert await blobs.read("one", 2, 100) == b"c"
            assert await blobs.read("one", 3, 100) == b""
            assert await blobs.read("one", 4, 100) == b""

        self.run(work)

    def test_nothing_is_seen_before_it_is_finished(self) -> None:
        """An upload shows nothing under its name, and leaves what has the name until it is finished."""

        async def work(blobs: Blobs) -> None:
            first = await blobs.begin("name")
            await blobs.append(first, 0, b"first")
            assert await blobs.stat("name") is None
            assert await blobs.list() == []
            with pytest.raises(NotFound):
                await blobs.read("name", 0, 10)
            await blobs.finish(first)
            second = await blobs.begin("name")
            await blobs.append(second, 0, b"the second")
            assert await blobs.read("name", 0, 100) == b"first"
            await blobs.finish(second)
            assert await blobs.read("name", 0, 100) == b"the second"

        self.run(work)

    def test_two_uploads_of_one_name_do_not_meet(self) -> None:
        """Each goes on by itself, and the one that is finished last has the name."""

        async def work(blobs: Blobs) -> None:
            first, second = await blobs.begin("name"), await blobs.begin("name")
            await blobs.append(first, 0, b"11")
            await blobs.append(second, 0, b"222")
            await blobs.append(first, 2, b"11")
            assert (await blobs.finish(second)).size == 3
            assert (await blobs.finish(first)).size == 4
            assert await blobs.read("name", 0, 100) == b"1111"

        self.run(work)

    def test_a_piece_belongs_at_the_end(self) -> None:
        """A piece that comes twice, or after a hole, is refused and changes nothing."""

        async def work(blobs: Blobs) -> None:
            upload = await blobs.begin("name")
            await blobs.append(upload, 0, b"abc")
            for wrong in (0, 2, 4):
                with pytest.raises(Conflict):
                    await blobs.append(upload, wrong, b"xyz")
            await blobs.append(upload, 3, b"def")
            await blobs.finish(upload)
            assert await blobs.read("name", 0, 100) == b"abcdef"

        self.run(work)

    def test_an_upload_ends_once(self) -> None:
        """After finishing or dropping it, it is unknown; dropping what is unknown is no error."""

        async def work(blobs: Blobs) -> None:
            done, dropped = await blobs.begin("done"), await blobs.begin("dropped")
            await blobs.append(dropped, 0, b"x")
            await blobs.finish(done)
            await blobs.abandon(dropped)
            await blobs.abandon(dropped)
            for upload in (done, dropped, "never"):
                with pytest.raises(NotFound):
                    await blobs.append(upload, 0, b"x")
                with pytest.raises(NotFound):
                    await blobs.finish(upload)
            assert [one.id for one in await blobs.list()] == ["done"]

        self.run(work)

    def test_what_is_removed_is_gone(self) -> None:
        """A removed name is unknown, others stay, and removing what is unknown is no error."""

        async def work(blobs: Blobs) -> None:
            for name in ("a", "b"):
                await store(blobs, name, once(name.encode()), 10)
            await blobs.remove("a")
            await blobs.remove("a")
            assert await blobs.stat("a") is None
            with pytest.raises(NotFound):
                await blobs.read("a", 0, 1)
            assert await blobs.read("b", 0, 10) == b"b"

        self.run(work)

    def test_they_are_listed_by_name(self) -> None:
        """Names come in the order of their characters, page by page, with what each is."""

        async def work(blobs: Blobs) -> None:
            names = ["B", "a", "a.1.text", "a-1", "b_2", "z"]
            for name in reversed(names):
                await store(blobs, name, once(name.encode()), 10)
            found = await blobs.list()
            assert [one.id for one in found] == sorted(names)
            assert [one.size for one in found] == [len(one) for one in sorted(names)]
            page = await blobs.list(after="a", limit=2)
            assert [one.id for one in page] == ["a-1", "a.1.text"]

        self.run(work)

    def test_sweeping_leaves_what_is_young_or_whole(self) -> None:
        """An upload that was begun after the moment goes on, and whole ones stay."""

        async def work(blobs: Blobs) -> None:
            left = await blobs.begin("left")
            await blobs.append(left, 0, b"x")
            await store(blobs, "whole", once(b"y"), 10)
            assert await blobs.sweep(datetime(2000, 1, 1, tzinfo=UTC)) == 0
            await blobs.append(left, 1, b"x")
            assert [one.id for one in await blobs.list()] == ["whole"]

        self.run(work)

    def test_too_much_leaves_nothing(self) -> None:
        """Bytes beyond the limit, and a source that breaks, leave nothing behind."""

        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * PIECE
            raise ConnectionError

        async def work(blobs: Blobs) -> None:
            with pytest.raises(TooLarge):
                await store(blobs, "name", once(LARGE), len(LARGE) - 1)
            with pytest.raises(ConnectionError):
                await store(blobs, "name", broken(), len(LARGE))
            assert await blobs.list() == []
            assert await blobs.sweep(FAR) == 0

        self.run(work)

    def test_what_is_no_name_is_refused(self) -> None:
        """A name leads nowhere else: what is not made of the few characters is refused, and never there."""

        async def work(blobs: Blobs) -> None:
            for wrong in ("", ".", "..", "../x", "a/b", ".hidden", "a b", "é", "x" * 141, "a\x00"):
                with pytest.raises(ValueError, match="name"):
                    await blobs.begin(wrong)
            for wrong in ("../x", "a/b", ".."):
                assert await blobs.stat(wrong) is None
                await blobs.remove(wrong)

        self.run(work)
