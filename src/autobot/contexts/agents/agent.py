"""Agents and the factory that makes them. An agent's loop is a durable run: model step, tool steps, model step …"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final, Protocol

from autobot.contexts.agents import ports
from autobot.contexts.agents.rewriting import Rewriting, Rewritten
from autobot.contexts.agents.tools import ToolBox, ToolFailed, cited
from autobot.contracts.chat import AS_ASKED, DocumentUse, Grounding, Reply, Route, Thread, ToolCallView, Usage
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import BadAnswer
from autobot.kernel.sagas.run import Run

CHAT: Final = "chat"
"""The kind of the chat agent."""

DOCUMENTS: Final = "documents"
"""The kind of the agent that searches documents before a model answers."""

ROUNDS_MAX: Final = 8
"""Model steps of one reply; a model that still wants tools after so many is answered without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The recorded output of one model step."""

    text: str = ""
    thinking: str = ""
    calls: tuple[ports.ToolCall, ...] = ()
    finish_reason: str = "stop"
    usage: ports.Usage = field(default_factory=ports.Usage)
    served_by: ports.ServedBy | None = None
    citations: tuple[ports.Citation, ...] = ()
    window: int | None = None
    left_out: tuple[str, ...] = ()
    given: tuple[str, ...] | None = None
    """Sources of passages that the model had before it; None: all that were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What goes to a model: fitted to its window, with the ids of the messages that do not fit and the sources of the
    passages that do (None: all), and who is asked first: the model's name and the link that leads to it."""

    request: ports.GenerateRequest
    window: int | None
    left_out: tuple[str, ...]
    first_target: str
    first_link: str
    given: tuple[str, ...] | None = None


class Models(Protocol):
    """The model facade as agents use it; every call runs on the Agents → LLM Interface row."""

    async def prepare(
        self,
        model: str,
        messages: tuple[tuple[str, ports.ModelMessage], ...],
        tools: tuple[ports.ToolSpec, ...],
        context: CallContext,
    ) -> Prompt:
        """Fit messages (each with its id) to the model's window."""
        ...

    def generate(self, request: ports.GenerateRequest, context: CallContext) -> AsyncIterator[ports.Chunk]:
        """Generate by the model or, before its first chunk, by the next of its failover chain."""
        ...


class Agent(Protocol):
    """Answers one thread inside a run."""

    async def execute(self, run: Run, thread: Thread) -> Reply:
        """Write the reply through `run.write` and return it whole."""
        ...


