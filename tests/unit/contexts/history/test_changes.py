"""Changes of a read model through the bus and the engine: asked for, made by a run, cancelled."""

from __future__ import annotations

import asyncio

import pytest

from autobot.kernel.core.errors import Conflict
from autobot.testing.virtual_time import run
from tests.unit.contexts.history.world import World


def test_a_change_is_made_by_its_run() -> None:
    """A rebuild, a switch and a rollback each end as completed, and what stands beside follows."""

    async def main() -> None:
        async with World() as world:
            await world.events("a", "b", "a")
            assert (await world.do("rebuild")).status == "completed"
            stands = (await world.stands()).beside
            assert stands is not None
            assert (stands.candidate, stands.ready) == (1, True)
            assert (await world.do("switch")).status == "completed"
            assert (await world.do("rollback")).status == "completed"
            stands = (await world.stands()).beside
            assert stands is not None
            assert stands.generation == 0
            with pytest.raises(Conflict):
                await world.ask("rebuild")

    run(main())


def test_a_rebuild_under_way_is_cancelled() -> None:
    """A discard does not wait for the rebuild that it ends: the rebuild fails saying so, and nothing is left of it."""

    async def main() -> None:
        async with World() as world:
            await world.events(*("ab" * 600))
            world.holds_at = 600
            rebuild = await world.ask("rebuild")
            await world.reached.wait()
            stands = await world.stands()
            assert stands.beside is not None
            assert (stands.beside.candidate, stands.beside.ready) == (1, False)
            discard = await world.ask("discard")
            # Its run begins, and waits for the page that is being taken.
            await asyncio.sleep(1)
            world.opened.set()
            assert (await world.ended(discard)).status == "completed"
            ended = await world.ended(rebuild)
            assert ended.status == "failed"
            assert ended.error is not None
            assert "discarded while it was built" in ended.error.detail
            stands = await world.stands()
            assert stands.beside is not None
            assert stands.beside.candidate is None
            assert await world.store.get("counts~1", "a") is None

    run(main())


def test_lag_is_told_in_seconds() -> None:
    """What a read model has not taken yet is as old as its first event."""

    async def main() -> None:
        async with World() as world:
            await world.events("a")
            assert (await world.stands()).lag_seconds == 0.0
            world.holds_at = 2
            await world.store.commit(world.make.transaction("a"))
            await world.reached.wait()
            await asyncio.sleep(7)
            stands = await world.stands()
            assert (stands.lag, stands.lag_seconds) == (1, 7.0)
            world.opened.set()

    run(main())
