"""What reads files keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import count

import pytest

from autobot.adapters.documents.parser import ChildParser, ParserOptions
from autobot.contexts.knowledge.ports.parsing import Parsed, Parser, Unread
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput
from autobot.testing.conformance.parsing import ParserSuite
from tests.conformance.planted import found_by


class InAChild(ParserSuite):
    made: type[ChildParser] = ChildParser

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Parser]:
        yield self.made(options=ParserOptions(bubblewrap=None))

    def open(self) -> AbstractAsyncContextManager[Parser]:
        return self._open()


class TestChildParser(InAChild):
    pass


class KeepsControls(ChildParser):
    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        found = await super().parse(unread, context)
        raw = b"".join([piece async for piece in unread.pieces()])
        return replace(found, text=raw.decode("utf-8", "replace"))


class CountsBytes(ChildParser):
    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        found = await super().parse(unread, context)
        moved = [replace(one, start=len(found.text[: one.start].encode())) for one in found.headings]
        return replace(found, headings=tuple(moved))


class ReadsAnything(ChildParser):
    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        try:
            return await super().parse(unread, context)
        except InvalidInput:
            return Parsed(text="?", media_type="text/plain")


class IsNeverTheSame(ChildParser):
    numbers = count()

    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        return replace(await super().parse(unread, context), title=str(next(self.numbers)))


@pytest.mark.parametrize(
    "fault", [KeepsControls, CountsBytes, ReadsAnything, IsNeverTheSame], ids=lambda one: one.__name__
)
def test_each_planted_fault_is_found(fault: type[ChildParser]) -> None:
    """Over a reader with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (InAChild,), {"made": fault})()) != []
