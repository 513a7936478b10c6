"""What people do with the product, in their words."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from autobot.testing.client import Client, Reply, ServerEvent

CHAT = "/api/v1/chat"
ENDS = {f"autobot.runs.run_{word}.v1": word for word in ("completed", "failed", "stopped")} | {
    "autobot.runs.run_interrupted.v2": "interrupted"
}


@dataclass
class Person:
    """Somebody with a client."""

    client: Client
    id: str = ""
    name: str = "admin"

    def chat(self, **body: Any) -> str:
        """Begin a chat and return its id."""
        return str(self.client.post(f"{CHAT}/sessions", body).expect(201).json["id"])

    def say(self, session: str, text: str, *, key: str = "", wait: int = 0) -> Reply:
        """Post a message."""
        fields = {"idempotency-key": f'"{key}"'} if key else {}
        if wait:
            fields["prefer"] = f"wait={wait}"
        return self.client.post(f"{CHAT}/sessions/{session}/messages", {"content": text}, headers=fields)

    def ask(self, session: str, text: str) -> Any:
        """Post a message and return the finished reply."""
        return self.say(session, text, wait=30).expect(200).json

    def messages(self, session: str, query: str = "") -> list[Any]:
        """Return the shown branch."""
        items: list[Any] = (
            self.client.get(f"{CHAT}/sessions/{session}/messages{query}").expect(200).json["items"]
        )
        return items

    def follow(self, accepted: Reply, after: int = 0) -> list[ServerEvent]:
        """Return every frame of a run, to its end."""
        return self.client.events(f"{accepted.json['events_url']}?after={after}")

    def run(self, run_id: str) -> Any:
        """Return a run."""
        return self.client.get(f"{CHAT}/runs/{run_id}").expect(200).json


def fact_types(events: list[ServerEvent]) -> list[str]:
    """Return the types of a stream's facts."""
    return [one.data["event"]["type"] for one in events if one.name == "event"]


def text_of(events: list[ServerEvent]) -> str:
    """Return the text that a stream's deltas and snapshots make. Raises AssertionError for a hole."""
    text = ""
    for one in events:
        if one.name == "snapshot":
            text = one.data["text"]
        elif one.name == "delta":
            offset = one.data["offset"]
            assert offset <= len(text), f"a hole: {offset} after {len(text)} characters"
            text = text[:offset] + one.data["text"]
    return text


def new_key() -> str:
    """Return an idempotency key that nobody used."""
    return secrets.token_hex(16)
