"""Bodies and answers of Ollama's native API, as its documentation and OpenAPI description name them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from autobot.contexts.agents.ports import GenerateRequest, ModelMessage, ToolSpec
from autobot.kernel.core.errors import InvalidInput

# ---------------------------------------------------------------------------------------------- requests


def chat_body(request: GenerateRequest, *, keep_alive: str | None = None) -> dict[str, Any]:
    """Return the body of `POST /api/chat` (docs.ollama.com/api/chat).

    Raises InvalidInput for `tool_choice="required"`, which this API cannot express.
    """
    if request.tools and request.tool_choice == "required":
        raise InvalidInput(
            "Ollama's API cannot force a tool call.",
            hint="Send tool_choice auto, or use a model of another provider.",
        )
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(one) for one in request.messages],
        "stream": True,
    }
    if request.tools and request.tool_choice == "auto":
        body["tools"] = [_tool(one) for one in request.tools]
    if request.json_schema is not None:
        body["format"] = dict(request.json_schema) or "json"
    if request.reasoning is not None:
        body["think"] = False if request.reasoning == "none" else request.reasoning
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    if options := _options(request):
        body["options"] = options
    return body


def _options(request: GenerateRequest) -> dict[str, Any]:
    given = {
        "num_ctx": request.window,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _message(one: ModelMessage) -> dict[str, Any]:
    body: dict[str, Any] = {"role": one.role, "content": one.content}
    if one.tool_calls:
        body["tool_calls"] = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}} for call in one.tool_calls
        ]
    if one.role == "tool" and one.name:
        body["tool_name"] = one.name
    return body


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", "function": function}


# ----------------------------------------------------------------------------------------------- answers


class Function(msgspec.Struct):
    """The function of a tool call; its arguments are an object, not text."""

    name: str
    arguments: dict[str, Any] = {}


class Call(msgspec.Struct):
    """A tool call; older versions give it no id."""

    function: Function
    id: str = ""


class Message(msgspec.Struct):
    """The message of one line: more text, more thoughts, or whole tool calls."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(msgspec.Struct):
    """One line of `POST /api/chat`. A line with `error` ends the stream (docs.ollama.com/api/errors)."""

    message: Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None


class Tag(msgspec.Struct):
    """A model of `GET /api/tags`."""

    name: str
    digest: str = ""
    size: int | None = None
    details: dict[str, Any] | None = None


class Tags(msgspec.Struct):
    """The answer of `GET /api/tags`."""

    models: list[Tag] | None = None


class Shown(msgspec.Struct):
    """The answer of `POST /api/show`."""

    model_info: dict[str, Any] | None = None
    parameters: str | None = None
    capabilities: list[str] | None = None


class Embedded(msgspec.Struct):
    """The answer of `POST /api/embed`."""

    embeddings: list[list[float]]
    prompt_eval_count: int | None = None


class Version(msgspec.Struct):
    """The answer of `GET /api/version`."""

    version: str


LINE: Final = msgspec.json.Decoder(Line)


def window_of(shown: Shown) -> int | None:
    """Return a model's window: what its Modelfile sets (`num_ctx`), else what it was trained for."""
    for line in (shown.parameters or "").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value) or None
    info = shown.model_info or {}
    trained = info.get(f"{info.get('general.architecture')}.context_length")
    if trained is None:
        trained = next((info[name] for name in sorted(info) if name.endswith(".context_length")), None)
    return trained if type(trained) is int and trained > 0 else None
