"""What `LanguageModel` promises. Subclass `LanguageModelSuite` and override `open`.

Providers differ in what they can do; a `Subject` says so as data, and the suite asks accordingly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from autobot.contexts.agents.ports import (
    Chunk,
    Finished,
    FinishReason,
    GenerateRequest,
    LanguageModel,
    ModelMessage,
    TextDelta,
    ThinkingDelta,
    ToolCallsDelta,
    ToolSpec,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, NotFound

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A provider under test.

    Attributes:
        model: the adapter.
        context: what it is called with.
        name: a model of it that generates `text` whatever it is asked.
        deltas: the least number of deltas that it comes in: 1 where a server is so fast that pieces meet.
        tool: a tool that it calls with `arguments` when it is offered (by `tool_model`); None when it calls none.
        embedder: a model of it that embeds, None when it has none.
        limits: whether it honours `max_tokens`.
        window: whether the list tells the window of `name`.
        any_name: the server has one model and takes every name for it.
    """

    model: LanguageModel
    context: CallContext
    name: str
    text: str
    deltas: int = 2
    tool: ToolSpec | None = None
    arguments: dict[str, Any] | None = None
    tool_model: str = ""
    embedder: str | None = None
    limits: bool = True
    window: bool = True
    any_name: bool = False


def question(model: str, **more: Any) -> GenerateRequest:
    """Return a request with one question."""
    return GenerateRequest(model=model, messages=(ModelMessage(role="user", content="Say it. 🦊"),), **more)


