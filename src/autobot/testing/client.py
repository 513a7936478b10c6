"""A plain HTTP client for tests: one keep-alive connection, a cookie jar of one session, server-sent events.

It speaks to a running server as a program would, over a real socket, and knows nothing of the product's inside.
"""

from __future__ import annotations

import http.client
import json
import select
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 30.0
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `headers` holds lower-case names; repeated fields are joined by comma."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def expect(self, status: int) -> Reply:
        """Return itself when the status is this one. Raises AssertionError with the answer otherwise."""
        if self.status != status:
            raise AssertionError(f"answered {self.status} instead of {status}: {self.body[:2000]!r}")
        return self

    def problem(self, status: int, code: str | None = None) -> Any:
        """Return the problem document of an answer that must be one. Raises AssertionError otherwise."""
        self.expect(status)
        if self.headers.get("content-type") != "application/problem+json":
            raise AssertionError(f"no problem document but {self.headers.get('content-type')}: {self.body!r}")
        document = self.json
        missing = {"type", "title", "status", "code", "correlation_id", "instance"} - document.keys()
        if missing or document["status"] != status:
            raise AssertionError(f"a problem without {missing or 'its own status'}: {document}")
        if code is not None and document["code"] != code:
            raise AssertionError(f"the problem is {document['code']}, not {code}: {document}")
        return document


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event."""

    name: str
    id: str
    data: Any


class Client:
    """Who asks: nobody, a browser session (after `sign_in`) or a key. Not for use by two threads at once.

    `address` may have a path; requests are made below it. A connection that the server closed while idle is
    opened again once; a request that was sent and not answered is never repeated.
    """

    def __init__(self, address: str, *, key: str = "", context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(address)
        self.address = address
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._secure, self._base = parts.scheme == "https", parts.path.rstrip("/")
        self._tls = context
        self._connection: http.client.HTTPConnection | None = None
        self.key, self.cookie, self.csrf = key, "", ""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection; the caller closes it."""
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=TIMEOUT_S, context=self._tls or ssl.create_default_context()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)

    def headers(self, method: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the header fields that prove who asks, under those that are given."""
        fields: dict[str, str] = {}
        if self.key:
            fields["authorization"] = f"Bearer {self.key}"
        if self.cookie:
            fields["cookie"] = self.cookie
            if method in WRITES:
                fields["x-csrf-token"] = self.csrf
        return fields | dict(given or {})

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request and return the whole answer. `body` is sent as JSON, `raw` as it is.

        Raises OSError or http.client.HTTPException when the connection broke before the answer was whole.
        """
        fields = self.headers(method, headers)
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            fields.setdefault("content-type", "application/json")
        for last in (False, True):
            if self._connection is not None and _was_ended(self._connection):
                self.close()
            connection = self._connection = self._connection or self.connect()
            fresh = connection.sock is None
            try:
                connection.request(method, self._base + path, body=data, headers=fields)
                with connection.getresponse() as response:
                    return _read(response)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if fresh or last or method in WRITES:
                    raise
            except BaseException:
                self.close()
                raise
        raise AssertionError("unreachable")

    def get(self, path: str, **more: Any) -> Reply:
        """Send GET."""
        return self("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """Send POST with a JSON body, `{}` when none is given."""
        return self("POST", path, {} if body is None and "raw" not in more else body, **more)

    def sign_in(self, username: str, password: str) -> Reply:
        """Sign in by password and keep the session."""
        return self.took(self.post("/api/v1/auth/login", {"username": username, "password": password}))

    def took(self, reply: Reply) -> Reply:
        """Keep the session of a sign-in's answer."""
        if reply.status == 200:
            self.cookie = reply.cookies[0].partition(";")[0]
            self.csrf = reply.json["csrf_token"]
        return reply

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[ServerEvent]]:
        """Follow server-sent events for the block, on a connection of its own. Raises AssertionError for a
        refusal; the iterator ends when the server ends the stream."""
        connection = self.connect()
        try:
            fields = self.headers("GET", {"accept": "text/event-stream", **headers})
            connection.request("GET", self._base + path, headers=fields)
            with connection.getresponse() as response:
                if response.status != 200:
                    _read(response).expect(200)
                yield events_of(response)
        finally:
            connection.close()

    def events(self, path: str, **headers: str) -> list[ServerEvent]:
        """Return every event of a stream that ends by itself."""
        with self.stream(path, **headers) as events:
            return list(events)


def _was_ended(connection: http.client.HTTPConnection) -> bool:
    """Say whether the server ended a connection that waits for its next request, as it may when that takes long."""
    sock = connection.sock
    return sock is not None and bool(select.select([sock], [], [], 0)[0])


def _read(response: http.client.HTTPResponse) -> Reply:
    body = response.read()
    if response.status >= 200 and response.headers.get("date") is None:
        # The standard library takes a head that was cut off by the end of the connection for a whole one.
        raise http.client.IncompleteRead(body)
    fields: dict[str, str] = {}
    cookies = []
    for name, value in response.getheaders():
        lower = name.lower()
        if lower == "set-cookie":
            cookies.append(value)
        else:
            fields[lower] = f"{fields[lower]}, {value}" if lower in fields else value
    return Reply(response.status, fields, body, tuple(cookies))


def events_of(response: http.client.HTTPResponse) -> Iterator[ServerEvent]:
    """Read server-sent events (HTML standard §9.2.6) until the stream ends; `data` must be JSON.

    Raises TimeoutError when it has not ended in time: heartbeats alone would keep a reader for ever.
    """
    until = time.monotonic() + TIMEOUT_S
    name, identity = "message", ""
    data: list[str] = []
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if time.monotonic() > until:
            raise TimeoutError("the stream does not end")
        if not line:
            if data:
                yield ServerEvent(name, identity, json.loads("\n".join(data)))
            name, data, identity = "message", [], ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            identity = value
