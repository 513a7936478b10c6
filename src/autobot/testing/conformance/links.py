"""What `Links` and `Link` promise their callers. Subclass, and override the factory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import LinkMissing
from autobot.kernel.links.ports import Link, Links
from autobot.kernel.resilience.operation import Effect, Operation

ECHO: Final = Operation(name="echo", effect=Effect.FREE)
FAIL: Final = Operation(name="fail", effect=Effect.FREE)
COUNT: Final = Operation(name="count", effect=Effect.FREE)
ROW: Final = "backend-crm"
CONTEXT: Final = CallContext(
    correlation_id="conformance", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


class CalleeError(Exception):
    """An error of the callee's own, not of the tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Links with a direct row `backend-crm` whose callee serves *echo* (answers its payload), *fail* (raises
    CalleeError) and the stream *count* (1, 2, 3). `delete` takes the row out of the matrix."""

    links: Links
    delete: Callable[[], None]


class LinksSuite(ABC):
    """Gives links by row name."""

    @abstractmethod
    def wiring(self) -> Wiring:
        """Return the implementation under test, wired. Called inside a running loop."""

    def _link(self, wiring: Wiring) -> Link:
        return wiring.links.link(ROW)

    @pytest.mark.anyio
    async def test_a_link_knows_its_row(self) -> None:
        """The link of a row carries the row's name, also when there is no such row."""
        wiring = self.wiring()
        assert self._link(wiring).id == ROW
        assert wiring.links.link("backend-moon").id == "backend-moon"

    @pytest.mark.anyio
    async def test_calls_reach_the_callee(self) -> None:
        """The answer is the callee's."""
        payload: dict[str, Any] = {"deep": [1, 2]}
        assert await self._link(self.wiring()).call(ECHO, payload, CONTEXT) is payload

    @pytest.mark.anyio
    async def test_streams_reach_the_callee(self) -> None:
        """The chunks are the callee's."""
        link = self._link(self.wiring())
        assert [chunk async for chunk in link.stream(COUNT, None, CONTEXT)] == [1, 2, 3]

    @pytest.mark.anyio
    async def test_the_callees_errors_pass(self) -> None:
        """On a direct row what the callee raised arrives unchanged."""
        with pytest.raises(CalleeError):
            await self._link(self.wiring()).call(FAIL, None, CONTEXT)

    @pytest.mark.anyio
    async def test_a_row_that_is_not_there_fails(self) -> None:
        """Calls and streams raise LinkMissing, for a row that never was and for one that was taken away."""
        wiring = self.wiring()
        held = self._link(wiring)
        wiring.delete()
        for link in (held, self._link(wiring), wiring.links.link("backend-moon")):
            with pytest.raises(LinkMissing):
                await link.call(ECHO, None, CONTEXT)
            with pytest.raises(LinkMissing):
                await anext(link.stream(COUNT, None, CONTEXT))
