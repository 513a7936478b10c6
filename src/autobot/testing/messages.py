"""Messages and transactions for tests of the log: short to write, never equal by accident."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.transaction import ANY, Append, AuditEntry, StoredAnswer, Transaction


class Maker:
    """Makes numbered messages of one source at the time of `clock`."""

    def __init__(self, clock: Clock, prefix: str = "m") -> None:
        self.clock = clock
        self._numbers = count(1)
        self._prefix = prefix

    def message(self, stream: str, data: Any = None, **fields: Any) -> Message:
        """Return a new message of a stream; `data` becomes JSON, None the message's own number."""
        number = next(self._numbers)
        given: dict[str, Any] = {
            "id": f"{self._prefix}-{number:06d}",
            "source": "urn:autobot:test",
            "type": "autobot.test.happened.v1",
            "time": self.clock.now(),
            "subject": stream,
            "data": msgspec.json.encode({"number": number} if data is None else data),
            "correlation_id": f"c-{number}",
            "partition_key": stream,
            "principal": "ann",
        }
        return Message(**{**given, **fields})

    def append(self, stream: str, number: int = 1, expected: int = ANY) -> Append:
        """Return an append of `number` new messages."""
        return Append(
            stream=stream, expected=expected, events=tuple(self.message(stream) for _ in range(number))
        )

    def transaction(self, stream: str, number: int = 1, expected: int = ANY, **parts: Any) -> Transaction:
        """Return a transaction that appends `number` new messages; `parts` are its other fields."""
        return Transaction(appends=(self.append(stream, number, expected),), **parts)

    def entry(self, **fields: Any) -> AuditEntry:
        """Return a new audit entry."""
        number = next(self._numbers)
        given: dict[str, Any] = {
            "id": f"{self._prefix}-audit-{number:06d}",
            "time": self.clock.now(),
            "principal": "ann",
            "tenant": "default",
            "action": "test:do",
            "object": f"thing-{number}",
            "outcome": "accepted",
            "payload_hash": "ab" * 32,
            "correlation_id": f"c-{number}",
        }
        return AuditEntry(**{**given, **fields})

    def answer(self, key: str, *, mark: str = "f", body: bytes = b"{}", hours: float = 24.0) -> StoredAnswer:
        """Return the stored answer of an idempotency key that lives for `hours`."""
        return StoredAnswer(
            scope="default/ann/Do",
            key=key,
            fingerprint=mark,
            status="done",
            body=body,
            expires=self.clock.now() + timedelta(hours=hours),
        )
