"""Long chats are loaded from a snapshot and what came after it; the log alone is the truth."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec
import pytest

from autobot.contexts.chat.domain import Conversation, stream_of
from autobot.contexts.chat.module import build
from autobot.contexts.chat.ports import SCHEMA, SNAPSHOTS, Conversations, Kept
from autobot.contexts.chat.read_model import chat_projection
from autobot.contracts import chat
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import NotFound
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.repository import Snapshots
from autobot.kernel.event_store.transaction import SaveSnapshot, Transaction
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio
ANN = Principal(id="ann", kind="user", role="user", user_id="ann", username="ann")
SERVICE = Principal(id="service:ai", kind="service", role="service", user_id="ann", username="ai")


async def at_once(*, surely: bool = False, position: int = 0) -> None:
    """Wait for no list."""


class World(Ground):
    """The chat context on the memory store; it writes what every process would."""

    def __init__(self) -> None:
        super().__init__(chat.EVENTS)
        past = Past(self.store, (chat_projection(self.codec),))
        self.door = self.bus([build(self.store, self.codec, self.ids, at_once, past)], ())

    async def do(self, command: Any, who: Principal = ANN) -> Any:
        """Have a command done."""
        return (await self.door.dispatch(command, context_of(who))).value

    async def talk(self, messages: int, session: str = "") -> str:
        """Say something so often, with a reply each: three events of it in all, and one that names the chat."""
        session = session or (await self.do(chat.CreateSession())).id
        for number in range(messages):
            asked = await self.do(chat.PostMessage(session_id=session, content=f"Word {number}"))
            reply = chat.Reply(content=f"Answer {number}", status="complete")
            recorded = chat.RecordReply(
                session_id=session, message_id=asked.reply_id, run_id=asked.run_id, reply=reply
            )
            await self.do(recorded, SERVICE)
        return session

    async def anew(
        self, session: str, snapshots: Snapshots[Conversation] | None = SNAPSHOTS
    ) -> tuple[Conversation, int]:
        """Load a chat as a process does that never saw it."""
        return await Conversations(self.store, self.codec, snapshots).load(session)

    async def kept(self, session: str) -> int | None:
        """Return the revision of a chat's snapshot."""
        found = await self.store.snapshot(stream_of(session), SCHEMA)
        return None if found is None else found.revision


async def test_a_long_chat_is_kept_and_a_short_one_is_not() -> None:
    """From 500 events on a snapshot goes with a command's commit; loaded with it or without, the chat is the same."""
    world = World()
    session = await world.talk(160)
    assert await world.kept(session) is None
    await world.talk(40, session)
    at = await world.kept(session)
    assert at is not None
    assert at >= 499
    whole, revision = await world.anew(session, None)
    assert revision > at
    assert await world.anew(session) == (whole, revision)
    assert len(whole.entries) == 400


async def test_what_is_written_grows_with_the_chat_and_not_with_its_square() -> None:
    """A snapshot is due after 500 events, and for a long chat after a fifth of it; not at each command."""
    due = SNAPSHOTS.due
    assert [due(499, -1), due(498, -1), due(998, 499), due(999, 499)] == [True, False, False, True]
    assert [due(10_000, 8_001), due(10_000, 8_000)] == [False, True]
    world = World()
    session = await world.talk(180)
    first = await world.kept(session)
    await world.talk(20, session)
    assert await world.kept(session) == first


async def test_a_snapshot_that_cannot_be_used_is_passed_over() -> None:
    """One of another shape is not looked at, one that cannot be read is not believed: the log is folded whole."""
    world = World()
    session = await world.talk(180)
    whole = await world.anew(session, None)
    assert await world.anew(session, replace(SNAPSHOTS, schema="chat.conversation.2")) == whole
    found = await world.store.snapshot(stream_of(session), SCHEMA)
    assert found is not None
    for data in (b"", b"{}", found.data[:-2]):
        spoiled = SaveSnapshot(stream=stream_of(session), revision=found.revision, schema=SCHEMA, data=data)
        await world.store.commit(Transaction(snapshots=(spoiled,)))
        assert await world.anew(session) == whole


async def test_a_snapshot_is_erased_with_its_chat() -> None:
    """After the deletion nothing that is stored has its text, and the chat is gone for who loads it anew."""
    world = World()
    session = await world.talk(180)
    assert await world.kept(session) is not None
    assert "Word 7" in await world.everything_stored()
    await world.do(chat.DeleteSession(session_id=session))
    assert await world.kept(session) is None
    assert "Word 7" not in await world.everything_stored()
    with pytest.raises(NotFound):
        (await world.anew(session))[0].require()


def wordless(schema: Any) -> Any:
    """Return a schema without its descriptions."""
    if isinstance(schema, dict):
        return {name: wordless(one) for name, one in schema.items() if name != "description"}
    return [wordless(one) for one in schema] if isinstance(schema, list) else schema


def test_the_name_of_the_shape_changes_with_it() -> None:
    """What a snapshot holds is pinned together with its name: a changed shape under an old name would be read wrongly."""
    shape = msgspec.json.encode(wordless(msgspec.json.schema(Kept)), order="sorted")
    assert (SCHEMA, blake2b(shape, digest_size=8).hexdigest()) == ("chat.conversation.4", "18371e0203706334")
