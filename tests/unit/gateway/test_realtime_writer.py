"""Writing to sockets from where frames are published: at once, or later in order, and never at others' cost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.protocol import Close
from autobot.gateway.realtime.session import Counts, Outbox
from autobot.gateway.realtime.writer import SocketWriter
from autobot.testing.virtual_time import run


class Peer:
    """A server's `send` to a client whose window can be shut."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None
        self.cancelled = 0

    async def send(self, message: Any) -> None:
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.got.append(message.get("text", message.get("code")))


def written(test: Callable[[Peer, Outbox, SocketWriter], Awaitable[None]]) -> None:
    """Run a test with a peer, its outbox and the writer between them."""

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            peer = Peer()
            outbox = Outbox(4, 1 << 20, lambda: [frames.resync("run:1", "slow")])
            writer = SocketWriter(outbox, peer.send, tasks.create_task, Counts())
            outbox.writer = writer
            await test(peer, outbox, writer)
            peer.open.set()

    run(main())


def number(value: int) -> frames.Frame:
    """A frame whose text is its number."""
    return frames.Frame("event", "run:1", str(value), seq=value)


def test_a_reading_client_gets_frames_at_once() -> None:
    """Nothing is queued and no task is woken while the client reads."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        for value in (1, 2, 3):
            assert outbox.offer(number(value))
        assert peer.got == ["1", "2", "3"]
        assert len(outbox) == 0

    written(test)


def test_what_comes_while_the_client_does_not_read_follows_in_order() -> None:
    """A shut window queues; when it opens, everything follows in order, then frames go at once again."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        peer.open.clear()
        for value in (1, 2, 3):
            outbox.offer(number(value))
        assert peer.got == []
        assert len(outbox) == 2  # the first is with the server
        peer.open.set()
        await asyncio.sleep(0.1)
        assert peer.got == ["1", "2", "3"]
        outbox.offer(number(4))
        assert peer.got[-1] == "4"

    written(test)


def test_too_much_for_a_shut_window_becomes_a_resync() -> None:
    """The queue is bounded; what the server holds already goes first, then the notice."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        peer.open.clear()
        for value in range(1, 8):
            outbox.offer(number(value))
        peer.open.set()
        await asyncio.sleep(0.1)
        assert peer.got[0] == "1"
        assert '"resync"' in peer.got[1]

    written(test)


def test_closing_waits_for_what_is_queued() -> None:
    """The goodbye comes last, with its code; nothing follows it."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        peer.open.clear()
        outbox.offer(number(1))
        outbox.offer(number(2))
        outbox.close(Close.RESTART, "stopping")
        assert not outbox.offer(number(3))
        peer.open.set()
        await asyncio.sleep(0.1)
        assert peer.got == ["1", "2", 1012]

    written(test)


def test_closing_an_idle_session_says_goodbye_at_once() -> None:
    """Without a queue the close is sent on the spot, once."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        outbox.close(Close.POLICY, "signed out")
        outbox.close(Close.NORMAL, "")
        assert peer.got == [1008]

    written(test)


def test_a_client_that_fails_does_not_fail_the_publisher() -> None:
    """An error of one connection stays with it; later frames to it go nowhere."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        peer.error = OSError("gone")
        outbox.offer(number(1))
        peer.error = None
        outbox.offer(number(2))
        outbox.close(Close.NORMAL, "")
        assert peer.got == []

    written(test)


def test_a_client_that_fails_while_it_was_waited_for() -> None:
    """An error after a wait ends the writing of that client, quietly."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        peer.open.clear()
        outbox.offer(number(1))
        outbox.offer(number(2))
        peer.error = RuntimeError("closed")
        peer.open.set()
        await asyncio.sleep(0.1)
        peer.error = None
        outbox.offer(number(3))
        assert peer.got == []

    written(test)


def test_nothing_is_sent_to_a_peer_that_left() -> None:
    """After the disconnect neither frames nor a goodbye go out."""

    async def test(peer: Peer, outbox: Outbox, writer: SocketWriter) -> None:
        writer.peer_left()
        outbox.offer(number(1))
        outbox.close(Close.NORMAL, "")
        assert peer.got == []

    written(test)


def test_cancelling_reaches_the_server() -> None:
    """A write that waits is cancelled inside the server's own coroutine when the server stops."""

    async def main() -> None:
        peer = Peer()
        outbox = Outbox(4, 1 << 20, list)
        made: list[asyncio.Task[None]] = []

        async with asyncio.TaskGroup() as tasks:
            outbox.writer = SocketWriter(
                outbox, peer.send, lambda work: made.append(tasks.create_task(work)), Counts()
            )
            peer.open.clear()
            outbox.offer(number(1))
            await asyncio.sleep(0.1)
            made[0].cancel()
        assert peer.cancelled == 1

    run(main())
