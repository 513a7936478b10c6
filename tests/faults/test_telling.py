"""The judge of the product's own log finds each way in which it could have broken its word to a client."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from autobot.testing.history_linear import Get, Operation, Set
from tests.faults.asking import Acknowledged, Notes
from tests.faults.telling import findings_of_log
from tests.faults.writing import EVENTS, SETTING, Removal


class Story:
    """What two programs and an administrator did, what they were told, and the log as it is."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.notes = [Notes("writer0"), Notes("writer1")]
        self.views = {"c0": ["one", "two"], "c1": ["three"]}
        self._revisions: dict[str, int] = {}
        for number, texts in enumerate(self.views.values()):
            self._chat(number, texts)
        for number in (0, 1):
            self._setting(number)
        self._event()
        self.letters = [{"position": len(self.log), "key": "e1"}]
        self.removals = [self._removal("gone", kept=False), self._removal("kept", kept=True)]

    def findings(self) -> list[str]:
        """Return what the judge says."""
        return findings_of_log(self.log, self.notes, self.removals, self.views, self.letters)

    def fact(self, stream: str, word: str, source: str = "urn:autobot:backend", **data: Any) -> int:
        """Write an event and return its position."""
        revision = self._revisions[stream] = self._revisions.get(stream, -1) + 1
        position = len(self.log) + 1
        event = {"position": position, "stream": stream, "revision": revision, "id": f"id-{position}"}
        self.log.append({**event, "source": source, "type": f"autobot.{word}.v1", "data": data})
        return position

    def _told(self, number: int, kind: str, body: Any, answer: Any = None, **more: Any) -> None:
        done = {"path": "/", "method": "POST", "key": "k", "status": 200, "attempts": 1}
        self.notes[number].acknowledged.append(
            Acknowledged(kind=kind, body=body, answer=answer, **{**done, **more})
        )

    def _chat(self, number: int, texts: list[str]) -> None:
        chat = f"c{number}"
        position = self.fact(f"chat-{chat}", "chat.session_created", title="t")
        self._told(number, "chat", {"title": "t"}, {"id": chat}, position=position)
        for text in texts:
            run = f"run-of-{text}"
            self.fact(f"chat-{chat}", "chat.message_posted", message_id=text, content=text)
            position = self.fact(f"chat-{chat}", "chat.reply_requested", parent_id=text, run_id=run)
            self._told(number, "message", {"content": text}, session=chat, position=position)
            self.fact(f"run-{run}", "runs.run_started", run_id=run, serial_key=chat)
            self.fact(f"chat-{chat}", "chat.reply_recorded", run_id=run)

    def _setting(self, number: int) -> None:
        value = f"value {number}"
        position = self.fact("settings-chat.system_prompt", "settings.setting_changed", reason=value)
        self._told(number, "setting", {"value": value, "reason": value}, path=SETTING, position=position)
        moment = number * 10.0
        self.notes[number].settings += [
            Operation(client="w", called=moment, answered=moment + 1, input=Set(value)),
            Operation(client="w", called=moment + 2, answered=moment + 3, input=Get(), output=value),
        ]

    def _event(self) -> None:
        position = self.fact("outside-1", "ignored", source="/soak")
        self.log[-1] |= {"id": "e1", "type": "com.example.soak.v1"}
        self._told(0, "event", {"id": "e1", "specversion": "1.0"}, path=EVENTS, position=position)

    def _removal(self, name: str, *, kept: bool) -> Removal:
        run, user, session = f"saga-{name}", f"user-{name}", f"chat-of-{name}"
        self.fact(f"run-{run}", "runs.run_started", run_id=run, serial_key=user)
        steps = [(0, True, False)] if kept else [(0, True, False), (1, False, True), (2, False, False)]
        for step, undone, pivot in steps:
            self.fact(f"run-{run}", "runs.step_started", step=step, compensation=undone, pivot=pivot)
            self.fact(f"run-{run}", "runs.step_completed", step=step)
        if kept:
            self.fact(f"run-{run}", "runs.run_turned")
            self.fact(user, "identity.user_kept")
            self.fact(f"run-{run}", "runs.step_compensated", step=0)
            self.fact(f"run-{run}", "runs.run_compensated")
        else:
            self.fact(user, "identity.user_removed")
            self.fact(f"chat-{session}", "chat.session_deleted")
            self.fact(f"run-{run}", "runs.run_completed")
        return Removal(
            user_id=name, username=name, saga=f"/api/v1/sagas/{run}", sessions=(session,), kept=kept
        )

    def drop(self, wanted: Callable[[Any], bool]) -> None:
        """Take the first such event out, without a trace."""
        gone = next(one for one in self.log if wanted(one))
        self.log.remove(gone)
        self.number()

    def again(self, wanted: Callable[[Any], bool]) -> None:
        """Write such an event a second time, at the end."""
        self.log.append(copy.deepcopy(next(one for one in self.log if wanted(one))))
        self.number()

    def number(self) -> None:
        """Give positions and revisions anew; nobody was told of any."""
        revisions: dict[str, int] = {}
        for position, one in enumerate(self.log, start=1):
            revisions[one["stream"]] = revisions.get(one["stream"], -1) + 1
            for letter in self.letters:
                if letter["position"] == one["position"]:
                    letter["position"] = position
            one |= {"position": position, "revision": revisions[one["stream"]]}
        for notes in self.notes:
            notes.acknowledged = [_placeless(one) for one in notes.acknowledged]


