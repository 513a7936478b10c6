"""Transient frames: quick, in order, and never a burden to anybody."""

import asyncio

import pytest

from autobot.kernel.messaging.transient import Frame, Overflow, TransientHub
from autobot.testing.virtual_time import run


def test_frames_come_in_order_to_all_who_listen_now() -> None:
    """Each listener of a channel gets its frames in order; who comes later or listens elsewhere gets none."""

    async def main() -> None:
        hub = TransientHub()
        assert hub.publish("run:1", "lost") == 0
        with hub.subscribe(["run:1", "run:2"]) as both, hub.subscribe(["run:2"]) as one:
            assert hub.publish("run:1", "a") == 1
            assert hub.publish("run:2", "b") == 2
            assert [await both.receive(), await both.receive()] == [Frame("run:1", "a"), Frame("run:2", "b")]
            assert await one.receive() == Frame("run:2", "b")
        assert hub.publish("run:2", "c") == 0

    run(main())


def test_a_slow_listener_is_told_and_slows_nobody() -> None:
    """A listener that does not read loses frames and learns how many; the other one has them all."""

    async def main() -> None:
        hub = TransientHub()
        with hub.subscribe(["c"], limit=4) as slow, hub.subscribe(["c"], limit=100) as quick:
            for number in range(50):
                hub.publish("c", number)
            got = [await quick.receive() for _ in range(50)]
            assert got == [Frame("c", number) for number in range(50)]
            first = await slow.receive()
            rest = [await slow.receive() for _ in range(2)]
            assert first == Overflow(48)
            assert rest == [Frame("c", 48), Frame("c", 49)]
            hub.publish("c", 50)
            assert await slow.receive() == Frame("c", 50)

    run(main())


def test_waiting_and_leaving() -> None:
    """A listener waits for the next frame; leaving while waiting leaves nothing behind."""

    async def main() -> None:
        hub = TransientHub()

        async def listen() -> object:
            with hub.subscribe(["c"]) as subscription:
                return await subscription.receive()

        async with asyncio.TaskGroup() as group:
            waiting, gone = group.create_task(listen()), group.create_task(listen())
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
            assert hub.publish("c", 1) == 1
        assert waiting.result() == Frame("c", 1)
        assert hub.publish("c", 2) == 0
        with pytest.raises(ValueError, match="at least one"), hub.subscribe(["c"], limit=0):
            pass

    run(main())
