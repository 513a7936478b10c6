"""Clients that ask through faults: each request is repeated under its key until it is answered, and noted."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from autobot.testing.client import Client, Reply
from autobot.testing.history_linear import Get, Operation, Set
from tests.faults.progress import Progress

PATIENCE_S: Final = 90.0
AGAIN_S: Final = 0.05
UNANSWERED: Final = frozenset({429, 502, 503, 504})
"""Answers that are none: the client waits and asks again with the same key."""
UNKNOWN: Final = frozenset({"idempotency-in-flight", "operator"})
"""Codes of other answers that are none: still being done; the disk is full, nothing was changed."""
CLOUD: Final = "application/cloudevents+json"

Broken = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A request that was answered: what was asked, under which key, and the answer.

    `position` is where the answer says that it stands in the log; None for a replayed answer, which tells of now.
    """

    kind: str
    path: str
    method: str
    body: Any
    key: str
    status: int
    answer: Any
    attempts: int
    session: str = ""
    position: int | None = None
    location: str = ""


@dataclass
class Notes:
    """What one client knows to be true. Written by its thread, read when all have ended."""

    name: str
    acknowledged: list[Acknowledged] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    settings: list[Operation] = field(default_factory=list)
    broken: int = 0
    replayed: int = 0
    wrong: list[str] = field(default_factory=list)


class PatientClient(Client):
    """A client that waits when it is told that it asks too often."""

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """Send a request; on 429 wait and send it again."""
        pause = threading.Event()
        while True:
            reply = super().__call__(method, path, body, **more)
            if reply.status != 429:
                return reply
            pause.wait(min(float(reply.headers.get("retry-after", "1")), 2.0))


class Asker:
    """Asks in the name of one key, in one thread."""

    def __init__(self, address: str, name: str, chance: random.Random, progress: Progress) -> None:
        self.name, self.notes = name, Notes(name)
        self._address, self.chance, self._progress = address, chance, progress
        self._client: Client | None = None
        self._proof: Mapping[str, str] = {}
        self._count = 0

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def prove(self, **fields: str) -> None:
        """Send these header fields with each request; they say who asks."""
        self._proof = {name.replace("_", "-"): value for name, value in fields.items()}

    def ask(
        self, kind: str, method: str, path: str, body: Any, wanted: tuple[int, ...], session: str = ""
    ) -> Acknowledged:
        """Ask until it is answered, and note it."""
        self._count += 1
        key = f"{self.name}-{self._count}-{kind}-{self.chance.getrandbits(64):x}"
        began = time.monotonic()
        reply, attempts = self.until_answered(method, path, body, key)
        self.hold(reply.status in wanted, f"{method} {path} {body} answered {reply.status}: {reply.body!r}")
        position = reply.headers.get("x-log-position")
        replayed = reply.headers.get("idempotent-replayed") == "true"
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
            position=int(position) if position and not replayed else None,
            location=reply.headers.get("location", ""),
        )
        self.notes.acknowledged.append(done)
        if kind == "setting":
            wish = Set(body["value"])
            self.notes.settings.append(
                Operation(client=self.name, called=began, answered=time.monotonic(), input=wish)
            )
        self._progress.add()
        return done

    def read_setting(self, path: str) -> None:
        """Read a setting and note what it was."""
        began = time.monotonic()
        reply, _ = self.until_answered("GET", path, None, "")
        self.hold(reply.status == 200, f"{path} answered {reply.status}: {reply.body!r}")
        self.notes.settings.append(
            Operation(
                client=self.name,
                called=began,
                answered=time.monotonic(),
                input=Get(),
                output=reply.json["value"],
            )
        )

    def until_answered(self, method: str, path: str, body: Any, key: str) -> tuple[Reply, int]:
        """Return the answer, and how many attempts it took."""
        waited, attempts, until = threading.Event(), 0, time.monotonic() + PATIENCE_S
        last: object = None
        while time.monotonic() < until:
            attempts += 1
            try:
                reply = self._send(method, path, body, key)
            except Broken as error:
                last = error
                self.notes.broken += 1
                self.close()
            else:
                last = reply
                if not _is_none(reply):
                    return reply, attempts
            waited.wait(AGAIN_S)
        raise AssertionError(f"{method} {path} was not answered in {attempts} attempts: {last}")

    def _send(self, method: str, path: str, body: Any, key: str) -> Reply:
        if self._client is None:
            self._client = Client(self._address)
        fields = dict(self._proof)
        if key:
            fields["idempotency-key"] = f'"{key}"'
        if isinstance(body, dict) and "specversion" in body:
            fields["content-type"] = CLOUD
            return self._client(method, path, raw=json.dumps(body).encode(), headers=fields)
        return self._client(method, path, body, headers=fields)

    def hold(self, condition: bool, otherwise: str) -> None:
        """Raise AssertionError unless the condition holds."""
        if not condition:
            raise AssertionError(otherwise)


def _is_none(reply: Reply) -> bool:
    """Say whether an answer leaves open what became of the request."""
    if reply.status in UNANSWERED:
        return True
    return reply.status in (409, 500) and reply.json.get("code") in UNKNOWN
