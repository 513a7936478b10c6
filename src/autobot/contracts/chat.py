"""Published language of the chat context: sessions, messages, branches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.models import Citation, ServedBy
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.validate import Pattern

CONTENT_MAX = 100_000
"""Characters of one message."""

Id = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
Title = Annotated[str, Len(1, 200)]
ModelName = Annotated[str, Len(1, 200)]
Content = Annotated[str, Len(1, CONTENT_MAX)]
MessageStatus = Literal["complete", "streaming", "interrupted", "failed", "stopped"]


# ------------------------------------------------------------------------------------------ shared shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the provider counted them; `window` is the model's size."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    window: int | None = None


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


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCreated:
    """A chat began."""

    TYPE: ClassVar[str] = "autobot.chat.session_created.v1"
    session_id: str
    owner: str
    title: str
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """Title or model were chosen; None leaves as it was. `automatic` marks a title made of the first message."""

    TYPE: ClassVar[str] = "autobot.chat.session_changed.v1"
    session_id: str
    title: str | None = None
    model: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePosted:
    """A person (or program) said something. `parent_id` is the message it follows, None at the start."""

    TYPE: ClassVar[str] = "autobot.chat.message_posted.v1"
    session_id: str
    message_id: str
    parent_id: str | None
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequested:
    """A run shall answer `parent_id`; its reply will be the message `message_id`, which exists from now on.

    `asked_by` is the principal for whom the run acts, as `core.context.principal_data` writes it.
    """

    TYPE: ClassVar[str] = "autobot.chat.reply_requested.v1"
    session_id: str
    message_id: str
    run_id: str
    parent_id: str
    model: str | None
    asked_by: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecorded:
    """The run ended and this is its reply, whole or cut off."""

    TYPE: ClassVar[str] = "autobot.chat.reply_recorded.v1"
    session_id: str
    message_id: str
    run_id: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSelected:
    """The branch that ends in `head_id` is the one shown and continued."""

    TYPE: ClassVar[str] = "autobot.chat.branch_selected.v1"
    session_id: str
    head_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDeleted:
    """The chat was deleted; payloads of its streams are blanked in the same commit."""

    TYPE: ClassVar[str] = "autobot.chat.session_deleted.v1"
    session_id: str


EVENTS: tuple[type[Any], ...] = (
    SessionCreated,
    SessionChanged,
    MessagePosted,
    ReplyRequested,
    ReplyRecorded,
    BranchSelected,
    SessionDeleted,
)

# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSession:
    """Begin a chat. Without a title the first message gives one."""

    title: Title | None = None
    model: ModelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSession:
    """Rename a chat or choose its model."""

    session_id: Id
    title: Title | None = None
    model: ModelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSession:
    """Delete a chat and erase what was said in it."""

    session_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMessage:
    """Say something; a run answers it. `parent_id` continues elsewhere than at the end of the shown branch."""

    session_id: Id
    content: Content
    parent_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditMessage:
    """Say something else in the place of a message of one's own: a new branch beside it."""

    session_id: Id
    message_id: Id
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class RegenerateReply:
    """Answer the same message again: a new branch beside the reply `message_id`."""

    session_id: Id
    message_id: Id
    model: ModelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectBranch:
    """Show the branch that contains `message_id`."""

    session_id: Id
    message_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReply:
    """Written by a run when it ends."""

    session_id: Id
    message_id: Id
    run_id: Id
    reply: Reply


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """A moment of the past: a log position, or a time (not both); neither is now."""

    position: Annotated[int, Ge(0)] | None = None
    at: datetime | None = None


NOW = AsOf()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message of the shown branch; `siblings` are the branches at this place, in order of creation."""

    id: str
    role: Literal["user", "assistant", "tool"]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A run was asked for: `message_id` is the person's message, `reply_id` the one that the run will write."""

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
    """The principal's chats, last changed first, now or as they were. `search` looks in titles, and only now."""

    limit: Annotated[int, Ge(1), Le(200)] = 50
    cursor: str | None = None
    search: Annotated[str, Len(0, 200)] = ""
    as_of: AsOf = NOW


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHit:
    """A found message with the words around the match."""

    session_id: str
    session_title: str
    message_id: str
    excerpt: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list."""

    items: tuple[Any, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The messages that lead to `message_id`, oldest first, as a model shall read them."""

    session_id: str
    owner: str
    model: str | None
    messages: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetThread:
    """Asked by a run before it answers."""

    session_id: Id
    message_id: Id
