"""Waiting with a timer only where there is a wait."""

import asyncio

import pytest

from autobot.kernel.core.stepping import Late, at_most
from autobot.testing.virtual_time import VIRTUAL_BACKEND

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """A loop whose clock jumps."""
    return VIRTUAL_BACKEND


async def there() -> str:
    """Answers without waiting."""
    return "there"


async def test_what_is_there_is_given_even_without_time() -> None:
    """No time at all is enough for what does not wait."""
    assert await at_most(there(), 0.0) == "there"


async def test_what_comes_in_time_is_given() -> None:
    """A wait within the time ends with its result, or with its own error."""

    async def fails() -> None:
        await asyncio.sleep(1.0)
        raise TimeoutError("its own")

    assert await at_most(asyncio.sleep(1.0, "late"), 2.0) == "late"
    with pytest.raises(TimeoutError) as caught:
        await at_most(fails(), 2.0)
    assert not isinstance(caught.value, Late)


async def test_what_takes_too_long_is_cancelled() -> None:
    """Late comes at the very end of the time, and what was waited for is told."""
    loop, told = asyncio.get_running_loop(), []
    began = loop.time()

    async def waits() -> None:
        try:
            await asyncio.sleep(50.0)
        except asyncio.CancelledError:
            told.append(loop.time())
            raise

    with pytest.raises(Late):
        await at_most(waits(), 2.0)

    assert told == [pytest.approx(began + 2.0)]
