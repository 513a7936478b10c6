"""What the agents context needs from the world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from autobot.kernel.core.context import CallContext

ModelRole = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


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
    """What to generate. `window` (tokens) is set on the server where its dialect can; None leaves its own."""

    model: str
    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: Mapping[str, Any] | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBy:
    """Who produced an answer. `fallback` is true when it was not the first of its chain."""

    link: str
    target: str
    provider: str
    model: str
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of a reasoning model's thoughts; shown apart, never part of the answer."""

    text: str


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
    """The end of an answer. A stream without it was cut off: adapters raise ConnectionLost or BadAnswer then."""

    reason: FinishReason
    usage: Usage = field(default_factory=Usage)
    served_by: ServedBy | None = None
    citations: tuple[Citation, ...] = ()


Chunk = TextDelta | ThinkingDelta | ToolCallsDelta | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that a provider has. `window` in tokens, None when the provider does not say."""

    id: str
    window: int | None = None
    embeds: bool = False
    generates: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """Vectors in the order of the texts."""

    model: str
    vectors: Sequence[Sequence[float]]
    usage: Usage


class LanguageModel(Protocol):
    """A provider of models behind one link.

    Contract: every call goes through the provider's Link and nothing else; errors are of the tree
    (NotFound for an unknown model, BadAnswer for garbage, ConnectionLost for a stream without its end,
    RemoteError/RemoteThrottled for error answers, Absent when it is not set up). `generate` yields
    zero or more deltas and exactly one Finished, last. Closing the iterator stops the provider's work.
    """

    @property
    def provider(self) -> str:
        """`ollama`, `openai`, `llamacpp` or `assistant`."""
        ...

    @property
    def link_id(self) -> str:
        """The matrix row it is reached by."""
        ...

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        """Return what it has now."""
        ...

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate an answer."""
        ...

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed texts (1–2048)."""
        ...
