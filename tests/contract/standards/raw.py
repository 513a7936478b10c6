"""HTTP requests with the header lines exactly as a test writes them: doubled, padded, in any case."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 20.0

Lines = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `fields` has lower-case names, repeated lines joined by comma."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks one server with one key."""

    address: str
    key: str

    def __call__(self, method: str, path: str, *lines: tuple[str, str], body: Any = None) -> Answer:
        """Send a request; `body` is JSON, or bytes as they are. The only other lines are Host, the key and framing."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            if self.key:
                connection.putheader("Authorization", f"Bearer {self.key}")
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
                if "content-type" not in {name.lower() for name, _ in lines}:
                    connection.putheader("Content-Type", "application/json")
            for name, value in lines:
                connection.putheader(name, value)
            connection.endheaders(data)
            with connection.getresponse() as response:
                fields: dict[str, str] = {}
                for name, value in response.getheaders():
                    low = name.lower()
                    fields[low] = f"{fields[low]}, {value}" if low in fields else value
                return Answer(response.status, fields, response.read())
        finally:
            connection.close()
