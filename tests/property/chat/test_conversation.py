"""The conversation as a state machine: whatever people and runs do, the tree stays a tree."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autobot.contexts.chat.domain import Conversation, title_from
from autobot.contexts.chat.ports import decode, encode
from autobot.contracts import chat
from autobot.kernel.core.errors import Conflict, InvalidInput

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
text = st.text(min_size=1, max_size=80)


class ConversationMachine(RuleBasedStateMachine):
    """Posts, edits, regenerates, selects and records in any order; folds each fact into two copies."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation(id="s")
        self.facts: list[Any] = []
        self.kept: Conversation | None = None
        self.count = 0

    def _new(self) -> str:
        self.count += 1
        return f"m{self.count}"

    def _fold(self, facts: tuple[Any, ...]) -> None:
        for fact in facts:
            self.facts.append(fact)
            self.conversation.apply(fact, WHEN)
            if self.kept is not None:
                self.kept.apply(fact, WHEN)

    @rule()
    def keep(self) -> None:
        """A snapshot is taken; from then on facts are folded into what it says."""
        self.kept = decode(encode(self.conversation))

    @initialize()
    def create(self) -> None:
        """Begin."""
        self._fold((chat.SessionCreated(session_id="s", owner="u", title="", model=None),))

    @rule(content=text)
    def post(self, content: str) -> None:
        """Posting adds a message and its reply, or refuses an empty one."""
        before = len(self.conversation.entries)
        try:
            facts = self.conversation.post(
                content, None, message_id=self._new(), reply_id=self._new(), run_id=self._new(), asked_by={}
            )
        except InvalidInput:
            assert not content.strip()
            return
        self._fold(facts)
        assert len(self.conversation.entries) == before + 2
        assert self.conversation.branch()[-2].content == content

    @precondition(lambda self: self.conversation.entries)
    @rule(data=st.data(), content=text)
    def edit(self, data: st.DataObject, content: str) -> None:
        """Editing makes a sibling; only one's own messages can be edited."""
        one = data.draw(st.sampled_from(sorted(self.conversation.entries)))
        entry = self.conversation.entries[one]
        try:
            facts = self.conversation.edit(
                one, content, message_id=self._new(), reply_id=self._new(), run_id=self._new(), asked_by={}
            )
        except (Conflict, InvalidInput):
            assert entry.role == "assistant" or not content.strip()
            return
        self._fold(facts)
        assert facts[0].message_id in self.conversation.siblings(entry)

    @precondition(lambda self: self.conversation.entries)
    @rule(data=st.data())
    def regenerate(self, data: st.DataObject) -> None:
        """Regenerating makes a sibling of a reply that is written."""
        one = data.draw(st.sampled_from(sorted(self.conversation.entries)))
        entry = self.conversation.entries[one]
        try:
            facts = self.conversation.regenerate(
                one, None, new_reply_id=self._new(), run_id=self._new(), asked_by={}
            )
        except Conflict:
            assert entry.role == "user" or entry.status == "streaming"
            return
        self._fold(facts)

    @precondition(lambda self: self.conversation.active_run)
    @rule(data=st.data(), content=st.text(max_size=20))
    def record(self, data: st.DataObject, content: str) -> None:
        """A reply is recorded once; the second time changes nothing."""
        open_ones = [e for e in self.conversation.entries.values() if e.status == "streaming"]
        entry = data.draw(st.sampled_from(open_ones))
        reply = chat.Reply(content=content, status="complete")
        assert entry.run_id
        self._fold(self.conversation.record(entry.id, entry.run_id, reply))
        assert self.conversation.entries[entry.id].content == content
        assert self.conversation.record(entry.id, entry.run_id, reply) == ()

    @precondition(lambda self: self.conversation.entries)
    @rule(data=st.data())
    def select(self, data: st.DataObject) -> None:
        """Selecting shows a branch that contains the message and ends at a leaf."""
        one = data.draw(st.sampled_from(sorted(self.conversation.entries)))
        self._fold(self.conversation.select(one))
        assert one in [entry.id for entry in self.conversation.branch()]
        assert not self.conversation.children.get(self.conversation.head)

    @invariant()
    def branch_is_a_path(self) -> None:
        """The shown branch goes from a root to the head, each message following its parent."""
        branch = self.conversation.branch()
        parents = [None, *(entry.id for entry in branch)]
        assert [entry.parent_id for entry in branch] == parents[:-1]
        roles = [entry.role for entry in branch]
        assert all(a != b for a, b in itertools.pairwise(roles))
        assert all(self.conversation.chosen[entry.parent_id] == entry.id for entry in branch)

    @invariant()
    def replay_equals_live(self) -> None:
        """Folding all facts anew gives the same conversation."""
        again = Conversation(id="s")
        for fact in self.facts:
            again.apply(fact, WHEN)
        assert again == self.conversation

    @invariant()
    def a_snapshot_goes_on_as_the_whole_does(self) -> None:
        """Folded from a snapshot on, it is the same conversation."""
        assert self.kept is None or self.kept == self.conversation


TestConversation = ConversationMachine.TestCase


def test_titles_are_one_line_cut_at_a_word() -> None:
    """The title is the first line that says something, at most 60 characters and an ellipsis."""
    assert title_from("\n\n  Hello there\nmore") == "Hello there"
    long = title_from("word " * 40)
    assert len(long) <= 61
    assert long.endswith("word…")
