"""Fan-out: facts without a gap or a double, text without a hole, slow clients apart from the others."""

import asyncio
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout
from autobot.kernel.core.errors import NotFound
from tests.unit.gateway.channels import RUN, Source, drained, opened, seqs, session, text_of


def test_a_late_reader_gets_everything_then_follows() -> None:
    """History comes first, then what happens, each fact once and in order."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(3):
            source.fact(RUN)
        client = session(fanout)
        await fanout.subscribe(client, RUN, 0)
        source.fact(RUN)
        received = await drained(client)
        assert received[0] == {"type": "subscribed", "channel": RUN, "seq": 3}
        assert seqs(received) == [1, 2, 3, 4]

    opened(test)


def test_resuming_gives_what_was_missed_and_no_more() -> None:
    """A reconnect with `after` gets the facts above it."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(5):
            source.fact(RUN)
        client = session(fanout)
        await fanout.subscribe(client, RUN, 3)
        assert seqs(await drained(client)) == [4, 5]

    opened(test)


def test_without_after_only_what_comes_is_sent() -> None:
    """Left out, `after` means from now on."""

    async def test(fanout: Fanout, source: Source) -> None:
        source.fact(RUN)
        client = session(fanout)
        await fanout.subscribe(client, RUN, None)
        source.fact(RUN)
        assert seqs(await drained(client)) == [2]

    opened(test)


def test_facts_during_the_join_are_neither_lost_nor_doubled() -> None:
    """What happens while history is being read follows it, without doubles."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(3):
            source.fact(RUN)
        source.gate = asyncio.Event()
        client = session(fanout)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fanout.subscribe(client, RUN, 0))
            await source.reading.wait()
            for _ in range(2):
                source.fact(RUN)
            source.gate.set()
        source.fact(RUN)
        assert seqs(await drained(client)) == [1, 2, 3, 4, 5, 6]

    opened(test)


def test_more_facts_during_the_join_than_may_wait_are_read_again() -> None:
    """When too much happens during a join, history is read once more; nothing is lost."""

    async def test(fanout: Fanout, source: Source) -> None:
        source.gate = asyncio.Event()
        client = session(fanout, frames_max=10_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fanout.subscribe(client, RUN, 0))
            await source.reading.wait()
            for _ in range(1_500):
                source.fact(RUN)
            source.gate.set()
        assert seqs(await drained(client)) == list(range(1, 1_501))

    opened(test)


def test_a_position_that_is_gone_or_not_yet_there_is_a_resync() -> None:
    """A gap is never silent: the client is told to read again, and the subscription is over."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(3):
            source.fact(RUN)
        source.channel(RUN).forgotten = 2
        for after, reason in ((1, "forgotten"), (9, "unknown-position")):
            client = session(fanout)
            await fanout.subscribe(client, RUN, after)
            source.fact("system")
            received = await drained(client)
            assert received[-1] == {"type": "resync", "channel": RUN, "reason": reason}
            assert client.subscriptions == {}

    opened(test)


def test_a_stranger_is_refused_before_anything_is_sent() -> None:
    """The owner is checked at each subscribe; an unknown channel is the same as a foreign one."""

    async def test(fanout: Fanout, source: Source) -> None:
        client = session(fanout)
        source.owner = "bea"
        for channel in (RUN, "nothing:1"):
            with pytest.raises(NotFound):
                await fanout.subscribe(client, channel, 0)
        assert await drained(client) == []
        assert client.subscriptions == {}

    opened(test)


def test_a_reader_in_the_middle_of_a_text_gets_it_whole() -> None:
    """A snapshot holds the text so far, and the pieces after it join without a hole."""

    async def test(fanout: Fanout, source: Source) -> None:
        source.write(RUN, "Grüße, ")
        client = session(fanout)
        await fanout.subscribe(client, RUN, None)
        source.write(RUN, "🙂 Welt")
        source.write(RUN, ".")
        assert text_of(await drained(client)) == "Grüße, 🙂 Welt."

    opened(test)


def test_text_during_the_join_is_not_doubled() -> None:
    """Pieces that the snapshot holds already are left out."""

    async def test(fanout: Fanout, source: Source) -> None:
        source.gate = asyncio.Event()
        source.write(RUN, "one ")
        client = session(fanout)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fanout.subscribe(client, RUN, 0))
            await source.reading.wait()
            source.write(RUN, "two ")
            source.gate.set()
        source.write(RUN, "three")
        assert text_of(await drained(client)) == "one two three"

    opened(test)


def test_lost_text_is_mended_by_a_snapshot() -> None:
    """A hole in the offsets is answered with the whole text, for everybody on the channel."""

    async def test(fanout: Fanout, source: Source) -> None:
        clients = [session(fanout), session(fanout)]
        for client in clients:
            await fanout.subscribe(client, RUN, None)
        source.write(RUN, "a")
        source.write(RUN, "b", lost=True)
        source.write(RUN, "c")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.write(RUN, "d")
        for client in clients:
            received = await drained(client)
            assert text_of(received) == "abcd"
            assert [one["type"] for one in received].count("snapshot") == 1

    opened(test)


def test_text_that_cannot_be_mended_is_a_resync() -> None:
    """When the source fails, the channel's readers start again instead of staying with a hole."""

    async def test(fanout: Fanout, source: Source) -> None:
        client = session(fanout)
        await fanout.subscribe(client, RUN, None)
        source.write(RUN, "a")
        source.broken = True
        source.write(RUN, "b", lost=True)
        source.write(RUN, "c")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (await drained(client))[-1] == {"type": "resync", "channel": RUN, "reason": "source-failed"}
        assert not fanout.listens(RUN)

    opened(test)


