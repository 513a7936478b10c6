"""What happens in chats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from autobot.contracts.chat.words import AS_ASKED, BroughtRole, DocumentUse, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCreated:
    """A chat began."""

    TYPE: ClassVar[str] = "autobot.chat.session_created.v1"
    session_id: str
    owner: str
    title: str
    model: str | None
    documents: DocumentUse = AS_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    """Title, model or documents were chosen; None leaves as it was. `automatic` marks a title made of the first message."""

    TYPE: ClassVar[str] = "autobot.chat.session_changed.v1"
    session_id: str
    title: str | None = None
    model: str | None = None
    documents: DocumentUse | None = None
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
class Brought:
    """A message that was said elsewhere and came along with a chat that goes on here."""

    message_id: str
    role: BroughtRole
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesBrought:
    """Messages came along, each following the one before it, the first following `parent_id`. Nobody answers them."""

    TYPE: ClassVar[str] = "autobot.chat.messages_brought.v1"
    session_id: str
    parent_id: str | None
    messages: tuple[Brought, ...]


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
    MessagesBrought,
    ReplyRequested,
    ReplyRecorded,
    BranchSelected,
    SessionDeleted,
)
