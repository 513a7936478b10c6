"""A chat that goes on here: what was said elsewhere comes along and behaves as any other message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from autobot.contexts.chat.domain import Conversation, started
from autobot.contracts import chat
from autobot.kernel.core.errors import Conflict, InvalidInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDS = chat.Started(session_id="s", message_id="m", run_id="r", reply_id="a")
AGAIN: dict[str, Any] = {"new_reply_id": "a2", "run_id": "r2", "asked_by": {}}
EARLIER = (
    chat.Earlier(role="system", content="Be kind."),
    chat.Earlier(role="user", content="First question"),
    chat.Earlier(role="assistant", content="First answer"),
)


def start(*earlier: chat.Earlier, content: str = "And now?") -> tuple[Any, ...]:
    """Return the facts of a start."""
    command = chat.StartChat(via="agent:chat", model="ollama:tiny", earlier=earlier, content=content)
    names = [f"b{number}" for number in range(len(earlier))]
    return started(command, IDS, "alice", {}, brought_ids=names)


def folded(facts: tuple[Any, ...]) -> Conversation:
    """Return the chat that facts make."""
    conversation = Conversation(id="s")
    for fact in facts:
        conversation.apply(fact, NOW)
    return conversation


def test_what_came_along_leads_to_the_message_that_is_answered() -> None:
    """One thread, oldest first; nothing of it waits for a run but the reply."""
    conversation = folded(start(*EARLIER))
    assert [one.id for one in conversation.branch()] == ["b0", "b1", "b2", "m", "a"]
    assert [one.status for one in conversation.branch()] == ["complete"] * 4 + ["streaming"]
    assert (conversation.runs, conversation.active_run) == (("r",), "r")
    assert (conversation.owner, conversation.model) == ("alice", "ollama:tiny")


def test_the_title_says_where_the_chat_comes_from() -> None:
    """It is made of the first thing that the person said, here or before."""
    assert folded(start(*EARLIER)).title == "agent:chat · First question"
    assert folded(start(EARLIER[0], content="Only this")).title == "agent:chat · Only this"


def test_without_anything_before_there_is_no_fact_of_it() -> None:
    """A chat that begins here has the message at its root."""
    facts = start()
    assert not any(isinstance(one, chat.MessagesBrought) for one in facts)
    assert folded(facts).entry("m").parent_id is None


def test_what_came_along_can_be_said_differently() -> None:
    """A message of the person's is edited beside itself; its place in the tree is the same."""
    conversation = folded(start(*EARLIER))
    facts = conversation.edit("b1", "Another", message_id="m2", reply_id="a2", run_id="r2", asked_by={})
    for fact in facts:
        conversation.apply(fact, NOW)
    assert [one.id for one in conversation.branch()] == ["b0", "m2", "a2"]
    assert conversation.siblings(conversation.entry("m2")) == ("b1", "m2")


def test_only_an_answer_to_a_person_can_be_given_again() -> None:
    """A reply that came along is regenerated after its question; one that follows no question is not."""
    conversation = folded(start(*EARLIER))
    (asked,) = conversation.regenerate("b2", None, **AGAIN)
    assert asked.parent_id == "b1"
    greeting = chat.Earlier(role="assistant", content="Hello, I am a bot.")
    for earlier, message in (((greeting,), "b0"), ((EARLIER[0], greeting), "b1"), (EARLIER, "b0")):
        with pytest.raises(Conflict):
            folded(start(*earlier)).regenerate(message, None, **AGAIN)


def test_an_empty_message_starts_nothing() -> None:
    """There would be nothing to answer."""
    with pytest.raises(InvalidInput):
        start(*EARLIER, content=" \n")
