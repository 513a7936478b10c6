"""A suite that passes everything proves nothing: each planted fault must be found."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.messaging.broker import Broker
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.testing.broker_faults import BROKER_FAULTS, Over, Spoilt
from autobot.testing.conformance.broker import BrokerSuite, Place
from autobot.testing.conformance.event_store import EventStoreSuite
from autobot.testing.faults import FAULTS, Through
from autobot.testing.virtual_time import VirtualClock, VirtualTimeLoop, seeded


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


# ---------------------------------------------------------------------------------------------------- broker


class PlantedBroker(BrokerSuite):
    """The broker's suite over a broker with a fault."""

    fault: Callable[[EventStore, Over], Broker]
    patience_s = 2_000.0

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Place]:
        clock = VirtualClock()
        store = MemoryEventStore(clock)
        yield Place(store, type(self).fault(store, lambda under: LogBroker(under, clock, seeded())), clock)
        await store.close()

    def open(self) -> AbstractAsyncContextManager[Place]:
        return self._open()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.get_loop().set_exception_handler(lambda loop, context: None)
            runner.run(main)


def broker_failures(fault: Callable[[EventStore, Over], Broker]) -> list[str]:
    """Run the broker's suite over a fault and name what fails."""
    suite = type("Suite", (PlantedBroker,), {"fault": staticmethod(fault)})()
    found = []
    for name in plain_tests(BrokerSuite):
        try:
            getattr(suite, name)()
        except (Exception, BaseExceptionGroup, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
            found.append(name)
    return found


@pytest.mark.parametrize(
    ("name", "fault"), BROKER_FAULTS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_each_planted_broker_fault_is_found(name: str, fault: Callable[[EventStore, Over], Broker]) -> None:
    """Over a broker with this fault at least one test of the suite fails."""
    assert broker_failures(fault) != [], name


def test_the_plain_broker_passes() -> None:
    """Without a fault the same arrangement passes."""
    assert broker_failures(lambda store, over: Spoilt(over(store))) == []