class ChatAgent:
    """A model with tools, in a loop of durable steps.

    With `begins_with` a tool is called with the question before the model is asked for the first time, as if the model
    had wanted it: what that found is part of the prompt, also of models that cannot call tools.
    """

    def __init__(
        self,
        model: str,
        models: Models,
        tools: ToolBox,
        system_prompt: str,
        clock: Clock,
        first_tool: str = "",
        begins_with: str = "",
        rewriting: Rewriting | None = None,
    ) -> None:
        self._rewriting = rewriting
        self._begins_with = begins_with
        self._model, self._models, self._tools, self._first_tool = model, models, tools, first_tool
        self._system_prompt, self._clock = system_prompt, clock

    async def execute(self, run: Run, thread: Thread) -> Reply:
        """Run the loop until the model answers without wanting a tool."""
        messages = self._messages(thread)
        tools = self._tools.specs(run.context)
        turns: list[Turn] = []
        calls: list[ToolCallView] = []
        rewritten: Rewritten | None = None
        if self._begins_with:
            rewritten = await self._rewritten(run, thread)
            question = rewritten.query if rewritten else thread.messages[-1].content
            first = ports.ToolCall(id="first", name=self._begins_with, arguments={"query": question})
            await self._use(run, "", (first,), messages, calls)
        for number in range(ROUNDS_MAX):
            offered = self._offered(number, tools)
            turn = await self._model_step(run, number, messages, offered)
            turns.append(turn)
            run.text = "".join(one.text for one in turns)
            if not turn.calls:
                break
            await self._use(run, turn.text, turn.calls, messages, calls)
        return _reply(turns, calls, rewritten)

    async def _rewritten(self, run: Run, thread: Thread) -> Rewritten | None:
        """Return what to search for in place of a follow-up question; None where it is searched for as it was said."""
        if self._rewriting is None:
            return None
        return await self._rewriting.question(run, self._model, thread.messages)

    async def _use(
        self,
        run: Run,
        text: str,
        wanted: tuple[ports.ToolCall, ...],
        messages: list[tuple[str, ports.ModelMessage]],
        calls: list[ToolCallView],
    ) -> None:
        """Call tools and add what they answered to the prompt."""
        messages.append(("", ports.ModelMessage(role="assistant", content=text, tool_calls=wanted)))
        for call in wanted:
            view = await self._tool_step(run, call)
            calls.append(view)
            answer = ports.ModelMessage(
                role="tool", content=view.result or "", tool_call_id=call.id, name=call.name
            )
            messages.append(("", answer))

    def _offered(self, number: int, tools: tuple[ports.ToolSpec, ...]) -> tuple[ports.ToolSpec, ...]:
        """Return the tools of a round: in the first the one that the question asks for, then all, in the last none."""
        if number == ROUNDS_MAX - 1:
            return ()
        named = tuple(one for one in tools if one.name == self._first_tool) if number == 0 else ()
        return named or tools

    def _messages(self, thread: Thread) -> list[tuple[str, ports.ModelMessage]]:
        """Return the prompt. System messages at its beginning are one: many templates take no second one."""
        said = [one for one in thread.messages if one.content]
        leading = list(takewhile(lambda one: one.role == "system", said))
        messages: list[tuple[str, ports.ModelMessage]] = []
        system = "\n\n".join(filter(None, (self._system_prompt, *(one.content for one in leading))))
        if system:
            messages.append(("", ports.ModelMessage(role="system", content=system)))
        messages.extend(
            (one.id, ports.ModelMessage(role=one.role, content=one.content)) for one in said[len(leading) :]
        )
        return messages

    async def _model_step(
        self,
        run: Run,
        number: int,
        messages: list[tuple[str, ports.ModelMessage]],
        tools: tuple[ports.ToolSpec, ...],
    ) -> Turn:
        prompt = await self._models.prepare(self._model, tuple(messages), tools, run.context)

        async def work() -> Turn:
            run.wait_for(
                prompt.first_link, prompt.first_target, f"Waiting for {prompt.first_target} to answer"
            )
            return await collect(run, self._models.generate(prompt.request, run.context), prompt)

        # The system prompt is a setting, which may change between a crash and the replay: it is no part of the run.
        said = [one.content for _, one in messages if one.role != "system"]
        given = {"model": self._model, "messages": said}
        return await run.step(
            f"model-{number}",
            "model",
            work,
            Turn,
            given=given,
            link=prompt.first_link,
            target=prompt.first_target,
            detail={"model": self._model, "left_out": list(prompt.left_out)},
        )

    async def _tool_step(self, run: Run, call: ports.ToolCall) -> ToolCallView:
        async def work() -> ToolCallView:
            began = self._clock.monotonic()
            state: Any = "completed"
            try:
                result = await self._tools.call(call.name, call.arguments, run.context)
            except ToolFailed as error:
                state, result = "failed", error.detail
            took = (self._clock.monotonic() - began) * 1000
            return ToolCallView(
                id=call.id,
                name=call.name,
                arguments=dict(call.arguments),
                state=state,
                result=result,
                duration_ms=took,
            )

        return await run.step(
            f"tool-{call.name}",
            "tool",
            work,
            ToolCallView,
            given={"name": call.name, "arguments": dict(call.arguments)},
            resumable=True,
            detail={"id": call.id, "name": call.name, "arguments": dict(call.arguments)},
        )


