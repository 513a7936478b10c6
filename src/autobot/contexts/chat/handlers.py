"""The write side: each command becomes facts. Decides only; the bus makes it durable."""

from __future__ import annotations

from typing import Any

from autobot.contexts.chat.domain import Conversation, started, stream_of
from autobot.contexts.chat.ports import Conversations
from autobot.contracts import chat
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.context import CallContext, principal_data
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import NO_STREAM, Delete, Erase
from autobot.kernel.sagas.facts import RUNS
from autobot.kernel.sagas.facts import stream_of as run_stream

NOTHING = chat.Nothing()
SPOKEN = tuple(kind.TYPE for kind in chat.EVENTS if kind is not chat.SessionDeleted)
"""What a deletion blanks: all but the fact that the session was deleted."""


class ChatHandlers:
    """One method a command."""

    def __init__(self, conversations: Conversations, ids: IdSource) -> None:
        self._conversations, self._ids = conversations, ids

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose session a command or query is about; None when there is no such session."""
        conversation, revision = await self._conversations.load(message.session_id)
        return conversation.owner if revision >= 0 else None

    async def create(self, command: chat.CreateSession, context: CallContext) -> Decision[chat.SessionView]:
        """Begin a chat for the principal's user."""
        session_id = self._ids.new()
        created = chat.SessionCreated(
            session_id=session_id,
            owner=context.principal.user_id,
            title=command.title or "",
            model=command.model,
            documents=command.documents,
        )
        view = chat.SessionView(
            id=session_id,
            title=created.title,
            model=created.model,
            created_at="",
            updated_at="",
            message_count=0,
            active_run_id=None,
            documents=created.documents,
        )
        emit = Emit(stream=stream_of(session_id), expected=NO_STREAM, events=(created,))
        return Decision(answer=view, emits=(emit,), object=session_id)

    async def change(self, command: chat.ChangeSession, context: CallContext) -> Decision[chat.Nothing]:
        """Rename, or choose the model or the documents."""
        conversation, revision = await self._existing(command.session_id)
        if command.title is None and command.model is None and command.documents is None:
            return Decision(answer=NOTHING, object=conversation.id)
        fact = chat.SessionChanged(
            session_id=conversation.id,
            title=command.title,
            model=command.model,
            documents=command.documents,
        )
        return self._decide(conversation, revision, (fact,), NOTHING)

    async def delete(self, command: chat.DeleteSession, context: CallContext) -> Decision[chat.Nothing]:
        """Delete and erase: the session's stream, and its runs with their documents."""
        conversation, revision = await self._existing(command.session_id)
        runs = tuple(Erase(stream=run_stream(one), reason="session deleted") for one in conversation.runs)
        spoken = Erase(stream=stream_of(conversation.id), types=SPOKEN, reason="session deleted")
        return Decision(
            answer=NOTHING,
            emits=(
                Emit(
                    stream=stream_of(conversation.id),
                    expected=revision,
                    events=(chat.SessionDeleted(session_id=conversation.id),),
                ),
            ),
            writes=tuple(Delete(table=RUNS, key=one) for one in conversation.runs),
            erase=(spoken, *runs),
            object=conversation.id,
            reason="session deleted",
        )

    async def post(self, command: chat.PostMessage, context: CallContext) -> Decision[chat.Accepted]:
        """A message, and a run that answers it."""
        conversation, revision = await self._existing(command.session_id)
        accepted = self._accept()
        facts = conversation.post(
            command.content,
            command.parent_id,
            message_id=accepted.message_id,
            reply_id=accepted.reply_id,
            run_id=accepted.run_id,
            asked_by=principal_data(context.principal),
        )
        return self._decide(conversation, revision, facts, accepted)

    async def start(self, command: chat.StartChat, context: CallContext) -> Decision[chat.Started]:
        """A chat that goes on here: what was said elsewhere, a message, and a run that answers it."""
        new = self._ids.new
        answer = chat.Started(session_id=new(), message_id=new(), run_id=new(), reply_id=new())
        facts = started(
            command,
            answer,
            context.principal.user_id,
            principal_data(context.principal),
            brought_ids=[new() for _ in command.earlier],
        )
        emit = Emit(stream=stream_of(answer.session_id), expected=NO_STREAM, events=facts)
        return Decision(answer=answer, emits=(emit,), object=answer.session_id)

    async def edit(self, command: chat.EditMessage, context: CallContext) -> Decision[chat.Accepted]:
        """A new branch beside one's own message."""
        conversation, revision = await self._existing(command.session_id)
        accepted = self._accept()
        facts = conversation.edit(
            command.message_id,
            command.content,
            message_id=accepted.message_id,
            reply_id=accepted.reply_id,
            run_id=accepted.run_id,
            asked_by=principal_data(context.principal),
        )
        return self._decide(conversation, revision, facts, accepted)

    async def regenerate(
        self, command: chat.RegenerateReply, context: CallContext
    ) -> Decision[chat.Accepted]:
        """A new branch beside a reply."""
        conversation, revision = await self._existing(command.session_id)
        reply_id, run_id = self._ids.new(), self._ids.new()
        facts = conversation.regenerate(
            command.message_id,
            command.model,
            new_reply_id=reply_id,
            run_id=run_id,
            asked_by=principal_data(context.principal),
        )
        accepted = chat.Accepted(message_id=facts[0].parent_id, run_id=run_id, reply_id=reply_id)
        return self._decide(conversation, revision, facts, accepted)

    async def select(self, command: chat.SelectBranch, context: CallContext) -> Decision[chat.Nothing]:
        """Show another branch."""
        conversation, revision = await self._existing(command.session_id)
        return self._decide(conversation, revision, conversation.select(command.message_id), NOTHING)

    async def record(self, command: chat.RecordReply, context: CallContext) -> Decision[chat.Recorded]:
        """Store what a run wrote; of two, the first."""
        conversation, revision = await self._existing(command.session_id)
        facts = conversation.record(command.message_id, command.run_id, command.reply)
        holds = conversation.entry(command.message_id).reply or command.reply
        answer = chat.Recorded(status=holds.status, error=holds.error)
        return self._decide(conversation, revision, facts, answer)

    async def _existing(self, session_id: str) -> tuple[Conversation, int]:
        conversation, revision = await self._conversations.load(session_id)
        conversation.require()
        return conversation, revision

    def _accept(self) -> chat.Accepted:
        return chat.Accepted(message_id=self._ids.new(), run_id=self._ids.new(), reply_id=self._ids.new())

    def _decide(
        self, conversation: Conversation, revision: int, facts: tuple[Any, ...], answer: Any
    ) -> Decision[Any]:
        if not facts:
            return Decision(answer=answer, object=conversation.id)
        emit = Emit(stream=stream_of(conversation.id), expected=revision, events=facts)
        return Decision(
            answer=answer,
            emits=(emit,),
            snapshots=self._conversations.due(conversation.id),
            object=conversation.id,
        )
