"""Answers of the OpenAI dialect: whole completions, and stream chunks written without building a document."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Mapping, Sequence
from sys import byteorder
from typing import Any, Final

import orjson

from autobot.contracts.models import (
    Embeddings,
    Finished,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    Usage,
)

DONE: Final = b"data: [DONE]\n\n"


def usage_document(usage: Usage) -> dict[str, int]:
    """Return `usage`; what the provider did not count is 0, which the dialect wants as a number."""
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def served_document(served: ServedBy | None) -> dict[str, Any] | None:
    """Return who served, as our own member `autobot` of an answer."""
    if served is None:
        return None
    return {
        "link": served.link,
        "target": served.target,
        "provider": served.provider,
        "model": served.model,
        "fallback": served.fallback,
        "cached": served.cached,
    }


def _calls(calls: Sequence[ToolCall], first: int | None) -> list[dict[str, Any]]:
    return [
        {
            **({} if first is None else {"index": first + position}),
            "id": call.id,
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
            },
        }
        for position, call in enumerate(calls)
    ]


class ChunkWriter:
    """Writes the events of one streamed answer."""

    __slots__ = ("_before", "_between", "_calls", "_created", "_id", "_model", "_usage")

    def __init__(self, answer_id: str, created: int, model: str, *, include_usage: bool) -> None:
        self._id, self._created, self._model, self._usage = answer_id, created, model, include_usage
        head = b'data: {"id":"%b","object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
            answer_id.encode(),
            created,
            orjson.dumps(model),
        )
        self._before = head + b'{"index":0,"delta":'
        self._between = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._calls = 0

    def begin(self) -> bytes:
        """Return the event that names the role."""
        return self._before + b'{"role":"assistant","content":""},"finish_reason":null}' + self._between

    def text(self, chunk: TextDelta) -> bytes:
        """Return the event of more text."""
        return (
            self._before
            + b'{"content":'
            + orjson.dumps(chunk.text)
            + b'},"finish_reason":null}'
            + self._between
        )

    def thinking(self, chunk: ThinkingDelta) -> bytes:
        """Return the event of more thoughts, in the member that reasoning servers use."""
        delta = b'{"reasoning_content":' + orjson.dumps(chunk.text) + b"}"
        return self._before + delta + b',"finish_reason":null}' + self._between

    def tool_calls(self, chunk: ToolCallsDelta) -> bytes:
        """Return the event of whole tool calls."""
        delta = orjson.dumps({"tool_calls": _calls(chunk.calls, self._calls)})
        self._calls += len(chunk.calls)
        return self._before + delta + b',"finish_reason":null}' + self._between

    def end(self, end: Finished) -> bytes:
        """Return the last events: the reason, the usage when it was asked for, and `[DONE]`."""
        reason = b'{},"finish_reason":"%b"}' % end.reason.encode()
        events = self._before + reason + self._between
        served = served_document(end.served_by)
        if self._usage:
            document = {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self._model,
                "choices": [],
                "usage": usage_document(end.usage),
                "autobot": {"served_by": served},
            }
            events += b"data: " + orjson.dumps(document) + b"\n\n"
        return events + DONE


class WholeAnswer:
    """Gathers one answer that is not streamed."""

    def __init__(self, answer_id: str, created: int, model: str) -> None:
        self._id, self._created, self._model = answer_id, created, model
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[ToolCall] = []

    def add(self, chunk: TextDelta | ThinkingDelta | ToolCallsDelta) -> None:
        """Take a chunk."""
        if type(chunk) is TextDelta:
            self._text.append(chunk.text)
        elif type(chunk) is ThinkingDelta:
            self._thoughts.append(chunk.text)
        elif type(chunk) is ToolCallsDelta:
            self._calls.extend(chunk.calls)

    def document(self, end: Finished) -> bytes:
        """Return the `chat.completion`."""
        text = "".join(self._text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        if self._calls:
            message["tool_calls"] = _calls(self._calls, None)
            message["content"] = text or None
        return orjson.dumps(
            {
                "id": self._id,
                "object": "chat.completion",
                "created": self._created,
                "model": self._model,
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": end.reason}],
                "usage": usage_document(end.usage),
                "autobot": {"served_by": served_document(end.served_by)},
            }
        )


def embeddings_document(
    found: Embeddings, model: str, *, packed: bool, more: Mapping[str, Any] | None = None
) -> bytes:
    """Return the answer of `/v1/embeddings`; packed vectors are little-endian 32-bit floats in base64.

    `more` are members of ours.
    """
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else list(vector)}
        for index, vector in enumerate(found.vectors)
    ]
    prompt = found.usage.prompt_tokens or 0
    usage = {"prompt_tokens": prompt, "total_tokens": prompt}
    return orjson.dumps({"object": "list", "data": data, "model": model, "usage": usage, **(more or {})})


def _packed(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")
