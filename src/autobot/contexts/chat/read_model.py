"""The read side: sessions and messages as lists, threads and search hits, now or as of a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from autobot.contexts.chat.domain import Conversation, Entry
from autobot.contexts.chat.ports import Conversations
from autobot.contracts import chat
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import InvalidInput, NotFound
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.fold import position_of
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection, Reader
from autobot.kernel.event_store.transaction import Delete, Document, Put, Query, Recorded

PROJECTION: Final = "chat"
SESSIONS: Final = "chat.sessions"
MESSAGES: Final = "chat.messages"
TYPES: Final = ("autobot.chat.*",)
BATCH: Final = 1000


class CaughtUp(Protocol):
    """Returns when the lists show what was committed before (read your own writes), or what they lack when that has
    taken long enough."""

    def __call__(self, *, surely: bool = False, position: int = 0) -> Awaitable[chat.Behind | None]:
        """With `surely`, raise DeadlineExceeded when it took too long; with a `position`, wait for that, or raise
        Stale."""


def session_view(conversation: Conversation) -> chat.SessionView:
    """Return a session as lists show it."""
    created, updated = conversation.created_at, conversation.updated_at
    return chat.SessionView(
        id=conversation.id,
        title=conversation.title,
        model=conversation.model,
        created_at=rfc3339(created) if created else "",
        updated_at=rfc3339(updated) if updated else "",
        message_count=len(conversation.entries),
        active_run_id=conversation.active_run,
        documents=conversation.documents,
    )


def message_view(conversation: Conversation, entry: Entry) -> chat.MessageView:
    """Return a message as threads show it."""
    reply = entry.reply
    return chat.MessageView(
        id=entry.id,
        role=entry.role,
        content=entry.content,
        created_at=rfc3339(entry.created_at),
        run_id=entry.run_id,
        parent_id=entry.parent_id,
        status=entry.status,
        model=reply.model if reply else None,
        served_by=reply.served_by if reply else None,
        usage=reply.usage if reply else None,
        error=reply.error if reply else None,
        finish_reason=reply.finish_reason if reply else None,
        tool_calls=reply.tool_calls if reply else (),
        citations=reply.citations if reply else (),
        siblings=conversation.siblings(entry),
        left_out=reply.left_out if reply else (),
        route=reply.route if reply else None,
        grounding=reply.grounding if reply else None,
        brought=entry.brought,
    )


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name != "active_runs"}
    # Rows of chats that began before documents could be chosen have none.
    return shown if "documents" in shown else {**shown, "documents": msgspec.to_builtins(chat.AS_ASKED)}


def _session_page(
    found: Sequence[Document], limit: int, behind: chat.Behind | None = None
) -> chat.Listing[Mapping[str, Any]]:
    """Return a page from one document more than it has."""
    items = tuple(_item(one.document) for one in found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    cursor = encode_cursor(last.sort, last.key) if last else None
    return chat.Listing(items=items, next_cursor=cursor, behind=behind)


class ChatQueries:
    """One method a query. Ownership is checked by the bus before."""

    def __init__(
        self, conversations: Conversations, store: EventStore, caught_up: CaughtUp, past: Past
    ) -> None:
        self._conversations, self._store, self._caught_up = conversations, store, caught_up
        self._past = past

    async def _existing(self, session_id: str, as_of: chat.AsOf = chat.NOW) -> Conversation:
        conversation, _ = await self._conversations.load(session_id, as_of)
        conversation.require()
        return conversation

    async def sessions(
        self, query: chat.ListSessions, context: CallContext
    ) -> chat.Listing[Mapping[str, Any]]:
        """Page through the principal's sessions, last changed first, now or as they were."""
        place = decode_cursor(query.cursor, 2)
        after = (place[0], place[1]) if place else None
        if query.as_of != chat.NOW:
            return await self._sessions_then(query, context.principal.user_id, after)
        behind = await self._caught_up(surely=query.complete, position=query.min_position)
        found = await self._store.query(
            Query(
                table=SESSIONS,
                owner=context.principal.user_id,
                text=query.search.strip() or None,
                after=after,
                limit=query.limit + 1,
                order="descending",
            )
        )
        return _session_page(found, query.limit, behind)

    async def _sessions_then(
        self, query: chat.ListSessions, owner: str | None, after: tuple[str, str] | None
    ) -> chat.Listing[Mapping[str, Any]]:
        if query.search.strip():
            raise InvalidInput("The past of the list cannot be searched; ask for the list without `q`.")
        position = await position_of(self._store, at=query.as_of.at, position=query.as_of.position)
        tables = await self._past.tables(PROJECTION, position or 0)
        wanted = Query(table=SESSIONS, owner=owner, after=after, limit=query.limit + 1, order="descending")
        return _session_page(await tables.query(wanted), query.limit)

    async def session(self, query: chat.GetSession, context: CallContext) -> chat.SessionView:
        """Return one session."""
        return session_view(await self._existing(query.session_id, query.as_of))

    async def messages(self, query: chat.ListMessages, context: CallContext) -> chat.Page[chat.MessageView]:
        """Page through the shown branch."""
        conversation = await self._existing(query.session_id, query.as_of)
        entries: Sequence[Entry] = (
            tuple(conversation.entries.values()) if query.all_branches else conversation.branch()
        )
        place = decode_cursor(query.cursor, 1)
        start = 0
        if place:
            start = next((index + 1 for index, one in enumerate(entries) if one.id == place[0]), -1)
            if start < 0:
                raise NotFound("The message of this cursor is not in the shown branch any more.")
        page = entries[start : start + query.limit]
        more = start + query.limit < len(entries)
        return chat.Page(
            items=tuple(message_view(conversation, one) for one in page),
            next_cursor=encode_cursor(page[-1].id) if more else None,
        )

    async def message(self, query: chat.GetMessage, context: CallContext) -> chat.MessageView:
        """Return one message."""
        conversation = await self._existing(query.session_id)
        return message_view(conversation, conversation.entry(query.message_id))

    async def thread(self, query: chat.GetThread, context: CallContext) -> chat.Thread:
        """Return what leads to a message, for the run that answers it."""
        conversation = await self._existing(query.session_id)
        return chat.Thread(
            session_id=conversation.id,
            owner=conversation.owner,
            model=conversation.model,
            documents=conversation.documents,
            messages=tuple(message_view(conversation, one) for one in conversation.thread(query.message_id)),
        )

    async def search(self, query: chat.SearchMessages, context: CallContext) -> chat.Listing[chat.MessageHit]:
        """Full-text search, best first."""
        behind = await self._caught_up(position=query.min_position)
        hits = await self._store.search(
            Query(table=MESSAGES, owner=context.principal.user_id, text=query.text, limit=query.limit)
        )
        found: list[chat.MessageHit] = []
        for hit in hits:
            document = hit.document.document
            session = await self._store.get(SESSIONS, str(document["session_id"]))
            if session is not None:
                found.append(
                    chat.MessageHit(
                        session_id=str(document["session_id"]),
                        session_title=str(session.document["title"]),
                        message_id=hit.document.key,
                        excerpt=hit.excerpt,
                        created_at=str(document["created_at"]),
                    )
                )
        return chat.Listing(items=tuple(found), behind=behind)


