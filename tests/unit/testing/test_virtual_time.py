"""The loop whose clock jumps."""

import asyncio
from datetime import timedelta

import pytest

from autobot.testing.virtual_time import (
    EPOCH,
    START,
    FixedChance,
    ManualClock,
    NothingHappens,
    VirtualClock,
    run,
    seeded,
)


async def day(hours: int = 24) -> list[float]:
    """Wake once an hour."""
    loop = asyncio.get_running_loop()
    woken = []
    for _ in range(hours):
        done = loop.create_future()
        loop.call_later(3600, done.set_result, None)
        await done
        woken.append(loop.time())
    return woken


def test_a_day_passes_exactly() -> None:
    """Twenty-four hours of timers fire at their exact times."""
    assert run(day()) == [START + 3600 * hour for hour in range(1, 25)]


def test_timers_fire_in_order() -> None:
    """Timers set in any order fire by their time, equal ones in the order they were set."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        fired: list[str] = []
        for name, delay in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("a2", 1.0)):
            loop.call_later(delay, fired.append, name)
        end = loop.create_future()
        loop.call_later(5.0, end.set_result, None)
        await end
        return fired

    assert run(main()) == ["a", "a2", "b", "c"]


def test_timeouts_work() -> None:
    """asyncio's own timeout fires in virtual time."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7.5):
                await asyncio.get_running_loop().create_future()
        return asyncio.get_running_loop().time()

    assert run(main()) == START + 7.5


def test_what_would_hang_is_an_error() -> None:
    """When every task waits and no timer is left the test fails instead of hanging."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingHappens):
        run(main())


def test_threads_sockets_and_processes_are_refused() -> None:
    """What lives in real time does not take part in virtual time, and says so."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="run_in_executor does not go with virtual time"):
            await loop.run_in_executor(None, print)
        with pytest.raises(RuntimeError, match="create_connection"):
            await asyncio.open_connection("127.0.0.1", 1)
        with pytest.raises(RuntimeError, match="create_server"):
            await asyncio.start_server(print, "127.0.0.1", 0)
        with pytest.raises(RuntimeError, match="subprocess_exec"):
            await asyncio.create_subprocess_exec("true")
        with pytest.raises(RuntimeError, match="add_reader"):
            loop.add_reader(0, print)

    run(main())


def test_the_clock_follows_the_loop() -> None:
    """Both clocks of the port move with the loop."""

    async def main() -> None:
        clock = VirtualClock()
        assert (clock.monotonic(), clock.now()) == (START, EPOCH)
        await day(2)
        assert clock.monotonic() == START + 7200
        assert clock.now() == EPOCH + timedelta(hours=2)

    run(main())


def test_the_manual_clock_moves_only_by_hand() -> None:
    """Time passes when the test says so, and never backwards."""
    clock = ManualClock()
    clock.advance(90)

    assert (clock.monotonic(), clock.now()) == (START + 90, EPOCH + timedelta(seconds=90))
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)


def test_chance_can_be_fixed_or_repeated() -> None:
    """A seed repeats its draws; a fixed chance always draws the same share."""
    assert seeded(7).random() == seeded(7).random()
    fixed = FixedChance(0.25)
    assert (fixed.random(), fixed.uniform(4.0, 8.0), fixed.getrandbits(8)) == (0.25, 5.0, 64)
