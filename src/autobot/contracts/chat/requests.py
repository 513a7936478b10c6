"""What chats are asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Len

from autobot.contracts.chat.words import (
    AS_ASKED,
    BROUGHT_MAX,
    CONTENT_MAX,
    BroughtRole,
    Content,
    DocumentUse,
    Id,
    ModelName,
    Reply,
    Title,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSession:
    """Begin a chat. Without a title the first message gives one."""

    title: Title | None = None
    model: ModelName | None = None
    documents: DocumentUse = AS_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSession:
    """Rename a chat, choose its model or its documents; None leaves as it was."""

    session_id: Id
    title: Title | None = None
    model: ModelName | None = None
    documents: DocumentUse | None = None


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
class Earlier:
    """A message that was said elsewhere, before the chat goes on here."""

    role: BroughtRole
    content: Annotated[str, Len(0, CONTENT_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartChat:
    """Begin a chat with what was said before elsewhere, and say something; a run answers it.

    All of it becomes durable at once. `via` says where the chat comes from; its title begins with that.
    """

    via: Annotated[str, Len(1, 60)]
    model: ModelName | None
    earlier: Annotated[tuple[Earlier, ...], Len(0, BROUGHT_MAX)]
    content: Content
    documents: DocumentUse = AS_ASKED


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