def test_a_slow_client_is_told_to_resync_and_slows_nobody() -> None:
    """When its queue is full a client loses it, is told so for each channel, and the others get everything."""

    async def test(fanout: Fanout, source: Source) -> None:
        slow, quick = session(fanout, frames_max=10), session(fanout)
        for client in (slow, quick):
            await fanout.subscribe(client, RUN, None)
            await fanout.subscribe(client, "system", None)
        for _ in range(100):
            source.fact(RUN)
        told = await drained(slow)
        assert [(one["type"], one["channel"], one["reason"]) for one in told] == [
            ("resync", RUN, "slow"),
            ("resync", "system", "slow"),
        ]
        assert seqs(await drained(quick)) == list(range(1, 101))
        await fanout.subscribe(slow, RUN, 0)

    def settle() -> None:
        opened(test)

    # History waits for room instead of overflowing, so the last line would wait for ever: nobody takes.
    with pytest.raises(Exception, match="every task waits"):
        settle()


def test_bytes_fill_a_queue_too() -> None:
    """A few very large frames are as much as many small ones."""

    async def test(fanout: Fanout, source: Source) -> None:
        client = session(fanout, bytes_max=4096)
        await fanout.subscribe(client, RUN, None)
        for _ in range(4):
            source.write(RUN, "x" * 2000)
        assert (await drained(client))[-1]["type"] == "resync"

    opened(test)


def test_history_waits_for_a_client_that_reads_slowly() -> None:
    """A long history goes through a short queue whole, at the client's pace."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(500):
            source.fact(RUN)
        client = session(fanout, frames_max=8)
        received: list[int] = []

        async def reader() -> None:
            while len(received) < 500:
                frame = await client.outbox.take()
                assert frame is not None
                await asyncio.sleep(0.01)
                if frame.seq:
                    received.append(frame.seq)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reader())
            tasks.create_task(fanout.subscribe(client, RUN, 0))
        assert received == list(range(1, 501))

    opened(test)


def test_unsubscribing_in_the_middle_of_a_history_ends_it() -> None:
    """Who leaves while history is being sent gets no more of it, and a second subscribe starts again."""

    async def test(fanout: Fanout, source: Source) -> None:
        for _ in range(50):
            source.fact(RUN)
        client = session(fanout, frames_max=8)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fanout.subscribe(client, RUN, 0))
            await asyncio.sleep(1)
            client.leave(RUN)
            await drained(client)
        assert len(client.outbox) <= 1
        assert not fanout.listens(RUN)

    opened(test)


def test_a_frame_is_written_once() -> None:
    """However many follow a channel, they get the very same object."""

    async def test(fanout: Fanout, source: Source) -> None:
        clients = [session(fanout) for _ in range(5)]
        for client in clients:
            await fanout.subscribe(client, RUN, None)
            await drained(client)
        source.fact(RUN)
        got = {id((await client.outbox.take()).text) for client in clients}  # type: ignore[union-attr]
        assert len(got) == 1

    opened(test)


def test_frames_as_server_sent_events() -> None:
    """Only facts have an id; the data is the frame's JSON on one line."""
    fact = frames.event(RUN, 7, {"type": "x", "text": "a\nb\r"}).sse.decode()
    assert fact.startswith("id: 7\nevent: event\ndata: {")
    assert fact.endswith("}\n\n")
    assert fact.count("\n") == 4
    assert "\r" not in fact
    assert frames.delta(RUN, "r1", 0, "x").sse.startswith(b"event: delta\ndata: ")
    assert json.loads(frames.event(RUN, 1, b'{"raw":1}').text)["event"] == {"raw": 1}


@given(seed=st.integers(0, 2**32), steps=st.integers(10, 80))
def test_any_order_of_things_leaves_every_client_right(seed: int, steps: int) -> None:
    """Whatever happens when, who follows a channel has every fact once in order and the text whole, or a resync."""

    async def test(fanout: Fanout, source: Source) -> None:
        chance = random.Random(seed)
        clients = [session(fanout, frames_max=chance.choice([12, 1000])) for _ in range(3)]
        received: dict[int, list[dict[str, Any]]] = {index: [] for index in range(3)}
        started: dict[int, int] = {}
        for _ in range(steps):
            index = chance.randrange(3)
            match chance.randrange(6):
                case 0 | 1:
                    source.fact(RUN)
                case 2:
                    source.write(RUN, chance.choice(["a", "bc", "🙂"]), lost=chance.random() < 0.2)
                case 3:
                    received[index] += await drained(clients[index])
                case 4:
                    received[index] = []
                    await drained(clients[index])
                    started[index] = chance.randrange(len(source.channel(RUN).facts) + 1)
                    async with asyncio.timeout(5):
                        task = asyncio.get_running_loop().create_task(
                            fanout.subscribe(clients[index], RUN, started[index])
                        )
                        while not task.done():
                            await asyncio.sleep(0)
                            received[index] += await drained(clients[index])
                case 5:
                    await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        head = len(source.channel(RUN).facts)
        for index, client in enumerate(clients):
            received[index] += await drained(client)
            if RUN not in client.subscriptions or any(one["type"] == "resync" for one in received[index]):
                continue
            assert seqs(received[index]) == list(range(started[index] + 1, head + 1))
            text = text_of(received[index])
            assert source.channel(RUN).text.startswith(text)

    opened(test)
