"""A suite that passes everything proves nothing: each planted fault must be found."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.event_store.ports import EventStore
from autobot.testing.conformance.event_store import EventStoreSuite
from autobot.testing.faults import FAULTS, Through


def plain_tests(suite: type[Any]) -> Iterator[str]:
    """Name the tests of a suite that take no parameters."""
    for name, function in inspect.getmembers(suite, inspect.isfunction):
        if name.startswith("test_") and len(inspect.signature(function).parameters) == 1:
            yield name


class Planted(EventStoreSuite):
    """The suite over a store with a fault."""

    fault: Callable[[EventStore], EventStore]

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[EventStore]:
        store = type(self).fault(MemoryEventStore(self.clock))
        yield store
        await store.close()

    def open(self) -> AbstractAsyncContextManager[EventStore]:
        return self._open()


async def found_by(name: str, suite: Planted) -> bool:
    """Say whether a test fails, within a time that a hanging one spends in vain."""
    suite.start()
    try:
        async with asyncio.timeout(2):
            await getattr(suite, name)()
    except Exception:  # noqa: BLE001 - any failure counts
        return True
    except BaseExceptionGroup:
        return True
    except pytest.fail.Exception:
        return True
    return False


def failures(fault: Callable[[EventStore], EventStore]) -> list[str]:
    """Run the suite over a fault and name what fails."""
    suite = type("Suite", (Planted,), {"fault": staticmethod(fault)})()
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        return [name for name in plain_tests(EventStoreSuite) if runner.run(found_by(name, suite))]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found(fault: Callable[[EventStore], EventStore]) -> None:
    """Over a store with this fault at least one test of the suite fails."""
    assert failures(fault) != []


def test_the_plain_wrapper_passes() -> None:
    """Without a fault the same wrapper passes, so what fails above fails for its fault."""
    assert failures(Through) == []
