"""What fetches addresses keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

import http.server
import random
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from autobot.adapters.http.fetching import WebTransport
from autobot.adapters.http.options import HttpOptions
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.knowledge.ports.fetching import FETCH, Fetched, Fetcher, Wanted
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, Forbidden, RemoteError
from autobot.testing.conformance.fetching import CONTEXT, FetcherSuite
from tests.conformance.planted import found_by


class Site(http.server.BaseHTTPRequestHandler):
    """The site of the suite."""

    def do_GET(self) -> None:
        leads = {"/round": "/round", "/there": "/page", "/astray": "http://[x/", "/shown": "/größe 1"}
        if self.path in leads:
            self.send_response(302)
            # The server writes Latin-1; what is sent is UTF-8.
            self.send_header("location", leads[self.path].encode().decode("latin-1"))
            self.send_header("content-length", "0")
            self.end_headers()
            return
        bodies = {
            "/page": b"<h1>A page</h1>",
            "/gr%C3%B6%C3%9Fe%201": b"<h1>A page</h1>",
            "/large": b"x" * 100_000,
            "/asked": "\n".join(name.lower() for name in self.headers).encode(),
        }
        body = bodies.get(self.path, b"")
        self.send_response(200 if body else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Web:
    """A fetcher over the transport alone."""

    options = HttpOptions(idle_s=0)

    def __init__(self) -> None:
        self.transport = WebTransport("backend-web", SystemClock(), random.Random(1), options=self.options)

    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        return await self.transport.call("the web", FETCH, wanted, context)


class OverTheWeb(FetcherSuite):
    made: type[Web] = Web

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Fetcher, str]]:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self.made(), f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def open(self) -> AbstractAsyncContextManager[tuple[Fetcher, str]]:
        return self._open()


class TestWebTransport(OverTheWeb):
    pass


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost:1/", "http://[::1]/", "http://169.254.169.254/", "http://2130706433/",
     "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://127。0。0。1/", "http://127．0．0．1/",
     "http://１２７｡0｡0｡1/", "http://①②⑦.⓪.⓪.①/"],
)  # fmt: skip
async def test_as_shipped_it_reaches_no_private_address(url: str) -> None:
    """Loopback, private, link-local and mapped addresses are refused in every notation, before a byte is sent."""
    web = WebTransport("backend-web", SystemClock(), random.Random(1))
    with pytest.raises(Forbidden):
        await web.call("the web", FETCH, Wanted(url=url, max_bytes=10), CONTEXT)


class FollowsNothing(Web):
    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        found = await super().fetch(wanted, context)
        return replace(found, url=wanted.url)


class TakesErrorsForPages(Web):
    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        try:
            return await super().fetch(wanted, context)
        except RemoteError as error:
            return Fetched(url=wanted.url, media_type="", body=error.body)


class TakesAll(Web):
    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        return await super().fetch(replace(wanted, max_bytes=1_000_000), context)


class SwallowsRefusals(Web):
    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        try:
            return await super().fetch(wanted, context)
        except AutoBotError:
            return Fetched(url=wanted.url, media_type="", body=b"")


@pytest.mark.parametrize(
    "fault",
    [FollowsNothing, TakesErrorsForPages, TakesAll, SwallowsRefusals],
    ids=lambda one: one.__name__,
)
def test_each_planted_fault_is_found(fault: type[Web]) -> None:
    """Over a fetcher with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (OverTheWeb,), {"made": fault})()) != []
