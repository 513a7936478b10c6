"""Published language of language models: what is asked of one, and what it answers.

Providers (adapters), the facade (agents context) and the OpenAI dialect (gateway) speak it alike, so that a
request crosses from the edge to a provider without being rebuilt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len

ModelRole = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ToolChoice = Literal["auto", "none", "required"]
Cached = Literal["", "hit", "joined", "similar"]
Reasoning = Literal["none", "low", "medium", "high"]

MODELS_TAG = "models"
"""On cached answers that are wrong once there are other models than there were."""
TEXTS_MAX = 2048
"""Texts of one embedding call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to call a tool. `arguments` is the parsed JSON object; untrusted like all model output."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMessage:
    """One message of a prompt. `tool_call_id` belongs to role tool, `tool_calls` to role assistant."""

    role: ModelRole
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool offered to a model; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """What to generate.

    Attributes:
        window: tokens of prompt and answer together, set on the server where its dialect can; None leaves
            the server's own.
        json_schema: the answer must be JSON that fits this schema; an empty mapping asks for any JSON object.
        reasoning: how much a reasoning model may think; None leaves the model's own.
        whole: nobody waits for pieces, so a provider may send a short answer in one.
        no_store: the answer must come from a model and be kept by no cache (RFC 9111 §5.2.1.5).
    """

    model: Annotated[str, Len(1, 200)]
    messages: Annotated[tuple[ModelMessage, ...], Len(1)]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_tokens: Annotated[int, Ge(1)] | None = None
    temperature: Annotated[float, Ge(0), Le(2)] | None = None
    top_p: Annotated[float, Ge(0), Le(1)] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: Mapping[str, Any] | None = None
    window: Annotated[int, Ge(1)] | None = None
    reasoning: Reasoning | None = None
    whole: bool = False
    no_store: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBy:
    """Who produced an answer. `fallback` is true when it was not the first of its chain.

    `cached` is empty when a model made this very answer for who asked; else *hit* (kept from an equal question),
    *joined* (made at the same time for an equal question) or *similar* (kept from a question that means the same).
    """

    link: str
    target: str
    provider: str
    model: str
    fallback: bool = False
    cached: Cached = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More text of the answer. Of an answer that needed no model its first piece says how it came (`cached`), as its end does."""

    text: str
    cached: Cached = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingDelta:
    """More of a reasoning model's thoughts; shown apart, never part of the answer. `cached` as of a TextDelta."""

    text: str
    cached: Cached = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallsDelta:
    """Complete tool calls."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage that the answer rests on. `source` is an address inside the product or a document's name."""

    title: str
    source: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of an answer. A stream without it was cut off: adapters raise ConnectionLost or BadAnswer then.

    `empty` is true when the answer has neither text nor tool calls, so that a screen can say so.
    """

    reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    served_by: ServedBy | None = None
    citations: tuple[Citation, ...] = ()
    empty: bool = False


Chunk = TextDelta | ThinkingDelta | ToolCallsDelta | Finished


def came(chunk: Chunk | None) -> Cached:
    """Return how an answer with this chunk came that needed no model; empty where the chunk does not say so."""
    match chunk:
        case TextDelta() | ThinkingDelta():
            return chunk.cached
        case Finished(served_by=ServedBy() as by):
            return by.cached
    return ""


def saying(chunk: Chunk, how: Cached) -> Chunk:
    """Return the chunk with word of how the answer came, where it has room for that."""
    match chunk:
        case TextDelta() | ThinkingDelta():
            return replace(chunk, cached=how)
        case Finished(served_by=ServedBy() as by):
            return replace(chunk, served_by=replace(by, cached=how))
    return chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that a provider has. `window` in tokens, None when the provider does not say; `tools` tells
    whether it can call tools, None when unknown; one that `ranks` reads a question and a text together."""

    id: str
    window: int | None = None
    embeds: bool = False
    generates: bool = True
    tools: bool | None = None
    detail: str = ""
    ranks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """Vectors in the order of the texts."""

    model: str
    vectors: Sequence[Sequence[float]]
    usage: Usage
    served_by: ServedBy | None = None
