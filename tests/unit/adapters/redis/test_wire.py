"""A connection that many callers share: answers in order, cancellations without harm, no waiting for the dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from autobot.adapters.redis.address import Address, address_of
from autobot.adapters.redis.errors import GroupLost, Moved, ScriptUnknown, refused
from autobot.adapters.redis.nodes import slot_of
from autobot.adapters.redis.wire import Wire, connected
from autobot.kernel.core.errors import ConfigurationError, ConnectFailed, ConnectionLost, OperatorError

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def wired(answer: Answer, quiet_s: float = 5.0) -> AsyncIterator[Wire]:
    """A connection to a server that answers as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with asyncio.timeout(20), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        wire = await connected(Address(host=host, port=port), quiet_s)
        yield wire
        wire.close()


async def numbers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each PING with how many there were."""
    count = 0
    while await reader.readuntil(b"PING\r\n"):
        count += 1
        writer.write(b":%d\r\n" % count)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer nothing."""


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer in another protocol."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop, as the product does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def test_answers_come_to_those_who_asked() -> None:
    """Each of many callers gets the answer to its own command; one that was cancelled takes nobody's."""

    async def main() -> None:
        async with wired(numbers) as wire:
            calls = [wire.call("PING") for _ in range(100)]
            calls[10].cancel()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(answers[10], asyncio.CancelledError)
            assert [one for one in answers if isinstance(one, int)] == [*range(1, 11), *range(12, 101)]
            assert await wire.call("PING") == 101

    run(main())


def test_a_connection_on_which_nothing_comes_is_given_up() -> None:
    """Who waits for an answer that does not come hears that the connection broke, and so does who asks later."""

    async def main() -> None:
        async with wired(silent, quiet_s=0.05) as wire:
            with pytest.raises(ConnectionLost):
                await wire.call("PING")
            assert wire.closed
            with pytest.raises(ConnectionLost):
                await wire.call("PING")

    run(main())


def test_what_is_no_redis_is_a_broken_connection() -> None:
    """Bytes of another protocol end the connection and hang nobody."""

    async def main() -> None:
        async with wired(babbling) as wire:
            with pytest.raises(ConnectionLost):
                await wire.call("PING")

    run(main())


def test_a_connection_that_the_loop_has_closed_is_a_lost_one() -> None:
    """Writing to a transport that was closed a moment before is a lost connection, not a mistake of ours."""

    async def main() -> None:
        async with wired(numbers) as wire:
            assert await wire.call("PING") == 1
            call = wire.call("PING")
            assert wire._transport is not None
            wire._transport.abort()
            with pytest.raises(ConnectionLost):
                await call

    run(main())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NOGROUP No such key 'a' or consumer group 'g'", GroupLost),
        ("NOSCRIPT No matching script", ScriptUnknown),
        ("WRONGPASS invalid username-password pair", ConfigurationError),
        ("NOPERM this user has no permissions", OperatorError),
        ("OOM command not allowed", OperatorError),
        ("LOADING Redis is loading the dataset in memory", ConnectFailed),
        ("CLUSTERDOWN The cluster is down", ConnectFailed),
        ("ERR something", OperatorError),
    ],
)
def test_refusals_are_told_in_the_words_of_the_tree(text: str, kind: type[Exception]) -> None:
    """Each error answer becomes the error that says what it means."""
    assert type(refused(text)) is kind


def test_a_moved_key_says_where_it_is() -> None:
    """The cluster's word on a key is read; an address may be one of IPv6, or leave out the host."""
    moved = refused("MOVED 3999 ::1:6381")
    assert isinstance(moved, Moved)
    assert (moved.host, moved.port, moved.asking) == ("::1", 6381, False)
    asked = refused("ASK 3999 :6382")
    assert isinstance(asked, Moved)
    assert (asked.host, asked.port, asked.asking) == ("", 6382, True)


@pytest.mark.parametrize(
    ("key", "slot"), [("123456789", 0x31C3), ("foo", 12182), ("{foo}bar", 12182), ("a{foo}{bar}", 12182)]
)
def test_slots_are_those_of_the_specification(key: str, slot: int) -> None:
    """CRC16 of what stands in the first braces, else of the whole key, in 16,384 slots."""
    assert slot_of(key) == slot
    assert slot_of("foo{}") != slot_of("{}")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://redis.lan", Address(host="redis.lan")),
        ("redis://:a%20b@redis.lan:7/3", Address(host="redis.lan", port=7, password="a b", database=3)),
        ("rediss://n:secret@[::1]:7", Address(host="::1", port=7, name="n", password="secret", tls=True)),
        ("unix:///run/valkey.sock?db=2", Address(path="/run/valkey.sock", database=2)),
    ],
)
def test_addresses_are_read(url: str, address: Address) -> None:
    """Host, port, socket, database, TLS and who signs in stand in the address; what is secret is not shown."""
    read = address_of(url)
    assert read == address
    assert not read.password or read.password not in repr(read) + read.place


@pytest.mark.parametrize("url", ["", "http://a", "redis://", "redis://a:b", "redis://a/b", "unix://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """A wrong address is a word about the configuration."""
    with pytest.raises(ConfigurationError):
        address_of(url)
