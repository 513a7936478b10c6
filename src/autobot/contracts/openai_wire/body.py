"""Request bodies of the OpenAI dialect (API reference: "Create chat completion", "Create embeddings")."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autobot.contracts.models import GenerateRequest, ModelMessage, ToolCall, ToolSpec


def chat_body(
    request: GenerateRequest, *, model: str, stream: bool, limit_name: str = "max_tokens"
) -> dict[str, Any]:
    """Return the body of `POST /chat/completions`.

    `limit_name` is `max_tokens`, which every compatible server knows, or `max_completion_tokens`, which
    OpenAI's own reasoning models insist on.
    """
    body: dict[str, Any] = {"model": model, "messages": [message(one) for one in request.messages]}
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [tool(one) for one in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = request.tool_choice
    if request.max_tokens is not None:
        body[limit_name] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    if request.reasoning is not None:
        body["reasoning_effort"] = request.reasoning
    if request.json_schema is not None:
        body["response_format"] = response_format(request.json_schema)
    return body


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `response_format` for a schema; for an empty one, JSON mode."""
    if not schema:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}


def message(one: ModelMessage) -> dict[str, Any]:
    """Return a message as the dialect writes it."""
    body: dict[str, Any] = {"role": one.role, "content": one.content}
    if one.tool_calls:
        body["content"] = one.content or None
        body["tool_calls"] = [tool_call(call) for call in one.tool_calls]
    if one.tool_call_id is not None:
        body["tool_call_id"] = one.tool_call_id
    elif one.name is not None:
        body["name"] = one.name
    return body


def tool_call(call: ToolCall) -> dict[str, Any]:
    """Return a tool call as the dialect writes it: its arguments are JSON text."""
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False, separators=(",", ":"))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def tool(spec: ToolSpec) -> dict[str, Any]:
    """Return a tool as the dialect writes it."""
    function = {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", "function": function}


def embeddings_body(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the body of `POST /embeddings`; vectors come as numbers."""
    return {"model": model, "input": list(texts), "encoding_format": "float"}
