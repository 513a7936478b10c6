"""The envelope: CloudEvents 1.0.2 with the project's extension attributes. There is no other envelope."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

TYPE_PATTERN = re.compile(r"autobot\.([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\.v([1-9][0-9]*)")
JSON_CONTENT_TYPE = "application/json"
OWN_PREFIX = "autobot."
"""How the types of our own messages begin; nobody else may use it."""

Attribute = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One immutable message: an event, or a command that crosses a process.

    (`source`, `id`) is unique and minted when the message is made, so a retry repeats it (CloudEvents
    §3.1). `type` of our own messages is `autobot.<context>.<fact>.v<n>`. `data` is the serialized JSON
    payload as bytes; empty bytes stand for an erased payload when `erased` is true. `subject` is the
    stream. `partition_key` orders delivery. `traceparent` is the trace in which the message was born.

    `attributes` are further CloudEvents attributes as their sender gave them, sorted by name; they are forwarded
    and not erased with the payload. A message from outside has its sender's `id` among them: senders number as
    they like, and here an `id` is unique by itself.
    """

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    data: bytes
    correlation_id: str
    causation_id: str | None = None
    partition_key: str = ""
    traceparent: str = ""
    principal: str = ""
    tenant: str = "default"
    content_type: str = JSON_CONTENT_TYPE
    erased: bool = False
    attributes: tuple[tuple[str, Attribute], ...] = ()

    @property
    def sent_id(self) -> str:
        """The id that its sender gave it, which with `source` is what CloudEvents calls unique."""
        return str(dict(self.attributes).get("id", self.id)) if self.attributes else self.id


def parse_type(name: str) -> tuple[str, str, int]:
    """Split `autobot.<context>.<fact>.v<n>` into (context, fact, version). Raises ValueError otherwise."""
    match = TYPE_PATTERN.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not autobot.<context>.<fact>.v<n>")
    return match[1], match[2], int(match[3])
