"""What `Graphs` promises. Subclass `GraphsSuite`, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from hashlib import sha256

from autobot.contexts.knowledge.ports.graphs import PIECE, Claim, Graphs, SharedGraph

MODEL, FORM = "model", "form"
PIECES = (bytes(range(256)) * (PIECE // 256), b"the rest")
WHOLE = b"".join(PIECES)
HASH = sha256(WHOLE).hexdigest()
NEVER, AT_ONCE = 3600.0, 0.0
"""Seconds for which a claim holds without a word."""


class GraphsSuite(ABC):
    """Shared graphs."""

    @abstractmethod
    def open(self, ttl_s: float) -> AbstractAsyncContextManager[Graphs]:
        """Return the implementation under test, empty, open for the block; its claims hold for so long without a word."""

    def run(self, work: Callable[[Graphs], Awaitable[None]], ttl_s: float = NEVER) -> None:
        """Do `work` on an empty one."""

        async def main() -> None:
            async with self.open(ttl_s) as graphs:
                await work(graphs)

        asyncio.run(main())

    def test_what_one_publishes_all_read(self) -> None:
        """A graph is seen whole under its model and form, and not before it is published."""

        async def work(graphs: Graphs) -> None:
            claim = await claimed(graphs)
            await written(graphs, claim)
            assert await graphs.newest(MODEL, FORM) is None
            assert await graphs.publish(claim, b"mark", len(WHOLE), HASH)
            kept = await graphs.newest(MODEL, FORM)
            assert kept == SharedGraph(id=claim.token, mark=b"mark", size=len(WHOLE), sha256=HASH)
            assert [await graphs.read(kept.id, number) for number in range(3)] == [*PIECES, b""]
            assert await graphs.newest(MODEL, "another") is None
            assert await graphs.newest("another", FORM) is None

        self.run(work)

    def test_one_makes_it_at_a_time(self) -> None:
        """Who has a claim keeps all others from it, for this model and form alone, until it publishes or releases it."""

        async def work(graphs: Graphs) -> None:
            first = await claimed(graphs)
            assert await graphs.claim(MODEL, FORM) is None
            for model, form in (("another", FORM), (MODEL, "another")):
                assert await graphs.claim(model, form) is not None
            await graphs.release(first)
            await graphs.release(first)
            second = await claimed(graphs)
            assert second.token != first.token
            await graphs.release(first)
            assert await graphs.claim(MODEL, FORM) is None
            assert await graphs.publish(second, b"", 0, HASH)
            assert (await claimed(graphs)).token not in (first.token, second.token)

        self.run(work)

    def test_a_claim_that_is_over_changes_nothing(self) -> None:
        """Who released its claim, or was cleared, adds nothing and publishes nothing."""

        async def work(graphs: Graphs) -> None:
            for cleared in (False, True):
                claim = await claimed(graphs)
                await written(graphs, claim)
                await (graphs.clear() if cleared else graphs.release(claim))
                assert not await graphs.renew(claim, 1, 2)
                assert not await graphs.append(claim, 2, b"more")
                assert not await graphs.publish(claim, b"", len(WHOLE), HASH)
                assert await graphs.newest(MODEL, FORM) is None

        self.run(work)

    def test_another_takes_over_from_who_says_nothing(self) -> None:
        """A claim whose time is over is the next one's, and what the first one wrote is in no graph."""

        async def work(graphs: Graphs) -> None:
            first = await claimed(graphs)
            assert not await graphs.append(first, 0, b"torn")
            assert not await graphs.publish(first, b"", 4, HASH)
            second = await claimed(graphs)
            assert second.token != first.token
            assert await graphs.progress(MODEL, FORM) is None
            assert await graphs.newest(MODEL, FORM) is None

        self.run(work, AT_ONCE)

    def test_the_newest_takes_the_place_of_the_one_before(self) -> None:
        """There is one graph: the one before is not to be read any more."""

        async def work(graphs: Graphs) -> None:
            made = []
            for _ in range(2):
                claim = await claimed(graphs)
                await written(graphs, claim)
                assert await graphs.publish(claim, b"", len(WHOLE), HASH)
                made.append(claim.token)
            kept = await graphs.newest(MODEL, FORM)
            assert kept is not None
            assert kept.id == made[1]
            assert await graphs.read(made[0], 0) == b""
            assert await graphs.read(made[1], 0) == PIECES[0]

        self.run(work)

    def test_a_piece_that_comes_again_is_that_piece(self) -> None:
        """Writing a number again puts the newer bytes in its place."""

        async def work(graphs: Graphs) -> None:
            claim = await claimed(graphs)
            for data in (b"first", b"again"):
                assert await graphs.append(claim, 0, data)
            assert await graphs.publish(claim, b"", 5, HASH)
            assert await graphs.read(claim.token, 0) == b"again"

        self.run(work)

    def test_how_far_it_is_is_seen_by_all(self) -> None:
        """While somebody makes it, and no longer."""

        async def work(graphs: Graphs) -> None:
            assert await graphs.progress(MODEL, FORM) is None
            claim = await claimed(graphs)
            assert await graphs.progress(MODEL, FORM) == (0, 0)
            assert await graphs.renew(claim, 500, 2000)
            assert await graphs.progress(MODEL, FORM) == (500, 2000)
            assert await graphs.append(claim, 0, b"")
            assert await graphs.progress(MODEL, FORM) == (500, 2000)
            assert await graphs.publish(claim, b"", 0, HASH)
            assert await graphs.progress(MODEL, FORM) is None

        self.run(work)

    def test_clearing_leaves_nothing(self) -> None:
        """Graphs of all models and forms go, and their bytes with them."""

        async def work(graphs: Graphs) -> None:
            made = []
            for model in (MODEL, "another"):
                claim = await graphs.claim(model, FORM)
                assert claim is not None
                await written(graphs, claim)
                assert await graphs.publish(claim, b"", len(WHOLE), HASH)
                made.append((model, claim.token))
            await graphs.clear()
            for model, token in made:
                assert await graphs.newest(model, FORM) is None
                assert await graphs.read(token, 0) == b""

        self.run(work)


async def claimed(graphs: Graphs) -> Claim:
    """Return a claim that nobody else has."""
    claim = await graphs.claim(MODEL, FORM)
    assert claim is not None
    return claim


async def written(graphs: Graphs, claim: Claim) -> None:
    """Write all pieces."""
    for number, data in enumerate(PIECES):
        assert await graphs.append(claim, number, data)
