"""Clients that write through crashes: each request is repeated under its key until it is answered, and noted."""

from __future__ import annotations

import http.client
import random
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from autobot.testing.client import Client, Reply
from autobot.testing.harness import ServerProcess

CHAT: Final = "/api/v1/chat"
PAUSE_S: Final = 0.01
PATIENCE_S: Final = 60.0
UNANSWERED: Final = frozenset({429, 502, 503, 504})
"""Answers that are none: the client waits and asks again with the same key."""

Broken = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A request that was answered: what was asked, under which key, and the answer."""

    kind: str
    path: str
    method: str
    body: Any
    key: str
    status: int
    answer: Any
    attempts: int
    session: str = ""


@dataclass
class Notes:
    """What one client knows to be true. Written by its thread, read when all have ended."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    broken: int = 0
    replayed: int = 0
    wrong: list[str] = field(default_factory=list)


class Writer:
    """One person's program, with chats of its own; half of them are answered by `model`."""

    def __init__(self, server: ServerProcess, key: str, name: str, seed: int, model: str | None) -> None:
        self.name = name
        self._server, self._key, self._model = server, key, model
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._chance = random.Random(f"{seed}-{name}")
        self._halt = threading.Event()
        self._client: Client | None = None
        self._sessions: list[str] = []
        self._count = 0
        self.notes = Notes()

    def start(self) -> None:
        """Begin to write."""
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
            self._begin_chat()
            while not self._halt.is_set():
                self._act()
                self._halt.wait(PAUSE_S * self._chance.random())
        except AssertionError as error:
            self.notes.wrong.append(f"{self.name}: {error}")
        finally:
            if self._client is not None:
                self._client.close()

    # ------------------------------------------------------------------------------------------- deeds

    def _act(self) -> None:
        dice = self._chance.random()
        if dice < 0.06 or not self._sessions:
            self._begin_chat()
        elif dice < 0.10:
            self._rename()
        elif dice < 0.12 and len(self._sessions) > 2:
            self._delete()
        elif dice < 0.25 and self.notes.acknowledged:
            self._again(self._chance.choice(self.notes.acknowledged))
        else:
            self._say()

    def _begin_chat(self) -> None:
        self._count += 1
        model = self._model if self._count % 2 == 0 else "agent:assistant"
        body = {"title": f"{self.name} {self._count}", "model": model or "agent:assistant"}
        done = self._ask("chat", "POST", f"{CHAT}/sessions", body, (201,))
        self._sessions.append(done.answer["id"])

    def _say(self) -> None:
        self._count += 1
        session = self._chance.choice(self._sessions)
        body = {"content": f"{self.name} says number {self._count}"}
        done = self._ask("message", "POST", f"{CHAT}/sessions/{session}/messages", body, (202,), session)
        if self._chance.random() < 0.05:
            self._ask("stop", "POST", f"{CHAT}/runs/{done.answer['run_id']}/stop", {}, (202,), session)

    def _rename(self) -> None:
        self._count += 1
        session = self._chance.choice(self._sessions)
        body = {"title": f"{self.name} renamed {self._count}"}
        self._ask("rename", "PATCH", f"{CHAT}/sessions/{session}", body, (200,), session)

    def _delete(self) -> None:
        session = self._sessions.pop(self._chance.randrange(len(self._sessions)))
        self.notes.deleted.add(session)
        self._ask("delete", "DELETE", f"{CHAT}/sessions/{session}", None, (204,), session)

    def _again(self, done: Acknowledged) -> None:
        """Send an answered request once more: it must be replayed, whatever happened to the server since."""
        if done.session in self.notes.deleted or done.kind in ("chat", "rename"):
            # Their answers show the object as it is now, which may have changed or gone since.
            return
        reply, _ = self._until_answered(done.method, done.path, done.body, done.key)
        self.notes.replayed += 1
        self._hold(reply.headers.get("idempotent-replayed") == "true", f"not replayed: {done} got {reply}")
        self._hold(reply.status == done.status, f"replayed as {reply.status}: {done}")
        self._hold(reply.body == b"" or reply.json == done.answer, f"another answer {reply.body!r}: {done}")

    # ------------------------------------------------------------------------------------------- asking

    def _ask(
        self, kind: str, method: str, path: str, body: Any, wanted: tuple[int, ...], session: str = ""
    ) -> Acknowledged:
        key = f"{self.name}-{self._count}-{kind}-{self._chance.getrandbits(64):x}"
        reply, attempts = self._until_answered(method, path, body, key)
        self._hold(reply.status in wanted, f"{method} {path} {body} answered {reply.status}: {reply.body!r}")
        done = Acknowledged(
            kind=kind,
            path=path,
            method=method,
            body=body,
            key=key,
            status=reply.status,
            answer=reply.json if reply.body else None,
            attempts=attempts,
            session=session,
        )
        self.notes.acknowledged.append(done)
        return done

    def _until_answered(self, method: str, path: str, body: Any, key: str) -> tuple[Reply, int]:
        waited, attempts = threading.Event(), 0
        while attempts < PATIENCE_S / 0.05:
            attempts += 1
            try:
                reply = self._connected()(method, path, body, headers={"idempotency-key": f'"{key}"'})
            except Broken:
                self.notes.broken += 1
                self._forget()
            else:
                in_flight = reply.status == 409 and reply.json["code"] == "idempotency-in-flight"
                if not in_flight and reply.status not in UNANSWERED:
                    return reply, attempts
            waited.wait(0.05)
        raise AssertionError(f"{method} {path} was not answered in {attempts} attempts")

    def _connected(self) -> Client:
        if self._client is None:
            self._client = Client(f"http://127.0.0.1:{self._server.port}", key=self._key)
        return self._client

    def _forget(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _hold(self, condition: bool, otherwise: str) -> None:
        if not condition:
            raise AssertionError(otherwise)
