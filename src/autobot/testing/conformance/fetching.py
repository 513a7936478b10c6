"""What `Fetcher` promises of a site that it may reach. Subclass `FetcherSuite`, and override `open`.

That private addresses are refused is the guard's own promise, which no site here can show: all of them are private.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

import pytest

from autobot.contexts.knowledge.ports.fetching import Fetched, Fetcher, Wanted
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import BadAnswer, InvalidInput, RemoteError

CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


class FetcherSuite(ABC):
    """Fetching from a site that answers

    `/page` with HTML, `/round` with a redirect to itself, `/there` with one to `/page`, `/astray` with one to what
    is no address, `/shown` with one to `/größe 1` as it stands, `/gr%C3%B6%C3%9Fe%201` as `/page`, `/gone` with 404,
    `/large` with 100,000 bytes, and `/asked` with the names of the header fields it got, one a line.
    """

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Fetcher, str]]:
        """Return the implementation under test and the site's address without a slash at its end."""

    def fetch(self, path: str, most: int = 1_000_000) -> tuple[Fetched, str]:
        """Return what lies at a path, and the site's address."""

        async def main() -> tuple[Fetched, str]:
            async with self.open() as (fetcher, site):
                return await fetcher.fetch(Wanted(url=site + path, max_bytes=most), CONTEXT), site

        return asyncio.run(main())

    def test_what_lies_there_comes(self) -> None:
        """The bytes come with what the server says they are."""
        found, site = self.fetch("/page")
        assert found.body == b"<h1>A page</h1>"
        assert (found.url, found.media_type) == (f"{site}/page", "text/html; charset=utf-8")

    def test_redirects_are_followed_and_end(self) -> None:
        """Where they lead is told; those without end are refused."""
        found, site = self.fetch("/there")
        assert (found.url, found.body) == (f"{site}/page", b"<h1>A page</h1>")
        for endless in ("/round", "/astray"):
            with pytest.raises(InvalidInput):
                self.fetch(endless)

    def test_addresses_are_read_as_they_are_shown(self) -> None:
        """What is not written in ASCII, and spaces, are encoded: in what somebody gave, and in what a site says."""
        for path in ("/größe 1", "/gr%C3%B6%C3%9Fe%201", "/shown"):
            assert self.fetch(path)[0].body == b"<h1>A page</h1>"

    def test_no_more_is_taken_than_was_said(self) -> None:
        """A larger answer is refused; one of just the size is not."""
        assert len(self.fetch("/large", 100_000)[0].body) == 100_000
        with pytest.raises(BadAnswer):
            self.fetch("/large", 99_999)

    def test_an_error_is_an_error(self) -> None:
        """What the server refuses is no document."""
        with pytest.raises(RemoteError):
            self.fetch("/gone")

    def test_nothing_proves_who_asks(self) -> None:
        """No credentials and no identity go to the site."""
        names = set(self.fetch("/asked")[0].body.decode().split("\n"))
        assert names.isdisjoint({"authorization", "cookie", "baggage", "x-autobot-principal", "referer"})

    def test_what_is_no_address_is_refused(self) -> None:
        """Other schemes, names and passwords, and what is no address are refused."""

        async def main(url: str) -> None:
            async with self.open() as (fetcher, _):
                with pytest.raises(InvalidInput):
                    await fetcher.fetch(Wanted(url=url, max_bytes=10), CONTEXT)

        for url in (
            "file:///etc/passwd",
            "http://",
            "http://a:b@127.0.0.1/",
            "gopher://x",
            "http://x:y/",
            "http://[x/",
        ):
            asyncio.run(main(url))
