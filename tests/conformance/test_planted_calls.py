"""The suite of transports that carry calls finds what a hop could get wrong."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import AutoBotError, HopFailed
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.resilience.operation import Operation
from autobot.testing.conformance.calls import ERRORS, Call, CallsSuite, Carried, Stream
from autobot.testing.conformance.links import CalleeError


class Faulty:
    """A direct transport with a fault."""

    def __init__(self, inner: DirectTransport, fault: str) -> None:
        self._inner, self._fault = inner, fault
        self._one, self.tasks = asyncio.Lock(), set[Any]()
        self._last: CallContext | None = None

    def _context(self, context: CallContext) -> CallContext:
        match self._fault:
            case "loses who calls":
                return replace(context, principal=SYSTEM)
            case "loses the tenant":
                return replace(context, principal=replace(context.principal, tenant="default"))
            case "forgets the deadline":
                return replace(context, deadline=None)
            case "gives more time":
                return replace(context, deadline=(context.deadline or 0) + 60)
            case "keeps the first caller":
                self._last = self._last or context
                return self._last
        return context

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Call, faultily."""
        if self._fault == "one at a time":
            async with self._one:
                return await self._inner.call(target, operation, payload, context)
        work = self._inner.call(target, operation, payload, self._context(context))
        if self._fault == "works on for nobody":
            self.tasks.add(task := asyncio.get_running_loop().create_task(work))
            return await asyncio.shield(task)
        try:
            return await work
        except AutoBotError as error:
            if self._fault == "flattens errors":
                raise HopFailed(error.detail, hint=error.hint) from error
            if self._fault == "drops members":
                error = type(error).__new__(type(error), error.detail)
                error.detail, error.hint = str(error), None
                raise error from None
            raise

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Stream, faultily."""
        chunks = self._inner.stream(target, operation, payload, self._context(context))
        try:
            async for chunk in chunks:
                yield chunk[:65_536] if self._fault == "cuts chunks" else chunk
        except (AutoBotError, CalleeError):
            if self._fault != "ends silently":
                raise

    async def probe(self, target: str) -> bool | None:
        """Probe."""
        return None

    async def close(self) -> None:
        """Close."""
        await self._inner.close()


class Planted(CallsSuite):
    """The suite over a fault."""

    failures = (AutoBotError, CalleeError)
    fault = "none"

    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AsyncIterator[Carried]:
        faulty = Faulty(DirectTransport(calls, streams), self.fault)
        try:
            yield Carried(faulty, "local")
        finally:
            for task in faulty.tasks:
                task.cancel()
            await asyncio.gather(*faulty.tasks, return_exceptions=True)


def plain_tests() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Name each test of the suite with its parameters."""
    for name, function in inspect.getmembers(CallsSuite, inspect.isfunction):
        if name.startswith("test_"):
            takes = len(inspect.signature(function).parameters) > 1
            yield from ((name, (error,)) for error in ERRORS) if takes else [(name, ())]


async def fails(suite: Planted, name: str, given: tuple[Any, ...]) -> bool:
    """Say whether a test fails, within a time that a hanging one spends in vain."""
    try:
        async with asyncio.timeout(0.5):
            await getattr(suite, name)(*given)
    except Exception:  # noqa: BLE001 - any failure counts
        return True
    except (BaseExceptionGroup, pytest.fail.Exception):
        return True
    return False


def failures(fault: str) -> list[str]:
    """Run the suite over a fault and name what fails."""
    suite = type("Suite", (Planted,), {"fault": fault})()
    with asyncio.Runner() as runner:
        return [name for name, given in plain_tests() if runner.run(fails(suite, name, given))]


@pytest.mark.parametrize(
    "fault",
    [
        "loses who calls",
        "loses the tenant",
        "forgets the deadline",
        "gives more time",
        "keeps the first caller",
        "one at a time",
        "works on for nobody",
        "flattens errors",
        "drops members",
        "cuts chunks",
        "ends silently",
    ],
)
def test_each_planted_fault_is_found(fault: str) -> None:
    """A transport with this fault fails at least one test of the suite."""
    assert failures(fault) != []


def test_the_plain_wrapper_passes() -> None:
    """Without a fault the same wrapper passes, so what fails above fails for its fault."""
    assert failures("none") == []
