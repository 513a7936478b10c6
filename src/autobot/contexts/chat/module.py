"""The door of the chat context."""

from __future__ import annotations

from typing import Any

from autobot.contexts.chat.handlers import ChatHandlers
from autobot.contexts.chat.ports import Conversations
from autobot.contexts.chat.read_model import CaughtUp, ChatQueries
from autobot.contracts import chat
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.ports import EventStore

_OWN = Verdict.OWN

RULES = (
    Rule(action="chat:read", admin=_OWN, operator=_OWN, user=_OWN, viewer=_OWN),
    Rule(action="chat:write", admin=_OWN, operator=_OWN, user=_OWN),
    Rule(action="chat:record_reply"),
)


def build(store: EventStore, codec: EventCodec, ids: IdSource, caught_up: CaughtUp, past: Past) -> Module:
    """Wire the context. `past` knows the read model `chat`."""
    conversations = Conversations(store, codec)
    write, read = ChatHandlers(conversations, ids), ChatQueries(conversations, store, caught_up, past)
    return Module(
        name="chat", commands=_commands(write), queries=_queries(read, write), events=chat.EVENTS, rules=RULES
    )


def _commands(write: ChatHandlers) -> tuple[CommandSpec, ...]:
    def spec(command: type[Any], handler: Any, answer: Any, *, owned: bool = True) -> CommandSpec:
        owner = write.owner if owned else None
        return CommandSpec(command=command, action="chat:write", handler=handler, answer=answer, owner=owner)

    return (
        spec(chat.CreateSession, write.create, chat.SessionView, owned=False),
        spec(chat.StartChat, write.start, chat.Started, owned=False),
        spec(chat.ChangeSession, write.change, chat.Nothing),
        spec(chat.DeleteSession, write.delete, chat.Nothing),
        spec(chat.PostMessage, write.post, chat.Accepted),
        spec(chat.EditMessage, write.edit, chat.Accepted),
        spec(chat.RegenerateReply, write.regenerate, chat.Accepted),
        spec(chat.SelectBranch, write.select, chat.Nothing),
        CommandSpec(
            command=chat.RecordReply,
            action="chat:record_reply",
            handler=write.record,
            answer=chat.Recorded,
        ),
    )


def _queries(read: ChatQueries, write: ChatHandlers) -> tuple[QuerySpec, ...]:
    def spec(query: type[Any], handler: Any, *, owned: bool = True) -> QuerySpec:
        owner = write.owner if owned else None
        return QuerySpec(query=query, action="chat:read", handler=handler, owner=owner)

    return (
        spec(chat.ListSessions, read.sessions, owned=False),
        spec(chat.GetSession, read.session),
        spec(chat.ListMessages, read.messages),
        spec(chat.GetMessage, read.message),
        spec(chat.GetThread, read.thread),
        spec(chat.SearchMessages, read.search, owned=False),
    )
