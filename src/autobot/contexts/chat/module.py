"""The door of the chat context."""

from __future__ import annotations

from autobot.contexts.chat.handlers import ChatHandlers
from autobot.contexts.chat.read_model import CaughtUp, ChatQueries, StoredConversations
from autobot.contracts import chat
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

_OWN = Verdict.OWN

RULES = (
    Rule(action="chat:read", admin=_OWN, operator=_OWN, user=_OWN, viewer=_OWN),
    Rule(action="chat:write", admin=_OWN, operator=_OWN, user=_OWN),
    Rule(action="chat:record_reply"),
)


def build(store: EventStore, codec: EventCodec, ids: IdSource, caught_up: CaughtUp) -> Module:
    """Wire the context."""
    conversations = StoredConversations(store, codec)
    write, read = ChatHandlers(conversations, ids), ChatQueries(conversations, store, caught_up)
    owner = write.owner
    return Module(
        name="chat",
        commands=(
            CommandSpec(
                command=chat.CreateSession,
                action="chat:write",
                handler=write.create,
                answer=chat.SessionView,
            ),
            CommandSpec(
                command=chat.ChangeSession,
                action="chat:write",
                handler=write.change,
                answer=chat.Nothing,
                owner=owner,
            ),
            CommandSpec(
                command=chat.DeleteSession,
                action="chat:write",
                handler=write.delete,
                answer=chat.Nothing,
                owner=owner,
            ),
            CommandSpec(
                command=chat.PostMessage,
                action="chat:write",
                handler=write.post,
                answer=chat.Accepted,
                owner=owner,
            ),
            CommandSpec(
                command=chat.EditMessage,
                action="chat:write",
                handler=write.edit,
                answer=chat.Accepted,
                owner=owner,
            ),
            CommandSpec(
                command=chat.RegenerateReply,
                action="chat:write",
                handler=write.regenerate,
                answer=chat.Accepted,
                owner=owner,
            ),
            CommandSpec(
                command=chat.SelectBranch,
                action="chat:write",
                handler=write.select,
                answer=chat.Nothing,
                owner=owner,
            ),
            CommandSpec(
                command=chat.RecordReply,
                action="chat:record_reply",
                handler=write.record,
                answer=chat.Nothing,
            ),
        ),
        queries=(
            QuerySpec(query=chat.ListSessions, action="chat:read", handler=read.sessions),
            QuerySpec(query=chat.GetSession, action="chat:read", handler=read.session, owner=owner),
            QuerySpec(query=chat.ListMessages, action="chat:read", handler=read.messages, owner=owner),
            QuerySpec(query=chat.GetMessage, action="chat:read", handler=read.message, owner=owner),
            QuerySpec(query=chat.GetThread, action="chat:read", handler=read.thread, owner=owner),
            QuerySpec(query=chat.SearchMessages, action="chat:read", handler=read.search),
        ),
        events=chat.EVENTS,
        rules=RULES,
    )
