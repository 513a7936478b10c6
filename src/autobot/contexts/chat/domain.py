"""The conversation: a tree of messages folded from its stream. Pure: methods return facts, `apply` folds them.

A reply has its place in the tree from the moment it is asked for, so a message that is posted while a
run still writes follows that reply, and the order of a chat never depends on who was faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from autobot.contracts import chat
from autobot.kernel.core.errors import NOT_YOURS, Conflict, InvalidInput, NotFound

TITLE_LENGTH = 60
"""Characters of a title made from the first message."""


def stream_of(session_id: str) -> str:
    """Return the stream of a session."""
    return f"chat-{session_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message in the tree."""

    id: str
    role: Literal["user", "assistant", "system"]
    parent_id: str | None
    created_at: datetime
    content: str = ""
    run_id: str | None = None
    reply: chat.Reply | None = None
    brought: bool = False

    @property
    def status(self) -> chat.MessageStatus:
        """A reply streams until it is recorded; what came along was complete before."""
        if self.role == "user" or self.brought:
            return "complete"
        return self.reply.status if self.reply else "streaming"


@dataclass(slots=True, kw_only=True)
class Conversation:
    """State of one session. Mutable while folding only."""

    id: str
    owner: str = ""
    title: str = ""
    titled: bool = False
    model: str | None = None
    documents: chat.DocumentUse = chat.AS_ASKED
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: bool = False
    head: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    children: dict[str | None, list[str]] = field(default_factory=dict)
    chosen: dict[str | None, str] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------ folding

    def apply(self, event: Any, time: datetime) -> None:
        """Fold one fact. Unknown and erased facts change nothing."""
        match event:
            case chat.SessionCreated():
                self.owner, self.title, self.model = event.owner, event.title, event.model
                self.documents = event.documents
                self.titled, self.created_at = bool(event.title), time
            case chat.SessionChanged():
                self.title = event.title or self.title
                self.titled = self.titled or event.title is not None
                self.model = event.model or self.model
                self.documents = event.documents or self.documents
            case chat.MessagePosted():
                self._add(
                    Entry(
                        id=event.message_id,
                        role="user",
                        parent_id=event.parent_id,
                        created_at=time,
                        content=event.content,
                    )
                )
            case chat.MessagesBrought():
                self._bring(event, time)
            case chat.ReplyRequested():
                self._add(
                    Entry(
                        id=event.message_id,
                        role="assistant",
                        parent_id=event.parent_id,
                        created_at=time,
                        run_id=event.run_id,
                    )
                )
            case chat.ReplyRecorded():
                entry = self.entries[event.message_id]
                self.entries[entry.id] = replace(entry, reply=event.reply, content=event.reply.content)
            case chat.BranchSelected():
                self._select(event.head_id)
            case chat.SessionDeleted():
                self.deleted = True
            case _:
                return
        self.updated_at = time

    def _add(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        self.children.setdefault(entry.parent_id, []).append(entry.id)
        self._select(entry.id)

    def _bring(self, event: chat.MessagesBrought, time: datetime) -> None:
        parent = event.parent_id
        for one in event.messages:
            self._add(
                Entry(
                    id=one.message_id,
                    role=one.role,
                    parent_id=parent,
                    created_at=time,
                    content=one.content,
                    brought=True,
                )
            )
            parent = one.message_id

    def _select(self, head_id: str) -> None:
        before, self.head = self.head, head_id
        for entry in self._ancestors(head_id):
            if entry.id == before:
                # What leads to it is chosen already: a chat that goes on costs no more the longer it is.
                return
            self.chosen[entry.parent_id] = entry.id

    # ------------------------------------------------------------------------------------------ reading

    def _ancestors(self, message_id: str) -> Iterator[Entry]:
        at: str | None = message_id
        while at is not None:
            entry = self.entries[at]
            yield entry
            at = entry.parent_id

    def thread(self, message_id: str) -> list[Entry]:
        """Return the messages from the start to `message_id`."""
        return list(self._ancestors(message_id))[::-1]

    def branch(self) -> list[Entry]:
        """Return the shown branch."""
        return self.thread(self.head) if self.head else []

    def siblings(self, entry: Entry) -> tuple[str, ...]:
        """Return the messages at the same place, this one included."""
        return tuple(self.children[entry.parent_id])

    @property
    def active_run(self) -> str | None:
        """The run that still writes, the oldest if there are several."""
        return next((one.run_id for one in self.entries.values() if one.status == "streaming"), None)

    @property
    def runs(self) -> tuple[str, ...]:
        """All runs of this chat."""
        return tuple(one.run_id for one in self.entries.values() if one.run_id)

    def entry(self, message_id: str) -> Entry:
        """Return a message or raise NotFound."""
        try:
            return self.entries[message_id]
        except KeyError:
            raise NotFound("There is no such message in this chat.") from None

    # ----------------------------------------------------------------------------------------- deciding

    def require(self) -> None:
        """Raise NotFound unless the session exists."""
        if self.created_at is None or self.deleted:
            raise NotFound(NOT_YOURS)

    def post(
        self,
        content: str,
        parent_id: str | None,
        *,
        message_id: str,
        reply_id: str,
        run_id: str,
        asked_by: dict[str, Any],
    ) -> tuple[Any, ...]:
        """A message and the request for its reply, after `parent_id` or at the end of the shown branch."""
        if not content.strip():
            raise InvalidInput("The message is empty.")
        parent = self.entry(parent_id).id if parent_id else self.head
        if parent is not None and self.entries[parent].role == "user":
            raise Conflict("A message follows a reply; to say it differently, edit the message.")
        facts: list[Any] = []
        if not self.titled:
            facts.append(chat.SessionChanged(session_id=self.id, title=title_from(content), automatic=True))
        facts.append(
            chat.MessagePosted(session_id=self.id, message_id=message_id, parent_id=parent, content=content)
        )
        return (*facts, self._request(message_id, reply_id, run_id, self.model, asked_by))

    def edit(
        self,
        edited_id: str,
        content: str,
        *,
        message_id: str,
        reply_id: str,
        run_id: str,
        asked_by: dict[str, Any],
    ) -> tuple[Any, ...]:
        """A sibling of one's own message, and the request for its reply."""
        edited = self.entry(edited_id)
        if edited.role != "user":
            raise Conflict("Only one's own messages can be edited; a reply can be regenerated.")
        if not content.strip():
            raise InvalidInput("The message is empty.")
        posted = chat.MessagePosted(
            session_id=self.id, message_id=message_id, parent_id=edited.parent_id, content=content
        )
        return (posted, self._request(message_id, reply_id, run_id, self.model, asked_by))

    def regenerate(
        self, reply_id: str, model: str | None, *, new_reply_id: str, run_id: str, asked_by: dict[str, Any]
    ) -> tuple[Any, ...]:
        """A sibling of a reply."""
        old = self.entry(reply_id)
        asked = self.entries.get(old.parent_id or "")
        if old.role != "assistant" or asked is None or asked.role != "user":
            raise Conflict("Only a reply can be regenerated.")
        if old.status == "streaming":
            raise Conflict("This reply is still being written; stop it first.")
        return (self._request(asked.id, new_reply_id, run_id, model or self.model, asked_by),)

    def _request(
        self, parent_id: str, reply_id: str, run_id: str, model: str | None, asked_by: dict[str, Any]
    ) -> chat.ReplyRequested:
        return chat.ReplyRequested(
            session_id=self.id,
            message_id=reply_id,
            run_id=run_id,
            parent_id=parent_id,
            model=model,
            asked_by=asked_by,
        )

    def record(self, message_id: str, run_id: str, reply: chat.Reply) -> tuple[Any, ...]:
        """The reply of a run. A second recording of the same run changes nothing."""
        entry = self.entry(message_id)
        if entry.run_id != run_id:
            raise Conflict("This reply belongs to another run.")
        if entry.reply is not None:
            return ()
        return (chat.ReplyRecorded(session_id=self.id, message_id=message_id, run_id=run_id, reply=reply),)

    def select(self, message_id: str) -> tuple[Any, ...]:
        """Show the branch through `message_id`, down to where it was last continued."""
        at = self.entry(message_id).id
        while self.children.get(at):
            at = self.chosen.get(at, self.children[at][-1])
        return () if at == self.head else (chat.BranchSelected(session_id=self.id, head_id=at),)


def started(
    command: chat.StartChat,
    ids: chat.Started,
    owner: str,
    asked_by: dict[str, Any],
    *,
    brought_ids: Sequence[str],
) -> tuple[Any, ...]:
    """A new chat with what came along (`brought_ids`, one for each), a message after it, the request for its reply."""
    if not command.content.strip():
        raise InvalidInput("The message is empty.")
    said = (one.content for one in command.earlier if one.role == "user" and one.content.strip())
    title = f"{command.via} · {title_from(next(said, command.content))}"
    facts: list[Any] = [
        chat.SessionCreated(
            session_id=ids.session_id,
            owner=owner,
            title=title,
            model=command.model,
            documents=command.documents,
        )
    ]
    if command.earlier:
        messages = tuple(
            chat.Brought(message_id=message_id, role=one.role, content=one.content)
            for message_id, one in zip(brought_ids, command.earlier, strict=True)
        )
        facts.append(chat.MessagesBrought(session_id=ids.session_id, parent_id=None, messages=messages))
    parent = brought_ids[-1] if command.earlier else None
    return (
        *facts,
        chat.MessagePosted(
            session_id=ids.session_id, message_id=ids.message_id, parent_id=parent, content=command.content
        ),
        chat.ReplyRequested(
            session_id=ids.session_id,
            message_id=ids.reply_id,
            run_id=ids.run_id,
            parent_id=ids.message_id,
            model=command.model,
            asked_by=asked_by,
        ),
    )


def title_from(content: str) -> str:
    """Return the first line of a message, cut at a word."""
    line = next((one.strip() for one in content.splitlines() if one.strip()), "New chat")
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
