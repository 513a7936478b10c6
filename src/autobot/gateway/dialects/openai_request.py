"""Bodies of the OpenAI dialect, read strictly into the language of models.

What would change the answer and cannot be done is refused; what only labels or tunes OpenAI's own service
(`user`, `metadata`, `store` …) is read and left.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal, NoReturn, TypeVar

import msgspec

from autobot.contracts.models import (
    TEXTS_MAX,
    GenerateRequest,
    ModelMessage,
    Reasoning,
    ToolCall,
    ToolChoice,
    ToolSpec,
)
from autobot.kernel.core.decoding import misfit
from autobot.kernel.core.errors import FieldError, InvalidInput, Malformed

MESSAGES_MAX: Final = 2_000
STOPS_MAX: Final = 16

T = TypeVar("T")

# ------------------------------------------------------------------------------------------------- shapes


class Part(msgspec.Struct):
    """A part of a message; only text can be passed on."""

    type: str
    text: str | None = None


class CalledFunction(msgspec.Struct):
    """The function of a tool call that a model made before; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"


class Call(msgspec.Struct):
    """A tool call that a model made before."""

    id: str
    function: CalledFunction
    type: str = "function"


class Message(msgspec.Struct):
    """A message. Members that clients send back from answers (`refusal`, `annotations` …) are passed over."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None


class Function(msgspec.Struct):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    """A tool that the model may call."""

    function: Function
    type: Literal["function"] = "function"


class NamedFunction(msgspec.Struct):
    """The function that must be called."""

    name: str


class NamedTool(msgspec.Struct):
    """`tool_choice` that names one function."""

    function: NamedFunction
    type: Literal["function"] = "function"


class JsonSchema(msgspec.Struct):
    """The schema of `response_format`."""

    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(msgspec.Struct):
    """`response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct):
    """`stream_options`."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    # Would change the answer and cannot be passed on: refused unless they ask for nothing.
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: Any = None
    prediction: Any = None
    web_search_options: Any = None
    functions: list[Any] | None = None
    function_call: Any = None
    # Label or tune OpenAI's own service: left.
    user: str | None = None
    metadata: Any = None
    store: bool | None = None
    service_tier: Any = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    safety_identifier: Any = None
    verbosity: Any = None


class EmbeddingsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/embeddings`."""

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


CHAT: Final = msgspec.json.Decoder(ChatBody)
EMBEDDINGS: Final = msgspec.json.Decoder(EmbeddingsBody)

_REFUSED: Final = (
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "functions",
    "function_call",
)
_EFFORTS: Final[dict[str, Reasoning]] = {
    "none": "none",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}

# ------------------------------------------------------------------------------------------------ reading


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a body. Raises Malformed for what is no JSON, InvalidInput with a pointer for a wrong value."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is not JSON.") from None


_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the dialect allows a function to be called."""


def refuse(pointer: str, detail: str) -> NoReturn:
    """Raise InvalidInput for one value."""
    raise InvalidInput(detail, errors=(FieldError(detail=detail, pointer=f"#/{pointer}"),))


def generate_request(body: ChatBody, *, no_store: bool = False) -> GenerateRequest:
    """Return what a chat body asks for. Raises InvalidInput with a pointer."""
    if _asks_for_unsupported(body):
        _refuse_unsupported(body)
    if body.n is not None and body.n != 1:
        refuse("n", "n must be 1: one answer to a request.")
    if body.stream_options is not None and not body.stream:
        refuse("stream_options", "stream_options is for a request with stream.")
    if not 0 < len(body.model) <= 200:
        refuse("model", "model must have 1 to 200 characters.")
    if not 0 < len(body.messages) <= MESSAGES_MAX:
        refuse("messages", f"messages must have 1 to {MESSAGES_MAX} items.")
    tools, choice = _tools(body)
    effort = body.reasoning_effort
    return GenerateRequest(
        model=body.model,
        messages=tuple(_message(one, index) for index, one in enumerate(body.messages)),
        tools=tools,
        tool_choice=choice,
        max_tokens=_limit(body),
        temperature=_within("temperature", body.temperature, 2),
        top_p=_within("top_p", body.top_p, 1),
        stop=_stop(body.stop),
        seed=body.seed,
        json_schema=_schema(body.response_format),
        reasoning=None if effort is None else _EFFORTS[effort],
        whole=not body.stream,
        no_store=no_store,
    )


