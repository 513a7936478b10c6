"""The load: programs that chat, change settings and post events, and an administrator who removes users."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Any, Final

from autobot.testing.harness import PASSWORD
from tests.faults.asking import Acknowledged, Asker, Notes
from tests.faults.progress import Progress

CHAT: Final = "/api/v1/chat"
SETTING: Final = "/api/v1/settings/chat.system_prompt"
EVENTS: Final = "/api/v1/events"
USERS: Final = "/api/v1/auth/users"
PAUSE_S: Final = 0.06
BEFORE_STOP_S: Final = 0.2


class Worker:
    """Does one thing after the other in a thread of its own until it is told to end."""

    def __init__(self, address: str, key: str, name: str, seed: int, progress: Progress) -> None:
        self.name = name
        self._chance = random.Random(f"{seed}-{name}")
        self._asker = Asker(address, name, self._chance, progress)
        self._asker.prove(authorization=f"Bearer {key}")
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def notes(self) -> Notes:
        """What it knows; for others when it has ended."""
        return self._asker.notes

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def halt(self) -> None:
        """Ask it to end after the request that it is at."""
        self._halt.set()

    def ended(self, within_s: float) -> bool:
        """Wait for its end; False when it did not come in time."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._halt.is_set():
                self.act()
                self._halt.wait(PAUSE_S * self._chance.random())
        except AssertionError as error:
            self.notes.wrong.append(f"{self.name}: {error}")
        finally:
            self._asker.close()

    def act(self) -> None:
        """Do one thing."""
        raise AssertionError("each worker says what it does")