def _placeless(one: Acknowledged) -> Acknowledged:
    fields = {name: getattr(one, name) for name in Acknowledged.__dataclass_fields__}
    return Acknowledged(**{**fields, "position": None})


def of(word: str, **data: Any) -> Callable[[Any], bool]:
    """Return whether an event is of this type and holds these members."""
    return lambda one: one["type"] == f"autobot.{word}.v1" and data.items() <= one["data"].items()


def swap(story: Story, first: Callable[[Any], bool], second: Callable[[Any], bool]) -> None:
    """Exchange two events."""
    places = [next(n for n, one in enumerate(story.log) if wanted(one)) for wanted in (first, second)]
    one, other = places
    story.log[one], story.log[other] = story.log[other], story.log[one]
    story.number()


def test_a_story_in_which_every_word_was_kept_passes() -> None:
    """Nothing is wrong with it, nor when nobody was told any position."""
    story = Story()
    assert story.findings() == []
    story.number()
    assert story.findings() == []


def stale(story: Story) -> None:
    """Let a read that began after the second write was answered see the first one's value."""
    story.notes[0].settings.append(
        Operation(client="w", called=20.0, answered=21.0, input=Get(), output="value 0")
    )


PLANTED: list[tuple[str, Callable[[Story], object], str]] = [
    ("a message", lambda s: s.drop(of("chat.message_posted", content="three")), "torn"),
    ("an event from outside", lambda s: s.drop(lambda one: one["source"] == "/soak"), "lost"),
    ("a setting", lambda s: s.drop(of("settings.setting_changed", reason="value 0")), "lost"),
    ("a chat", lambda s: s.drop(of("chat.session_created")), "lost"),
    ("a message twice", lambda s: s.again(of("chat.message_posted")), "doubled"),
    ("an event twice", lambda s: s.again(lambda one: one["source"] == "/soak"), "doubled"),
    ("a setting twice", lambda s: s.again(of("settings.setting_changed")), "doubled"),
    ("no run", lambda s: s.drop(of("runs.run_started", run_id="run-of-one")), "lost"),
    ("a run twice", lambda s: s.again(of("runs.run_started", run_id="run-of-one")), "doubled"),
    ("no reply", lambda s: s.drop(of("chat.reply_recorded", run_id="run-of-two")), "lost"),
    ("a reply twice", lambda s: s.again(of("chat.reply_recorded", run_id="run-of-two")), "doubled"),
    (
        "runs in another order",
        lambda s: swap(
            s,
            of("runs.run_started", run_id="run-of-one"),
            of("runs.run_started", run_id="run-of-two"),
        ),
        "reordered",
    ),
    ("no dead letter", lambda s: s.letters.clear(), "lost"),
    ("a dead letter twice", lambda s: s.letters.append(s.letters[0]), "doubled"),
    ("a view without a message", lambda s: s.views["c0"].pop(), "lost"),
    ("a view with one twice", lambda s: s.views["c0"].append("one"), "doubled"),
    ("a view in another order", lambda s: s.views["c0"].reverse(), "reordered"),
    (
        "a message that nobody sent",
        lambda s: s.fact("chat-c0", "chat.message_posted", message_id="x", content="x"),
        "invented",
    ),
    ("a stale read of a setting", stale, "unlinearizable"),
    ("a removal without an end", lambda s: s.drop(of("runs.run_completed")), "unfinished"),
    ("a user who is still there", lambda s: s.drop(of("identity.user_removed")), "half"),
    ("a user's chat that is still there", lambda s: s.drop(of("chat.session_deleted")), "half"),
    ("a user removed twice", lambda s: s.again(of("identity.user_removed")), "doubled"),
    ("a user who was not kept", lambda s: s.drop(of("identity.user_kept")), "half"),
    (
        "a gap",
        lambda s: s.log[-1].update(position=s.log[-1]["position"] + 1),
        "gap",
    ),
]


@pytest.mark.parametrize(("plant", "kind"), [one[1:] for one in PLANTED], ids=[one[0] for one in PLANTED])
def test_a_planted_fault_is_found_and_named(plant: Callable[[Story], object], kind: str) -> None:
    """Each is found under its name."""
    story = Story()
    plant(story)
    found = story.findings()
    assert kind in {one.partition(":")[0] for one in found}, found