async def collect(run: Run, chunks: AsyncIterator[ports.Chunk], prompt: Prompt) -> Turn:
    """Show a model's chunks as they come and return the whole turn. Raises BadAnswer without an end.

    Reads to the end of the stream, and closes it when the run is stopped, so that the links below know at
    once how it went.
    """
    text: list[str] = []
    thinking: list[str] = []
    calls: list[ports.ToolCall] = []
    end: ports.Finished | None = None
    try:
        async for chunk in chunks:
            run.waiting = None
            match chunk:
                case ports.TextDelta(text=more):
                    text.append(more)
                    await run.write(more)
                case ports.ThinkingDelta(text=more):
                    thinking.append(more)
                case ports.ToolCallsDelta(calls=more_calls):
                    calls.extend(more_calls)
                case ports.Finished():
                    end = chunk
    finally:
        await ports.close_chunks(chunks)
    if end is None:
        raise BadAnswer("The model's answer has no end.", link="agents-llm")
    return Turn(
        text="".join(text),
        thinking="".join(thinking),
        calls=tuple(calls),
        finish_reason=end.reason,
        usage=end.usage,
        served_by=end.served_by,
        citations=end.citations,
        window=prompt.window,
        left_out=prompt.left_out,
        given=prompt.given,
    )


def _reply(turns: list[Turn], calls: list[ToolCallView], rewritten: Rewritten | None) -> Reply:
    last = turns[-1]
    served = last.served_by
    # A model may rest on all that it was given; the assistant quotes, and knows what.
    by_itself = served is not None and served.provider == ports.ASSISTANT
    prompt = [one.usage.prompt_tokens for one in turns if one.usage.prompt_tokens is not None]
    completion = [one.usage.completion_tokens for one in turns if one.usage.completion_tokens is not None]
    given = _given(turns)
    found = cited(calls)
    rested = found if given is None else tuple(one for one in found if one.source in given)
    return Reply(
        content="".join(one.text for one in turns),
        status="complete",
        model=served.model if served else None,
        served_by=served,
        usage=Usage(
            prompt_tokens=prompt[-1] if prompt else None,
            completion_tokens=sum(completion) if completion else None,
            window=last.window,
        ),
        finish_reason=last.finish_reason,
        tool_calls=tuple(calls),
        citations=last.citations if by_itself else (*last.citations, *rested),
        left_out=last.left_out,
        grounding=_grounding(rewritten, len(found), len(rested)),
    )


def _given(turns: list[Turn]) -> frozenset[str] | None:
    """Return the sources of the passages that a model had before it, None for all."""
    noted = [one.given for one in turns if one.given is not None]
    return frozenset(source for one in noted for source in one) if len(noted) == len(turns) else None


def _grounding(rewritten: Rewritten | None, found: int, given: int) -> Grounding | None:
    """Return what documents gave to an answer, None where nobody looked for any."""
    if rewritten is None:
        return Grounding(found=found, given=given) if found else None
    return Grounding(
        question=rewritten.query if rewritten.model else "",
        rewritten_by=rewritten.model,
        not_rewritten=rewritten.why,
        found=found,
        given=given,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the orchestrator decided: a kind of agent, its model, and why; what the question is about, and which
    documents the answer may rest on."""

    agent: str
    model: str
    why: str
    route: Route | None = None
    documents: DocumentUse = AS_ASKED

    @property
    def first_tool(self) -> str:
        """The name of the tool that the question surely asks for, if there is a tool of that name. Who began with it
        chooses freely then."""
        if self.agent == DOCUMENTS:
            return ""
        return self.route.intent if self.route is not None and self.route.sure else ""


Build = Callable[[Choice], Agent]


class AgentFactory:
    """Creates agents by kind (the specification's `agent_factory.create(type)`)."""

    def __init__(self, kinds: Mapping[str, Build]) -> None:
        self._kinds = dict(kinds)

    def create(self, choice: Choice) -> Agent:
        """Return a new agent; ValueError for a kind that nobody registered."""
        build = self._kinds.get(choice.agent)
        if build is None:
            raise ValueError(f"no agent of kind {choice.agent}")
        return build(choice)


def with_status(reply: Reply, status: Any, error: Any) -> Reply:
    """Return the reply as a failed, stopped or interrupted one."""
    return replace(reply, status=status, error=error)