# ----------------------------------------------------------------------------------------- projection


class ChatProjection:
    """Keeps the tables of sessions and messages. `active_runs` in a session's row is the projection's own."""

    def __init__(self, codec: EventCodec) -> None:
        self._codec = codec

    async def apply(self, recorded: Recorded, reader: Reader) -> Sequence[Put | Delete]:
        """Return the writes that one event causes."""
        event, time = self._codec.unwrap(recorded), rfc3339(recorded.message.time)
        if isinstance(event, chat.SessionCreated):
            return (_row(event.owner, _new_row(event, time)),)
        session_id = recorded.stream.removeprefix("chat-")
        stored = await reader.get(SESSIONS, session_id)
        if stored is None:
            return ()
        row, owner = dict(stored.document), stored.owner
        row["updated_at"] = time
        match event:
            case chat.SessionChanged():
                row["title"] = event.title or row["title"]
                row["model"] = event.model or row["model"]
                if event.documents is not None:
                    row["documents"] = msgspec.to_builtins(event.documents)
            case chat.MessagePosted():
                row["message_count"] += 1
                return (_row(owner, row), _message(owner, session_id, event.message_id, event.content, time))
            case chat.MessagesBrought():
                row["message_count"] += len(event.messages)
                said = (
                    _message(owner, session_id, one.message_id, one.content, time) for one in event.messages
                )
                return (_row(owner, row), *said)
            case chat.ReplyRequested():
                row["message_count"] += 1
                row["active_runs"] = [*row["active_runs"], event.run_id]
            case chat.ReplyRecorded():
                row["active_runs"] = [one for one in row["active_runs"] if one != event.run_id]
                message = _message(owner, session_id, event.message_id, event.reply.content, time)
                return (_row(owner, row), message)
            case chat.SessionDeleted():
                return await self._deleted(session_id, reader)
            case _:
                return ()
        return (_row(owner, row),)

    async def _deleted(self, session_id: str, reader: Reader) -> Sequence[Put | Delete]:
        writes: list[Put | Delete] = [Delete(table=SESSIONS, key=session_id)]
        after: tuple[str, str] | None = None
        while True:
            page = await reader.query(Query(table=MESSAGES, group=session_id, after=after, limit=BATCH))
            writes.extend(Delete(table=MESSAGES, key=one.key) for one in page)
            if len(page) < BATCH:
                return writes
            after = (page[-1].sort, page[-1].key)


def chat_projection(codec: EventCodec) -> Projection:
    """Return the read model of sessions and messages."""
    return Projection(
        name=PROJECTION, types=TYPES, tables=(SESSIONS, MESSAGES), apply=ChatProjection(codec).apply
    )


def _new_row(event: chat.SessionCreated, time: str) -> dict[str, Any]:
    return {
        "id": event.session_id,
        "title": event.title,
        "model": event.model,
        "documents": msgspec.to_builtins(event.documents),
        "created_at": time,
        "updated_at": time,
        "message_count": 0,
        "active_runs": [],
    }


def _row(owner: str, row: dict[str, Any]) -> Put:
    active: list[str] = row["active_runs"]
    document = {**row, "active_run_id": active[0] if active else None}
    return Put(
        table=SESSIONS,
        key=row["id"],
        document=document,
        owner=owner,
        sort=row["updated_at"],
        text=row["title"],
    )


def _message(owner: str, session_id: str, message_id: str, content: str, time: str) -> Put:
    document = {"session_id": session_id, "created_at": time}
    return Put(
        table=MESSAGES,
        key=message_id,
        document=document,
        owner=owner,
        group=session_id,
        sort=time,
        text=content,
    )
