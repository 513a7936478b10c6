"""The judge: reads a product back over HTTP after faults, and compares it with what clients were told.

It knows only what clients know: answers, and the API.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from autobot.testing.client import Client
from autobot.testing.harness import run_cli
from tests.faults.asking import Acknowledged, Notes
from tests.faults.telling import findings_of_log
from tests.faults.writing import CHAT, Removal

ENDED: Final = {"completed", "failed", "stopped", "interrupted"}
REPLY_STATES: Final = {
    "completed": "complete",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
}
END_S: Final = 30.0
POLLS_MAX: Final = 600
STREAMS_MAX: Final = 200
"""How many runs' streams are followed; the facts of all are in the log, which is read whole."""
SAGA_ENDS: Final = {"completed", "compensated", "settled"}


class Judge:
    """Collects what is wrong; `faults` is empty for a product that kept its word."""

    def __init__(self, client: Client, everybody: Sequence[Notes], removals: Sequence[Removal]) -> None:
        self._client, self._everybody, self._removals = client, everybody, removals
        self.faults: list[str] = []
        self.runs = Counter[str]()
        self.views: dict[str, list[str]] = {}
        self.log: list[Any] = []
        self.letters: list[Any] = []

    def judge(self) -> list[str]:
        """Check everything; returns what is wrong."""
        for notes in self._everybody:
            self.faults += notes.wrong
        acknowledged = [one for notes in self._everybody for one in notes.acknowledged]
        deleted = {session for notes in self._everybody for session in notes.deleted}
        self._removals_end()
        self._runs_end(acknowledged, deleted)
        self._sessions(acknowledged, deleted)
        self._replays(acknowledged, deleted)
        self.log = self._whole_log()
        self.letters = self._letters()
        self.faults += findings_of_log(self.log, self._everybody, self._removals, self.views, self.letters)
        return self.faults

    def keep(self, path: Path) -> None:
        """Write down all that was read, and how the consumers stand, for who looks into a finding."""
        consumers = self._client.get("/api/v1/messaging/consumers").expect(200).json
        found = {"log": self.log or self._whole_log(), "letters": self.letters, "consumers": consumers}
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")

    def _wrong(self, text: str) -> None:
        self.faults.append(text)

    # -------------------------------------------------------------------------------------------- runs

    def _runs_end(self, acknowledged: Sequence[Acknowledged], deleted: set[str]) -> None:
        """Every accepted run reaches an end, and its stream has one beginning, one end, and no hole."""
        told = [one for one in acknowledged if one.kind == "message" and one.session not in deleted]
        sampled = {one.answer["run_id"] for one in told[:: max(1, len(told) // STREAMS_MAX)]}
        for one in told:
            run = self._ended(one.answer["run_id"])
            self.runs[run["state"]] += 1
            if run["state"] not in ENDED:
                self._wrong(f"the run has no end: {run}")
            elif run["id"] in sampled:
                self._stream(run)

    def _ended(self, run_id: str) -> Any:
        pause = threading.Event()
        run: Any = {}
        for _ in range(POLLS_MAX):
            run = self._client.get(f"{CHAT}/runs/{run_id}").expect(200).json
            if run["state"] in ENDED:
                return run
            pause.wait(END_S / POLLS_MAX)
        return run

    def _stream(self, run: Any) -> None:
        facts = [
            one
            for one in self._client.events(f"{CHAT}/runs/{run['id']}/events?after=0")
            if one.name == "event"
        ]
        types = [one.data["event"]["type"].split(".")[2] for one in facts]
        ends = [one for one in types if one.removeprefix("run_") in ENDED]
        if types.count("run_started") != 1 or types[0] != "run_started":
            self._wrong(f"the run {run['id']} did not start once: {types}")
        if ends != [f"run_{run['state']}"] or types[-1] != ends[0]:
            self._wrong(f"the run {run['id']} is {run['state']} and its facts say {types}")
        if [int(one.id) for one in facts] != list(range(1, len(facts) + 1)):
            self._wrong(f"the run {run['id']} has a hole: {[one.id for one in facts]}")

    # ---------------------------------------------------------------------------------------- sessions

    def _sessions(self, acknowledged: Sequence[Acknowledged], deleted: set[str]) -> None:
        """Each chat holds each acknowledged message once, each with its one reply; views equal the log."""
        titles = {one.answer["id"]: one.body["title"] for one in acknowledged if one.kind == "chat"}
        titles |= {one.session: one.body["title"] for one in acknowledged if one.kind == "rename"}
        messages = [one for one in acknowledged if one.kind == "message"]
        for session in sorted({one.answer["id"] for one in acknowledged if one.kind == "chat"}):
            reply = self._client.get(f"{CHAT}/sessions/{session}")
            if session in deleted:
                if reply.status != 404:
                    self._wrong(f"the deleted chat {session} answers {reply.status}")
                continue
            if reply.status != 200:
                self._wrong(f"the acknowledged chat {session} answers {reply.status}")
                continue
            if reply.json["title"] != titles[session]:
                self._wrong(f"{session} is called {reply.json['title']}, not {titles[session]}")
            if reply.json["active_run_id"] is not None:
                self._wrong(f"{session} still shows an active run")
            self._messages(session, [one for one in messages if one.session == session])

    def _messages(self, session: str, acknowledged: Sequence[Acknowledged]) -> None:
        exported = self._client.get(f"{CHAT}/sessions/{session}/export?format=json").expect(200)
        stored = json.loads(exported.body)["messages"]
        said = Counter(one["content"] for one in stored if one["role"] == "user")
        self.views[session] = [one["content"] for one in stored if one["role"] == "user"]
        by_id = {one["id"]: one for one in stored}
        wanted = Counter(one.body["content"] for one in acknowledged)
        if said != wanted:
            self._wrong(f"{session}: lost {wanted - said}, doubled or invented {said - wanted}")
        replies = Counter(one["run_id"] for one in stored if one["role"] == "assistant")
        for one in acknowledged:
            message, reply = by_id.get(one.answer["message_id"]), by_id.get(one.answer["reply_id"])
            if message is None or message["content"] != one.body["content"]:
                self._wrong(f"{session}: {one.answer['message_id']} is {message}, acknowledged as {one.body}")
            if reply is None or reply["status"] not in REPLY_STATES.values():
                self._wrong(f"{session}: the reply {one.answer['reply_id']} is {reply}")
            if replies[one.answer["run_id"]] != 1:
                self._wrong(f"{session}: {replies[one.answer['run_id']]} replies of {one.answer['run_id']}")
        self._view(session)

    def _view(self, session: str) -> None:
        """The view of a chat equals what the log says it was at its newest position."""
        head = self._client.get("/api/v1/system/events?limit=1").expect(200).json["items"][0]["position"]
        path = f"{CHAT}/sessions/{session}/messages?limit=200"
        view = self._client.get(path).expect(200).json["items"]
        past = self._client.get(f"{path}&position={head}").expect(200).json["items"]
        if view != past:
            self._wrong(f"the view of {session} differs from the log")

    # ----------------------------------------------------------------------------- retries, log, letters

    def _replays(self, acknowledged: Sequence[Acknowledged], deleted: set[str]) -> None:
        """Every answered request is replayed, not done again. Sampled by stride to bound the time."""
        wanted = [
            one for one in acknowledged if one.kind in ("message", "stop") and one.session not in deleted
        ]
        for one in wanted[:: max(1, len(wanted) // 200)]:
            client = self._client
            reply = client(one.method, one.path, one.body, headers={"idempotency-key": f'"{one.key}"'})
            if reply.headers.get("idempotent-replayed") != "true" or reply.status != one.status:
                self._wrong(f"not replayed but {reply.status}: {one}")
            elif reply.json != one.answer:
                self._wrong(f"replayed as {reply.json}: {one}")

    def _whole_log(self) -> list[Any]:
        after, log = 0, list[Any]()
        while True:
            path = f"/api/v1/system/events?after={after}&limit=200"
            page = self._client.get(path).expect(200).json["items"]
            if not page:
                return log
            log += sorted(page, key=lambda one: one["position"])
            after = log[-1]["position"]

    def _letters(self) -> list[Any]:
        """Every dead letter, when the consumer has seen the log to its end."""
        pause, wanted = threading.Event(), sum(one["source"] == "/soak" for one in self.log)
        letters: list[Any] = []
        for _ in range(POLLS_MAX):
            letters, cursor = [], ""
            while True:
                path = f"/api/v1/messaging/dead-letters?limit=200{cursor}"
                page = self._client.get(path).expect(200).json
                letters += page["items"]
                if not page["next_cursor"]:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            if len(letters) >= wanted:
                break
            pause.wait(END_S / POLLS_MAX)
        return letters

    # ------------------------------------------------------------------------------------------- removals

    def _removals_end(self) -> None:
        """Every saga ends; who was kept is as before, who was not is no more."""
        pause = threading.Event()
        for one in self._removals:
            told = ""
            for _ in range(POLLS_MAX):
                reply = self._client.get(one.saga)
                told = reply.text
                if reply.status == 200 and reply.json["saga"]["state"] in SAGA_ENDS:
                    break
                pause.wait(END_S / POLLS_MAX)
            else:
                self._wrong(f"the removal of {one.username} has no end: {told}")
                continue
            found = self._client.get(f"/api/v1/auth/users?q={one.user_id}").expect(200).json["items"]
            there = [user for user in found if user["id"] == one.user_id]
            if one.kept and (len(there) != 1 or there[0]["suspended"] or there[0]["removal_id"]):
                self._wrong(f"{one.username} was kept and is {there}")
            if not one.kept and there:
                self._wrong(f"{one.username} was removed and is {there}")


def audit_faults(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Verify the audit chain by the command line and return what is wrong with it."""
    done = run_cli(folder, "audit", "verify", environment=environment)
    if done.returncode != 0:
        return [f"the audit chain: exit code {done.returncode}, {done.stderr}"]
    return []
