"""The suite of transports between processes finds what the door of a role could get wrong."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.parts import HopParts
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, ConnectionLost, Unauthenticated
from autobot.kernel.links.hop_door import Admitted, HopDoor
from autobot.kernel.links.service_token import ServiceCall
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.telemetry.listener import Hop
from autobot.testing.conformance.calls import Call, Carried, Stream
from autobot.testing.conformance.hops import ASK, TELL
from tests.integration.role_hop import test_conformance as sound

PATIENCE_S = 2.0


def door_of(parts: HopParts, kind: type[HopDoor], **changes: Any) -> HopDoor:
    """Return a door of another kind."""
    return kind(
        role=parts.role,
        rows=parts.rows,
        tokens=changes.get("tokens", parts.tokens),
        phase=lambda: parts.lifecycle.phase,
        clock=parts.clock,
        chance=parts.chance,
        ids=parts.ids,
        deadline_s=parts.limits.deadline_s,
        blameless=lambda error: True,
    )


class Gullible:
    """Believes a second key."""

    def __init__(self, first: Any, clock: Any) -> None:
        self._keys = (first, KeyedServiceTokens(sound.OTHER_KEY, clock))

    def issue(self, call: ServiceCall) -> str:
        """Sign as always."""
        return str(self._keys[0].issue(call))

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        """Take whichever key fits."""
        try:
            return self._keys[0].read(token, audience=audience, operation=operation)  # type: ignore[no-any-return]
        except Unauthenticated:
            return self._keys[1].read(token, audience=audience, operation=operation)


class Believing(HopParts):
    """Any key will do."""

    def door(self) -> HopDoor:
        return door_of(self, HopDoor, tokens=Gullible(self.tokens, self.clock))


class _Timeless(HopDoor):
    def begin(self, fields: Mapping[bytes, bytes], at: float, admitted: Admitted) -> Hop:
        return super().begin(
            {name: value for name, value in fields.items() if name != b"x-deadline-ms"}, at, admitted
        )


class Timeless(HopParts):
    """The caller's time is not looked at."""

    def door(self) -> HopDoor:
        return door_of(self, _Timeless)


class _Eager(HopDoor):
    def in_time(self, context: CallContext) -> float:
        assert context.deadline is not None
        return max(context.deadline, asyncio.get_running_loop().time() + 0.1)


class Eager(HopParts):
    """What is too late is begun."""

    def door(self) -> HopDoor:
        return door_of(self, _Eager)


class Flattened:
    """A transport that makes every refusal its own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Call."""
        try:
            return await self._inner.call(target, operation, payload, context)
        except AutoBotError as error:
            raise ConnectionLost(str(error)) from None

    def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Stream."""
        return self._inner.stream(target, operation, payload, context)  # type: ignore[no-any-return]


class Again(Flattened):
    """A transport that begins a broken stream anew, whatever came of it before."""

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Call."""
        return await self._inner.call(target, operation, payload, context)

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Stream, and once more."""
        try:
            async for chunk in self._inner.stream(target, operation, payload, context):
                yield chunk
        except ConnectionLost:
            async for chunk in self._inner.stream(target, operation, payload, replace(context, attempt=1)):
                yield chunk


class Planted(sound.TestRoleTransport):
    """The suite over a fault."""

    __test__ = False
    wrapped: Any = None

    @asynccontextmanager
    async def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream], **changes: Any
    ) -> AsyncIterator[Carried]:
        async with super().carrying(calls, streams, **changes) as carried:
            made = carried.transport if self.wrapped is None else self.wrapped(carried.transport)
            yield Carried(made, carried.target)


TESTS: tuple[tuple[str, tuple[Any, ...]], ...] = tuple(
    (name, (given,))
    for name, every in (
        ("test_a_token_of_another_key_reaches_nothing", (ASK, TELL)),
        ("test_the_end_of_the_callers_time_ends_the_work", (ASK, TELL)),
        ("test_what_is_too_late_never_begins", (ASK, TELL)),
        ("test_nothing_is_begun_again_after_the_first_chunk", (0, 1)),
    )
    for given in every
)


async def fails(suite: Planted, name: str, given: tuple[Any, ...]) -> bool:
    """Say whether a test fails, within a time that a hanging one spends in vain."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await getattr(suite, name)(*given)
    except (Exception, BaseExceptionGroup, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
        return True
    return False


def first_failure(**fault: Any) -> str | None:
    """Run the suite over a fault and name the first test that fails."""
    suite = type("Suite", (Planted,), fault)()
    with asyncio.Runner() as runner:
        return next((name for name, given in TESTS if runner.run(fails(suite, name, given))), None)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": Believing},
        {"kind": Timeless},
        {"kind": Eager},
        {"wrapped": Flattened},
        {"wrapped": Again},
    ],
    ids=[
        "believes any key",
        "forgets the time",
        "begins what is too late",
        "flattens refusals",
        "begins again",
    ],
)
def test_each_planted_fault_is_found(fault: dict[str, Any]) -> None:
    """A transport or a door with this fault fails at least one test of the suite."""
    assert first_failure(**fault) is not None


def test_the_plain_one_passes() -> None:
    """Without a fault the same suite passes, so what fails above fails for its fault."""
    assert first_failure() is None