def _asks_for_unsupported(body: ChatBody) -> bool:
    """Say whether a second look is needed: nearly no body has any of these."""
    return bool(
        body.frequency_penalty
        or body.presence_penalty
        or body.logit_bias
        or body.logprobs
        or body.top_logprobs
        or body.modalities
        or body.audio
        or body.prediction
        or body.functions
        or body.function_call
        or body.web_search_options is not None
    )


def _refuse_unsupported(body: ChatBody) -> None:
    """Refuse the first of these that asks for something; `modalities` may ask for text."""
    for name in _REFUSED:
        value = getattr(body, name)
        asks = value is not None if name == "web_search_options" else bool(value) and value != ["text"]
        if asks:
            refuse(name, f"{name} is not supported.")


def _message(one: Message, index: int) -> ModelMessage:
    content = one.content if isinstance(one.content, str) else _text(one.content, f"messages/{index}/content")
    calls = tuple(
        _call(call, f"messages/{index}/tool_calls/{at}") for at, call in enumerate(one.tool_calls or ())
    )
    if calls and one.role != "assistant":
        refuse(f"messages/{index}/tool_calls", "Only an assistant's message has tool calls.")
    if one.role == "tool" and not one.tool_call_id:
        refuse(f"messages/{index}/tool_call_id", "A tool's message needs the id of its call.")
    if one.content is None and not calls and one.role != "assistant":
        refuse(f"messages/{index}/content", "content is missing.")
    role = "system" if one.role == "developer" else one.role
    return ModelMessage(
        role=role, content=content, name=one.name, tool_calls=calls, tool_call_id=one.tool_call_id
    )


def _text(parts: list[Part] | None, pointer: str) -> str:
    texts: list[str] = []
    for index, part in enumerate(parts or ()):
        if part.type not in {"text", "refusal"}:
            refuse(f"{pointer}/{index}", f"Parts of type {part.type[:40]} cannot be passed on; send text.")
        texts.append(part.text or "")
    return "\n".join(texts)


def _call(call: Call, pointer: str) -> ToolCall:
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        refuse(f"{pointer}/function/arguments", "arguments must be a JSON object as text.")
    return ToolCall(id=call.id, name=call.function.name, arguments=arguments)


def _tools(body: ChatBody) -> tuple[tuple[ToolSpec, ...], ToolChoice]:
    for index, one in enumerate(body.tools or ()):
        if _TOOL_NAME.fullmatch(one.function.name) is None:
            refuse(f"tools/{index}/function/name", "A name is 1 to 64 of a-z, A-Z, 0-9, _ and -.")
    tools = tuple(
        ToolSpec(
            name=one.function.name,
            description=one.function.description or "",
            parameters=one.function.parameters or {"type": "object", "properties": {}},
        )
        for one in body.tools or ()
    )
    choice = body.tool_choice
    if isinstance(choice, NamedTool):
        named = tuple(one for one in tools if one.name == choice.function.name)
        if not named:
            refuse("tool_choice", f"tool_choice names {choice.function.name[:64]}, which is not among tools.")
        return named, "required"
    if choice == "required" and not tools:
        refuse("tool_choice", "tool_choice is required and there are no tools.")
    return tools, choice or "auto"


def _limit(body: ChatBody) -> int | None:
    name = "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"
    limit: int | None = getattr(body, name)
    if limit is not None and limit < 1:
        refuse(name, f"{name} must be at least 1.")
    return limit


def _within(name: str, value: float | None, high: float) -> float | None:
    if value is not None and not 0 <= value <= high:
        refuse(name, f"{name} must be between 0 and {high}.")
    return value


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    words = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(words) > STOPS_MAX or not all(words):
        refuse("stop", f"stop must be up to {STOPS_MAX} texts, none of them empty.")
    return words


def _schema(wanted: ResponseFormat | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {}
    if wanted.json_schema is None or not wanted.json_schema.schema:
        refuse("response_format/json_schema", "json_schema needs a schema.")
    return wanted.json_schema.schema


def embedding_texts(body: EmbeddingsBody) -> tuple[str, ...]:
    """Return the texts to embed. Raises InvalidInput with a pointer."""
    texts = (body.input,) if isinstance(body.input, str) else tuple(body.input)
    if not 1 <= len(texts) <= TEXTS_MAX or not all(texts):
        refuse("input", f"input must be 1 to {TEXTS_MAX} texts, none of them empty.")
    if body.dimensions is not None:
        refuse("dimensions", "dimensions is not supported: vectors have the model's own length.")
    return texts