class LanguageModelSuite:
    """One test a promise."""

    def open(self) -> AbstractAsyncContextManager[Subject]:
        """Return a new subject for a block."""
        raise AssertionError("the subclass opens its subject")

    async def _all(self, subject: Subject, request: GenerateRequest) -> list[Chunk]:
        async with asyncio.timeout(PATIENCE_S):
            return [chunk async for chunk in subject.model.generate(request, subject.context)]

    @pytest.mark.anyio
    async def test_the_text_comes_whole_once_and_in_order(self) -> None:
        """The deltas joined are the text: nothing is dropped, doubled or changed in order; none is empty."""
        async with self.open() as subject:
            chunks = await self._all(subject, question(subject.name))
            deltas = [one.text for one in chunks if isinstance(one, TextDelta)]
            assert "".join(deltas) == subject.text
            assert len(deltas) >= subject.deltas
            assert all(deltas)

    @pytest.mark.anyio
    async def test_there_is_one_end_and_it_is_last(self) -> None:
        """Every answer has exactly one Finished, after everything else."""
        async with self.open() as subject:
            chunks = await self._all(subject, question(subject.name))
            assert [isinstance(one, Finished) for one in chunks] == [False] * (len(chunks) - 1) + [True]
            kinds = (TextDelta, ThinkingDelta, ToolCallsDelta, Finished)
            assert all(isinstance(one, kinds) for one in chunks)

    @pytest.mark.anyio
    async def test_the_end_tells_why_by_whom_and_how_much(self) -> None:
        """Reason, provider, link and model are right; counts are what was counted, or nothing."""
        async with self.open() as subject:
            end = _end(await self._all(subject, question(subject.name)))
            assert end.reason == "stop"
            assert end.reason in get_args(FinishReason)
            assert not end.empty
            assert end.served_by is not None
            assert end.served_by.provider == subject.model.provider
            assert end.served_by.link == subject.model.link_id
            assert end.served_by.model == subject.name
            assert end.served_by.target
            assert not end.served_by.fallback, "only the facade knows of a chain"
            for count in (end.usage.prompt_tokens, end.usage.completion_tokens):
                assert count is None or count > 0

    @pytest.mark.anyio
    async def test_the_models_are_listed_with_what_they_can_do(self) -> None:
        """The list names the model once, with a positive window where the provider tells one."""
        async with self.open() as subject:
            found = await subject.model.models(subject.context)
            assert len({one.id for one in found}) == len(found)
            one = next(one for one in found if one.id == subject.name)
            assert one.generates
            assert (one.window is not None) == subject.window
            assert all(info.window is None or info.window > 0 for info in found)
            if subject.embedder:
                assert next(info for info in found if info.id == subject.embedder).embeds

    @pytest.mark.anyio
    async def test_an_unknown_model_is_not_found(self) -> None:
        """A name that the provider does not have raises NotFound before any chunk."""
        async with self.open() as subject:
            if subject.any_name:
                return
            with pytest.raises(NotFound):
                await self._all(subject, question("there-is-no-such-model"))

    @pytest.mark.anyio
    async def test_a_limit_ends_the_answer_and_says_so(self) -> None:
        """With room for one token the answer is shorter and ends for its length."""
        async with self.open() as subject:
            if not subject.limits:
                return
            chunks = await self._all(subject, question(subject.name, max_tokens=1))
            text = "".join(one.text for one in chunks if isinstance(one, TextDelta))
            assert _end(chunks).reason == "length"
            assert len(text) < len(subject.text)
            assert subject.text.startswith(text)

    @pytest.mark.anyio
    async def test_a_tool_call_comes_whole(self) -> None:
        """A call has an id, a name and its arguments as an object, and the end says that it ended for it."""
        async with self.open() as subject:
            if subject.tool is None:
                return
            chunks = await self._all(subject, question(subject.tool_model, tools=(subject.tool,)))
            calls = [call for one in chunks if isinstance(one, ToolCallsDelta) for call in one.calls]
            assert [(one.name, dict(one.arguments)) for one in calls] == [
                (subject.tool.name, subject.arguments)
            ]
            assert all(one.id for one in calls)
            end = _end(chunks)
            assert (end.reason, end.empty) == ("tool_calls", False)

    @pytest.mark.anyio
    async def test_two_answers_at_once_do_not_mix(self) -> None:
        """Answers that are written side by side are each whole."""
        async with self.open() as subject, asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._all(subject, question(subject.name))) for _ in range(3)]
        for task in tasks:
            assert "".join(one.text for one in task.result() if isinstance(one, TextDelta)) == subject.text

    @pytest.mark.anyio
    async def test_an_answer_that_is_closed_early_leaves_the_model_usable(self) -> None:
        """Closing after the first chunk raises nothing, and the next answer is whole."""
        async with self.open() as subject:
            chunks = subject.model.generate(question(subject.name), subject.context)
            await anext(aiter(chunks))
            await _close(chunks)
            again = await self._all(subject, question(subject.name))
            assert "".join(one.text for one in again if isinstance(one, TextDelta)) == subject.text

    @pytest.mark.anyio
    async def test_an_answer_that_is_cancelled_leaves_the_model_usable(self) -> None:
        """Cancelling the reader ends it at once, and the next answer is whole."""
        async with self.open() as subject:
            first = asyncio.Event()

            async def read() -> None:
                async for _ in subject.model.generate(question(subject.name), subject.context):
                    first.set()
                    await asyncio.Event().wait()

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                reading = group.create_task(read())
                await first.wait()
                reading.cancel()
            again = await self._all(subject, question(subject.name))
            assert "".join(one.text for one in again if isinstance(one, TextDelta)) == subject.text

    @pytest.mark.anyio
    async def test_vectors_come_in_the_order_of_the_texts(self) -> None:
        """One vector a text, all of one length, the same text the same vector; or the part is absent."""
        async with self.open() as subject:
            if subject.embedder is None:
                with pytest.raises((Absent, NotFound)):
                    await subject.model.embed("there-is-no-such-model", ["a"], subject.context)
                return
            texts = ["one", "three", "one"]
            found = await subject.model.embed(subject.embedder, texts, subject.context)
            assert len(found.vectors) == len(texts)
            assert len({len(one) for one in found.vectors}) == 1
            assert list(found.vectors[0]) == list(found.vectors[2]) != list(found.vectors[1])


def _end(chunks: Sequence[Chunk]) -> Finished:
    assert chunks
    assert isinstance(chunks[-1], Finished)
    return chunks[-1]


async def _close(chunks: AsyncIterator[Chunk]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
