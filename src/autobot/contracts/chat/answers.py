"""Questions about chats, and the answers to questions and commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from annotated_types import Ge, Le, Len

from autobot.contracts.chat.words import (
    AS_ASKED,
    DocumentUse,
    Grounding,
    Id,
    MessageStatus,
    Route,
    ToolCallView,
    Usage,
)
from autobot.contracts.models import Citation, ServedBy
from autobot.contracts.past import NOW, AsOf
from autobot.kernel.core.failure import Failure

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A chat as lists show it."""

    id: str
    title: str
    model: str | None
    created_at: str
    updated_at: str
    message_count: int
    active_run_id: str | None
    documents: DocumentUse = AS_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message of the shown branch; `siblings` are the branches at this place, in order of creation.

    `brought` marks one that was said elsewhere and came along; only such a message has the role system.
    """

    id: str
    role: Literal["user", "assistant", "tool", "system"]
    content: str
    created_at: str
    run_id: str | None
    parent_id: str | None
    status: MessageStatus
    model: str | None = None
    served_by: ServedBy | None = None
    usage: Usage | None = None
    error: Failure | None = None
    finish_reason: str | None = None
    tool_calls: tuple[ToolCallView, ...] = ()
    citations: tuple[Citation, ...] = ()
    siblings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    brought: bool = False
    route: Route | None = None
    grounding: Grounding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A run was asked for: `message_id` is the person's message, `reply_id` the one that the run will write."""

    message_id: str
    run_id: str
    reply_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The answer of StartChat: the new chat, and the run that was asked for."""

    session_id: str
    message_id: str
    run_id: str
    reply_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The answer of RecordReply: how the reply stands there, recorded now or before."""

    status: MessageStatus
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """The answer of a command that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions:
    """The principal's chats, last changed first, now or as they were. `search` looks in titles, and only now.

    `complete`: raise DeadlineExceeded in place of a list of now that may lack the newest. `min_position`: raise Stale
    in place of a list that lacks what the event at this position of the log wrote.
    """

    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None
    search: Annotated[str, Len(0, 200)] = ""
    as_of: AsOf = NOW
    complete: bool = False
    min_position: Annotated[int, Ge(0), Le(2**53)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSession:
    """One chat, now or as it was."""

    session_id: Id
    as_of: AsOf = NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMessages:
    """The shown branch of a chat, oldest first, now or as it was. `all_branches` gives every message."""

    session_id: Id
    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None
    as_of: AsOf = NOW
    all_branches: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMessage:
    """One message of a chat."""

    session_id: Id
    message_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchMessages:
    """Full-text search over the principal's messages."""

    text: Annotated[str, Len(1, 200)]
    limit: Annotated[int, Ge(1), Le(200)] = 50
    min_position: Annotated[int, Ge(0), Le(2**53)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHit:
    """A found message with the words around the match."""

    session_id: str
    session_title: str
    message_id: str
    excerpt: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """A page of a list."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Why a list lacks the newest: its read model is not at the end of the log.

    `state` of the read model: it follows, or an event that it cannot take stopped it. `position` is the last event in
    it, `since` when the first one was written that it lacks (RFC 3339; None where nothing is lacking any more).
    """

    read_model: str
    state: Literal["starting", "building", "live", "stopped"]
    position: int
    since: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Item]):
    """A page of a list that a read model serves; `behind` is None for one that lacks nothing."""

    items: tuple[Item, ...]
    next_cursor: str | None = None
    behind: Behind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The messages that lead to `message_id`, oldest first, as a model shall read them."""

    session_id: str
    owner: str
    model: str | None
    messages: tuple[MessageView, ...]
    documents: DocumentUse = AS_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class GetThread:
    """Asked by a run before it answers."""

    session_id: Id
    message_id: Id