class Writer(Worker):
    """One person's program, with chats of its own; half of them are answered by `model`."""

    def __init__(
        self, address: str, key: str, name: str, seed: int, progress: Progress, *, model: str | None
    ) -> None:
        super().__init__(address, key, name, seed, progress)
        self._model = model
        self._sessions: list[str] = []
        self._count = 0

    def act(self) -> None:
        """Chat, change or read the setting, post an event, or ask an answered question again."""
        dice = self._chance.random()
        if dice < 0.06 or not self._sessions:
            self._begin_chat()
        elif dice < 0.10:
            self._rename()
        elif dice < 0.12 and len(self._sessions) > 2:
            self._delete()
        elif dice < 0.22 and self.notes.acknowledged:
            self._again(self._chance.choice(self.notes.acknowledged))
        elif dice < 0.32:
            self._change()
        elif dice < 0.40:
            self._asker.read_setting(SETTING)
        elif dice < 0.55:
            self._post()
        else:
            self._say()

    def _begin_chat(self) -> None:
        self._count += 1
        model = self._model if self._count % 2 == 0 else "agent:assistant"
        body = {"title": f"{self.name} {self._count}", "model": model or "agent:assistant"}
        done = self._asker.ask("chat", "POST", f"{CHAT}/sessions", body, (201,))
        self._sessions.append(done.answer["id"])

    def _say(self) -> None:
        self._count += 1
        session = self._chance.choice(self._sessions)
        body = {"content": f"{self.name} says number {self._count}"}
        path = f"{CHAT}/sessions/{session}/messages"
        done = self._asker.ask("message", "POST", path, body, (202,), session)
        if self._chance.random() < 0.05:
            stop = f"{CHAT}/runs/{done.answer['run_id']}/stop"
            self._asker.ask("stop", "POST", stop, {}, (202,), session)

    def _rename(self) -> None:
        self._count += 1
        session = self._chance.choice(self._sessions)
        body = {"title": f"{self.name} renamed {self._count}"}
        self._asker.ask("rename", "PATCH", f"{CHAT}/sessions/{session}", body, (200,), session)

    def _delete(self) -> None:
        session = self._sessions.pop(self._chance.randrange(len(self._sessions)))
        self.notes.deleted.add(session)
        self._asker.ask("delete", "DELETE", f"{CHAT}/sessions/{session}", None, (204,), session)

    def _change(self) -> None:
        self._count += 1
        body = {"value": f"{self.name} wants {self._count}", "reason": f"{self.name}-{self._count}"}
        self._asker.ask("setting", "PUT", SETTING, body, (200,))

    def _post(self) -> None:
        self._count += 1
        identity = f"{self.name}-{self._count}"
        body = {
            "specversion": "1.0",
            "id": identity,
            "source": "/soak",
            "type": "com.example.soak.v1",
            "partitionkey": identity,
            "data": {"n": self._count},
        }
        self._asker.ask("event", "POST", EVENTS, body, (202,))

    def _again(self, done: Acknowledged) -> None:
        """Send an answered request once more: it must be replayed, whatever happened to the server since."""
        if done.session in self.notes.deleted or done.kind in ("chat", "rename", "setting"):
            # Their answers show the object as it is now, which may have changed or gone since.
            return
        asker = self._asker
        reply, _ = asker.until_answered(done.method, done.path, done.body, done.key)
        self.notes.replayed += 1
        asker.hold(reply.headers.get("idempotent-replayed") == "true", f"not replayed: {done} got {reply}")
        asker.hold(reply.status == done.status, f"replayed as {reply.status}: {done}")
        same = reply.body == b"" or reply.json == done.answer
        asker.hold(same, f"another answer {reply.body!r}: {done}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A user whose removal was acknowledged: under which saga, with which chats; `kept` when it was taken back."""

    user_id: str
    username: str
    saga: str
    sessions: tuple[str, ...]
    kept: bool


class Remover(Worker):
    """An administrator: adds a user, lets them chat, removes them; some removals are taken back while they wait."""

    def __init__(self, address: str, key: str, name: str, seed: int, progress: Progress) -> None:
        super().__init__(address, key, name, seed, progress)
        self._address, self._seed, self._progress = address, seed, progress
        self._count = 0
        self.removals: list[Removal] = []

    def act(self) -> None:
        """One user's whole life."""
        self._count += 1
        username = f"{self.name}-{self._count}"
        body = {"username": username, "role": "user", "password": PASSWORD}
        user_id = self._asker.ask("user", "POST", USERS, body, (201,)).answer["id"]
        sessions = self._chat(username)
        kept = self._chance.random() < 0.4
        path = f"{USERS}/{user_id}?grace_days={1 if kept else 0}"
        saga = self._asker.ask("removal", "DELETE", path, None, (204,)).location
        if kept:
            self._halt.wait(BEFORE_STOP_S * self._chance.random())
            key = f"{username}-stop"
            reply, _ = self._asker.until_answered("POST", f"{saga}/stop", {"reason": "they stay"}, key)
            self._asker.hold(reply.status == 202, f"{saga}/stop answered {reply.status}: {reply.body!r}")
        removal = Removal(user_id=user_id, username=username, saga=saga, sessions=sessions, kept=kept)
        self.removals.append(removal)

    def _chat(self, username: str) -> tuple[str, ...]:
        """Sign in as the user and say something; nothing of it is looked for after their removal."""
        theirs = Asker(self._address, username, self._chance, self._progress)
        try:
            given: Any = {"username": username, "password": PASSWORD}
            reply, _ = theirs.until_answered("POST", "/api/v1/auth/login", given, "")
            theirs.hold(reply.status == 200, f"{username} could not sign in: {reply.status} {reply.body!r}")
            cookie = reply.cookies[0].partition(";")[0]
            theirs.prove(cookie=cookie, x_csrf_token=reply.json["csrf_token"])
            sessions: list[str] = []
            for _ in range(2):
                title = {"title": f"{username} {len(sessions)}", "model": "agent:assistant"}
                made = theirs.ask("chat", "POST", f"{CHAT}/sessions", title, (201,))
                sessions.append(made.answer["id"])
                path = f"{CHAT}/sessions/{sessions[-1]}/messages"
                theirs.ask("message", "POST", path, {"content": f"{username} speaks"}, (202,))
            return tuple(sessions)
        finally:
            theirs.close()
            self.notes.broken += theirs.notes.broken
