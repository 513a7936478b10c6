"""Words that facts, commands and answers of chats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Len

from autobot.contracts.knowledge.words import COLLECTIONS_MAX
from autobot.contracts.models import Citation, ServedBy
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.validate import Pattern

CONTENT_MAX = 100_000
"""Characters of one message."""

BROUGHT_MAX = 2_000
"""Messages that may come along at once."""

Id = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
Title = Annotated[str, Len(1, 200)]
ModelName = Annotated[str, Len(1, 200)]
Content = Annotated[str, Len(1, CONTENT_MAX)]
BroughtRole = Literal["system", "user", "assistant"]
MessageStatus = Literal["complete", "streaming", "interrupted", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the provider counted them; `window` is the model's size."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentUse:
    """Which documents a chat's answers may rest on, and when these are searched.

    Attributes:
        first: each question is put to the documents before a model answers it; else when the question asks for them.
        collections: where is searched; none: in all that the person may read.
    """

    first: bool = False
    collections: Annotated[tuple[Id, ...], Len(0, COLLECTIONS_MAX)] = ()


AS_ASKED = DocumentUse()
"""What a chat begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a question was taken to be about before it was answered.

    Attributes:
        intent: the nearest intent; one that a tool is named after asks for that tool first.
        confidence: how near, 0 to 1.
        sure: whether that was enough to act on; else the question was answered as without routing.
        by: *meaning* (an embedding model) or *words* (shared words, while no model embeds).
        model: the embedding model.
    """

    intent: str
    confidence: float
    sure: bool
    by: Literal["meaning", "words"]
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """What documents gave to an answer.

    Attributes:
        question: what was searched for in place of a follow-up question; empty when that was searched as it was said.
        rewritten_by: the model that wrote it; empty for none.
        not_rewritten: why a follow-up question was searched as it was said: `off`, `not-a-question`, or an error's code.
        found: passages that searches found, each once.
        given: those of them that the model had before it; the others had no room in its window.
    """

    question: str = ""
    rewritten_by: str = ""
    not_rewritten: str = ""
    found: int = 0
    given: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallView:
    """A tool call and what became of it."""

    id: str
    name: str
    arguments: dict[str, Any]
    state: Literal["queued", "running", "completed", "failed"]
    result: str | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a run produced for its message."""

    content: str
    status: MessageStatus
    model: str | None = None
    served_by: ServedBy | None = None
    usage: Usage | None = None
    error: Failure | None = None
    finish_reason: str | None = None
    tool_calls: tuple[ToolCallView, ...] = ()
    citations: tuple[Citation, ...] = ()
    left_out: tuple[str, ...] = ()
    route: Route | None = None
    grounding: Grounding | None = None
