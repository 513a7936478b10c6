"""What a transport that carries calls to handlers promises besides `Transport`: the callee cannot tell which it was.

The direct transport and the transport between roles pass it. Subclass, and override `carrying`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest

from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    ConnectFailed,
    DeadlineExceeded,
    FieldError,
    InvalidInput,
    NotFound,
    Overloaded,
    QuotaExceeded,
    WrongExpectedVersion,
)
from autobot.kernel.resilience.operation import Effect, Operation, Transport
from autobot.testing.conformance.links import CalleeError
from autobot.testing.conformance.transport import PATIENCE_S, Other, Served, TransportSuite

Call = Callable[[str, CallContext], Coroutine[Any, Any, str]]
Stream = Callable[[str, CallContext], AsyncIterator[str]]

CALLER: Final = CallContext(
    correlation_id="conformance-1",
    principal=Principal(
        id="key-1",
        kind="key",
        role="operator",
        user_id="ann",
        tenant="acme",
        scopes=frozenset({"chat:read", "chat:write"}),
        username="Änn",
    ),
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16, flags=1, state="congo=1"),
    causation_id="message-1",
    baggage=(("user_id", "ann"), ("tenant_id", "acme")),
    attempt=2,
    client="2001:db8::1",
)
"""A context that says everything that a context can say."""

ERRORS: Final[tuple[AutoBotError, ...]] = (
    NotFound("gone", hint="Look elsewhere."),
    InvalidInput("2 rules", errors=(FieldError(detail="too long", pointer="#/a"),)),
    WrongExpectedVersion("chat-1", -1, 7),
    QuotaExceeded("spent", retry_after=2.5, policies=("burst",)),
    Absent("ollama", "not there", hint="autobot add local-llm"),
    Overloaded("too many sign in", link="", retry_after=1.0),
    ConnectFailed("down", link="ai-ollama", target="http://127.0.0.1:11434"),
    DeadlineExceeded("spent"),
)
"""What handlers raise: refusals, a part that is missing, the failure of a hop of their own."""


class Carried(NamedTuple):
    """A transport whose other side has the given handlers."""

    transport: Transport
    target: str


def _operation(name: str) -> Operation:
    return Operation(name=name, effect=Effect.FREE)


class CallsSuite(TransportSuite):
    """Carries calls from text to text to handlers by operation name."""

    @abstractmethod
    def carrying(
        self, calls: Mapping[str, Call], streams: Mapping[str, Stream]
    ) -> AbstractAsyncContextManager[Carried]:
        """Serve these handlers for a block."""

    def payload(self, operation: Operation, text: str) -> Any:
        """Return the text itself."""
        return text

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        """Serve the operations of `TransportSuite`."""
        other = Other()
        async with self.carrying(*handlers(other)) as (transport, target):
            yield Served(transport=transport, target=target, other=other)

    # ------------------------------------------------------------------------------------------ context

    async def _seen(self, sent: CallContext) -> CallContext:
        seen: list[CallContext] = []

        async def look(payload: str, context: CallContext) -> str:
            seen.append(context)
            return payload

        async with self.carrying({"look": look}, {}) as (transport, target):
            await transport.call(target, _operation("look"), "", sent)
        return seen[0]

    @pytest.mark.anyio
    async def test_the_context_arrives_whole(self) -> None:
        """Who calls, why, for whom and how often it was tried arrive as they were; the trace goes on."""
        seen = await self._seen(CALLER)
        assert replace(seen, trace=CALLER.trace, deadline=None) == CALLER
        assert (seen.trace.trace_id, seen.trace.flags) == (CALLER.trace.trace_id, CALLER.trace.flags)

    @pytest.mark.anyio
    async def test_callers_are_told_apart(self) -> None:
        """Two callers at once are each seen as themselves."""
        other = replace(CALLER.principal, id="key-2", user_id="bob", tenant="other", scopes=frozenset())
        seen: dict[str, Principal] = {}
        both = asyncio.Event()

        async def look(payload: str, context: CallContext) -> str:
            seen[payload] = context.principal
            if len(seen) == 2:
                both.set()
            await both.wait()
            return context.principal.user_id

        async with self.carrying({"look": look}, {}) as (transport, target):
            answers = await asyncio.gather(
                transport.call(target, _operation("look"), "1", CALLER),
                transport.call(target, _operation("look"), "2", replace(CALLER, principal=other)),
            )
        assert tuple(answers) == ("ann", "bob")
        assert seen == {"1": CALLER.principal, "2": other}

    @pytest.mark.anyio
    async def test_what_is_left_of_the_deadline_arrives(self) -> None:
        """The callee sees about what is left: not its own limit, which is longer, nor nothing."""
        ends = asyncio.get_running_loop().time() + 30.0
        seen = (await self._seen(replace(CALLER, deadline=ends))).deadline
        assert seen is not None
        assert ends - 5.0 <= seen <= ends + 5.0

    # ------------------------------------------------------------------------------------------- errors

    @pytest.mark.anyio
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    async def test_errors_arrive_as_what_they_were(self, error: AutoBotError) -> None:
        """A refusal is raised as the same class with the same members: by a call, and by a stream at any place."""

        async def raises(payload: str, context: CallContext) -> str:
            raise error

        async def streams(payload: str, context: CallContext) -> AsyncIterator[str]:
            if payload:
                yield payload
            raise error

        async with self.carrying({"raises": raises}, {"streams": streams}) as (transport, target):
            found = [await _caught(transport.call(target, _operation("raises"), "", CALLER))]
            for first in ("", "a"):
                got: list[str] = []
                chunks = transport.stream(target, _operation("streams"), first, CALLER)
                found.append(await _caught(_read(chunks, got)))
                assert "".join(got) == first
        for one in found:
            assert type(one) is type(error)
            assert vars(one) == vars(error)

    @pytest.mark.anyio
    async def test_an_operation_that_nobody_handles_is_absent(self) -> None:
        """It says so at once, for calls and streams."""
        async with self.carrying({}, {}) as (transport, target):
            with pytest.raises(Absent):
                await transport.call(target, _operation("none"), "", CALLER)
            with pytest.raises(Absent):
                await anext(transport.stream(target, _operation("none"), "", CALLER))

    # ------------------------------------------------------------------------------- work under load

    @pytest.mark.anyio
    async def test_a_hundred_at_once(self) -> None:
        """A hundred calls and streams that all wait for one another are served side by side."""
        gate = asyncio.Barrier(100)

        async def meet(payload: str, context: CallContext) -> str:
            await gate.wait()
            return payload

        async def stream(payload: str, context: CallContext) -> AsyncIterator[str]:
            await gate.wait()
            for letter in payload:
                yield letter

        async def read(transport: Transport, target: str, text: str) -> str:
            got: list[str] = []
            await _read(transport.stream(target, _operation("stream"), text, CALLER), got)
            return "".join(got)

        texts = [f"text {number}" for number in range(50)]
        async with self.carrying({"meet": meet}, {"stream": stream}) as (transport, target):
            async with asyncio.timeout(PATIENCE_S):
                answers = await asyncio.gather(
                    *(transport.call(target, _operation("meet"), text, CALLER) for text in texts),
                    *(read(transport, target, text) for text in texts),
                )
        assert answers == texts * 2

    @pytest.mark.anyio
    async def test_large_texts_arrive_whole(self) -> None:
        """A megabyte goes and comes, and so do chunks of it."""
        large = "ü€😀x" * 100_000

        async def echo(payload: str, context: CallContext) -> str:
            return payload

        async def twice(payload: str, context: CallContext) -> AsyncIterator[str]:
            yield payload
            yield payload

        async with self.carrying({"echo": echo}, {"twice": twice}) as (transport, target):
            assert await transport.call(target, _operation("echo"), large, CALLER) == large
            got: list[str] = []
            await _read(transport.stream(target, _operation("twice"), large, CALLER), got)
        assert got == [large, large]

    @pytest.mark.anyio
    async def test_cancellation_reaches_the_innermost_call(self) -> None:
        """A caller that gives up ends the callee's whole tree of tasks, of calls and of streams that are silent."""
        begun, ended = asyncio.Event(), asyncio.Semaphore(0)

        async def leaf() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.release()

        async def tree(payload: str, context: CallContext) -> str:
            async with asyncio.TaskGroup() as group:
                group.create_task(leaf())
                group.create_task(leaf())
            return payload

        async def silent(payload: str, context: CallContext) -> AsyncIterator[str]:
            yield "a"
            await tree(payload, context)

        async with self.carrying({"tree": tree}, {"silent": silent}) as (transport, target):
            for work in (
                lambda: transport.call(target, _operation("tree"), "", CALLER),
                lambda: _read(transport.stream(target, _operation("silent"), "", CALLER), []),
            ):
                begun.clear()
                async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                    waiting = group.create_task(_given(work()))
                    await begun.wait()
                    waiting.cancel()
                    await ended.acquire()
                    await ended.acquire()
                assert waiting.cancelled()


