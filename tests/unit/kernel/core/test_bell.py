"""Waiting for the next change."""

import asyncio

import pytest

from autobot.kernel.core.bell import Bell

pytestmark = pytest.mark.anyio


async def test_who_took_the_next_change_before_looking_misses_none() -> None:
    """A change between taking and waiting is heard, by all who wait; one before it is not."""
    bell = Bell()
    bell.ring()
    first = bell.next()
    assert not first.is_set()
    assert bell.next() is first
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(first.wait())
        bell.ring()
    assert not bell.next().is_set()
