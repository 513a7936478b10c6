"""Bodies of requests to chats, and the pages of their answers."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.contracts import chat, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """Body of a new chat, or of a change: what is not given stays as it is."""

    title: chat.Title | None = None
    model: chat.ModelName | None = None
    documents: chat.DocumentUse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """Body of a message."""

    content: chat.Content
    parent_id: chat.Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedMessage:
    """Body of an edit."""

    content: chat.Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate:
    """Body of a regeneration: another model, or the same."""

    model: chat.ModelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedMessage:
    """Body of a branch selection."""

    message_id: chat.Id


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMessage:
    """A run was asked for; watch `events_url`."""

    message_id: str
    run_id: str
    reply_id: str
    events_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """A page of chats; `behind` says what it lacks, null where that is nothing."""

    items: list[chat.SessionView]
    next_cursor: str | None
    behind: chat.Behind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """A page of messages."""

    items: list[chat.MessageView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """Search results; `behind` says what was not looked through, null where that is nothing."""

    items: list[chat.MessageHit]
    next_cursor: str | None
    behind: chat.Behind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Models to choose from."""

    items: list[runs.ModelChoice]
    next_cursor: str | None