async def _given(work: Any) -> Any:
    return await work


async def _caught(work: Any) -> AutoBotError:
    try:
        await work
    except AutoBotError as error:
        return error
    raise AssertionError("nothing was raised")


async def _read(chunks: AsyncIterator[str], got: list[str]) -> None:
    try:
        async for chunk in chunks:
            got.append(chunk)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def handlers(other: Other) -> tuple[dict[str, Call], dict[str, Stream]]:
    """Return handlers of the operations that `Served` names."""

    async def echo(payload: str, context: CallContext) -> str:
        return payload

    async def fail(payload: str, context: CallContext) -> str:
        raise CalleeError

    async def hang(payload: str, context: CallContext) -> str:
        other.hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            other.left.set()
        raise AssertionError("unreachable")

    async def letters(payload: str, context: CallContext) -> AsyncIterator[str]:
        other.begins("count")
        for letter in "abc":
            yield letter

    async def endless(payload: str, context: CallContext) -> AsyncIterator[str]:
        try:
            while True:
                yield "."
        finally:
            other.left.set()

    async def breaking(payload: str, context: CallContext) -> AsyncIterator[str]:
        yield "a"
        raise CalleeError

    return {"echo": echo, "fail": fail, "hang": hang}, {
        "count": letters,
        "endless": endless,
        "break": breaking,
    }
