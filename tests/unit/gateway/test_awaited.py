"""A client's wait is as long as it asked for, however short the waits of the hops below are."""

import asyncio

import pytest

from autobot.gateway.rest.answers import awaited
from autobot.kernel.core.stepping import ANSWER_S, waited
from autobot.testing.virtual_time import run


def test_it_asks_again_until_the_time_is_over() -> None:
    """Where a hop waits two seconds at most, ten seconds are five questions, each for what is left."""
    asked: list[float] = []

    async def ask(seconds: float) -> str:
        asked.append(round(seconds, 3))
        await asyncio.sleep(min(seconds, 2.0))
        return "accepted"

    async def main() -> str:
        found: str = await awaited(ask, lambda view: view == "done", 10.0)
        return found

    assert run(main()) == "accepted"
    assert asked == [10.0, 8.0, 6.0, 4.0, 2.0]


def test_it_stops_at_the_end() -> None:
    """What has ended is answered at once."""
    answers = ["accepted", "accepted", "done"]

    async def ask(seconds: float) -> str:
        await asyncio.sleep(1.0)
        return answers.pop(0)

    async def main() -> tuple[str, float]:
        return await awaited(ask, lambda view: view == "done", 60.0), asyncio.get_running_loop().time()

    found, _ = run(main())
    assert (found, answers) == ("done", [])


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_who_answers_at_once_is_asked_once(seconds: float) -> None:
    """A callee that does not wait is not asked in a circle."""
    asked = 0

    async def ask(left: float) -> str:
        nonlocal asked
        asked += 1
        return "accepted"

    async def main() -> None:
        await awaited(ask, lambda view: view == "done", seconds)

    run(main())
    assert asked == 1


@pytest.mark.parametrize(
    ("seconds", "left", "took"),
    [(10.0, None, 10.0), (10.0, 60.0, 10.0), (60.0, 30.0, 30.0 - ANSWER_S), (5.0, 0.1, 0.0)],
)
def test_a_wait_ends_before_its_caller_gives_up(seconds: float, left: float | None, took: float) -> None:
    """The answer has time to travel back, so the caller hears how things stand instead of giving up."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await waited(asyncio.Event().wait(), seconds, None if left is None else began + left)
        return loop.time() - began

    assert run(main()) == pytest.approx(took, abs=0.01)


def test_a_wait_s_own_timeout_is_not_its_end() -> None:
    """What waits may fail by a timeout of its own; that is its failure."""

    async def fails() -> None:
        raise TimeoutError

    async def main() -> None:
        await waited(fails(), 10.0, None)

    with pytest.raises(TimeoutError):
        run(main())
