"""Answers of the OpenAI dialect: streamed chunks and whole completions, read into the language of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from autobot.contracts.models import (
    Chunk,
    Finished,
    FinishReason,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    Usage,
)
from autobot.kernel.core.errors import BadAnswer, ConnectionLost, RemoteError, RemoteThrottled

CALLS_MAX: Final = 128
ARGUMENTS_MAX: Final = 1 << 20

_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Call:
    """A tool call whose name and arguments come in fragments."""

    __slots__ = ("arguments", "id", "name", "size")

    def __init__(self) -> None:
        self.id, self.name = "", ""
        self.arguments: list[str] = []
        self.size = 0


class AnswerReader:
    """Reads one answer. Feed each decoded event to `take`, then ask for the `end`.

    Tool calls are given whole, once, just before the end. A server that leaves out the finish reason or
    `[DONE]`, but not both, is understood. Raises BadAnswer, RemoteError or ConnectionLost naming `link`
    and `target`.
    """

    def __init__(self, served_by: ServedBy) -> None:
        self._served_by = served_by
        self._link, self._target = served_by.link, served_by.target
        self._calls: dict[int, _Call] = {}
        self._reason: str | None = None
        self._usage = Usage()
        self._wrote = False
        self.done = False

    def text(self, document: Any) -> str | None:
        """Return the text of a chunk that adds text and says nothing else, None for any other."""
        try:
            choice = document["choices"][0]
            delta = choice["delta"]
            text = delta["content"]
        except (KeyError, IndexError, TypeError):
            return None
        if type(text) is not str or not text or len(delta) != 1 or document.get("usage") is not None:
            return None
        if choice.get("finish_reason") is not None or choice.get("index", 0) != 0:
            return None
        self._wrote = True
        return text

    def take(self, document: Any) -> tuple[Chunk, ...]:
        """Return what one `chat.completion.chunk` (or whole `chat.completion`) adds to show."""
        if type(document) is not dict:
            raise self._bad("an event is not a JSON object")
        if (usage := document.get("usage")) is not None:
            self._usage = usage_of(usage)
        choices = document.get("choices")
        if not choices:
            if document.get("error") is not None:
                raise self._error(document["error"])
            if choices is None and usage is None:
                raise self._bad("an event has no choices")
            return ()
        choice = choices[0] if type(choices) is list else None
        if type(choice) is not dict:
            raise self._bad("choices is not a list of objects")
        if choice.get("index", 0) != 0:
            return ()
        if (reason := choice.get("finish_reason")) is not None:
            self._reason = str(reason)
        delta = choice.get("delta") or choice.get("message")
        if not delta:
            return ()
        if type(delta) is not dict:
            raise self._bad("a delta is not an object")
        return self._delta(delta)

    def end(self) -> list[Chunk]:
        """Return the tool calls, if any, and the end. Raises ConnectionLost when the answer was cut off."""
        if self._reason is None and not self.done:
            raise ConnectionLost(
                "The model server closed the connection before its answer ended.",
                link=self._link,
                target=self._target,
            )
        calls = tuple(self._whole_call(self._calls[index]) for index in sorted(self._calls))
        reason = _REASONS.get(self._reason or "stop", "stop")
        chunks: list[Chunk] = []
        if calls:
            chunks.append(ToolCallsDelta(calls=calls))
            reason = "tool_calls" if reason == "stop" else reason
        elif reason == "tool_calls":
            raise self._bad("it ended for tool calls and made none")
        empty = not (self._wrote or calls)
        chunks.append(Finished(reason=reason, usage=self._usage, served_by=self._served_by, empty=empty))
        return chunks

    def _delta(self, delta: dict[str, Any]) -> tuple[Chunk, ...]:
        if (calls := delta.get("tool_calls")) is not None:
            self._collect(calls)
        thoughts = delta.get("reasoning_content") or delta.get("reasoning")
        text = delta.get("content") or delta.get("refusal")
        if not text:
            return (ThinkingDelta(text=thoughts),) if thoughts and type(thoughts) is str else ()
        if type(text) is not str:
            raise self._bad("content is not text")
        self._wrote = True
        written = TextDelta(text=text)
        return (ThinkingDelta(text=thoughts), written) if type(thoughts) is str and thoughts else (written,)

    def _collect(self, calls: Any) -> None:
        if type(calls) is not list:
            raise self._bad("tool_calls is not a list")
        for position, one in enumerate(calls):
            function = one.get("function") if type(one) is dict else None
            if type(function) is not dict:
                raise self._bad("a tool call has no function")
            index = one.get("index")
            index = position if index is None else index
            if type(index) is not int or not 0 <= index < CALLS_MAX:
                raise self._bad(f"a tool call has the index {index!r}")
            call = self._calls.setdefault(index, _Call())
            call.id = call.id or _text(one.get("id"))
            call.name = call.name or _text(function.get("name"))
            more = function.get("arguments")
            if type(more) is dict:
                more = json.dumps(more)
            if more:
                call.arguments.append(_text(more))
                call.size += len(call.arguments[-1])
            if call.size > ARGUMENTS_MAX:
                raise self._bad(f"the arguments of a tool call are longer than {ARGUMENTS_MAX} characters")

    def _whole_call(self, call: _Call) -> ToolCall:
        if not call.name:
            raise self._bad("a tool call has no name")
        try:
            arguments = json.loads("".join(call.arguments) or "{}")
        except ValueError as error:
            raise self._bad(f"the arguments of its call of {call.name[:64]} are not JSON") from error
        if not isinstance(arguments, dict):
            raise self._bad(f"the arguments of its call of {call.name[:64]} are not an object")
        position = next(index for index, one in self._calls.items() if one is call)
        return ToolCall(id=call.id or f"call_{position}", name=call.name, arguments=arguments)

    def _bad(self, what: str) -> BadAnswer:
        return BadAnswer(
            f"The model server's answer breaks its dialect: {what}.", link=self._link, target=self._target
        )

    def _error(self, error: Any) -> RemoteError:
        code = error.get("code") if isinstance(error, dict) else None
        status = code if type(code) is int and 400 <= code <= 599 else 500
        kind = RemoteThrottled if status == 429 else RemoteError
        return kind(
            f"The model server reported an error in the middle of its answer ({status}).",
            status=status,
            link=self._link,
            target=self._target,
            body=json.dumps({"error": error}).encode()[:65_536],
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def usage_of(usage: Any) -> Usage:
    """Return the tokens that a `usage` member counts; what is missing or no count is None."""
    if not isinstance(usage, dict):
        return Usage()
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(
        prompt_tokens=prompt if type(prompt) is int and prompt >= 0 else None,
        completion_tokens=completion if type(completion) is int and completion >= 0 else None,
    )
