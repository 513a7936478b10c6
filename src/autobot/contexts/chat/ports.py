"""What the chat context needs from the world: its conversations, folded from the log."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from autobot.contexts.chat.domain import Conversation, Entry, stream_of
from autobot.contracts.chat import NOW, AsOf, DocumentUse
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.repository import Loaded, Repository, Snapshots
from autobot.kernel.event_store.transaction import Recorded, SaveSnapshot

CACHED_SESSIONS: Final = 256


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as a snapshot has it; what follows from the entries is left out. Change SCHEMA with it, and with
    `Entry` and what that holds."""

    id: str
    owner: str
    title: str
    titled: bool
    model: str | None
    documents: DocumentUse
    created_at: datetime | None
    updated_at: datetime | None
    head: str | None
    entries: list[Entry]
    chosen: list[tuple[str | None, str]]


SCHEMA: Final = "chat.conversation.4"
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Kept).decode


def encode(conversation: Conversation) -> bytes:
    """Return a conversation as a snapshot."""
    return _encode(
        Kept(
            id=conversation.id,
            owner=conversation.owner,
            title=conversation.title,
            titled=conversation.titled,
            model=conversation.model,
            documents=conversation.documents,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            head=conversation.head,
            entries=list(conversation.entries.values()),
            chosen=list(conversation.chosen.items()),
        )
    )


def decode(data: bytes) -> Conversation:
    """Return the conversation of a snapshot. Raises ValueError for one that cannot be read."""
    try:
        kept = _decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError("this snapshot of a conversation cannot be read") from error
    children: dict[str | None, list[str]] = {}
    for entry in kept.entries:
        children.setdefault(entry.parent_id, []).append(entry.id)
    return Conversation(
        id=kept.id,
        owner=kept.owner,
        title=kept.title,
        titled=kept.titled,
        model=kept.model,
        documents=kept.documents,
        created_at=kept.created_at,
        updated_at=kept.updated_at,
        head=kept.head,
        entries={one.id: one for one in kept.entries},
        children=children,
        chosen=dict(kept.chosen),
    )


SNAPSHOTS: Final = Snapshots(schema=SCHEMA, encode=encode, decode=decode, every=500, share=0.2)
"""Few chats have 500 events, and those fold in milliseconds; of a longer one at most a fifth is folded."""


def _folded(conversation: Conversation, event: Any, recorded: Recorded) -> Conversation:
    conversation.apply(event, recorded.message.time)
    return conversation


class Conversations:
    """Loads sessions, now or as they were, and keeps the last used ones folded up to where it read them."""

    def __init__(
        self, store: EventStore, codec: EventCodec, snapshots: Snapshots[Conversation] | None = SNAPSHOTS
    ) -> None:
        self._streams = Repository(
            store,
            codec,
            initial=lambda stream: Conversation(id=stream.removeprefix(stream_of(""))),
            apply=_folded,
            snapshots=snapshots,
        )
        self._cache: OrderedDict[str, Loaded[Conversation]] = OrderedDict()

    async def load(self, session_id: str, as_of: AsOf = NOW) -> tuple[Conversation, int]:
        """Return the session and its stream's revision (-1: it never was); a past moment is folded anew.

        Callers do not mutate it.
        """
        stream = stream_of(session_id)
        if as_of != NOW:
            then = await self._streams.load_at(stream, at=as_of.at, position=as_of.position)
            return then.state, then.revision
        loaded = await self._streams.load(stream, self._cache.pop(session_id, None))
        if loaded.revision >= 0 and not loaded.state.deleted:
            self._cache[session_id] = loaded
            if len(self._cache) > CACHED_SESSIONS:
                self._cache.popitem(last=False)
        return loaded.state, loaded.revision

    def due(self, session_id: str) -> tuple[SaveSnapshot, ...]:
        """Return the snapshot of a session that is due since it was loaded, if one is: for the next transaction."""
        loaded = self._cache.get(session_id)
        if loaded is None:
            return ()
        found = self._streams.snapshot(stream_of(session_id), loaded)
        if found:
            self._cache[session_id] = replace(loaded, snapshot=loaded.revision)
        return found
