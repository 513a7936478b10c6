"""The gate closes on failures of many messages, lets one probe through at a time, and opens on a success."""

import asyncio

from autobot.kernel.messaging.gate import Gate
from autobot.kernel.messaging.options import ConsumerOptions
from autobot.testing.virtual_time import VirtualClock, run

OPTIONS = ConsumerOptions(pause_after=3, probe_first=1.0, probe_max=4.0)


def test_failures_of_one_message_do_not_close() -> None:
    """One message that fails again and again is its own fault; different ones in a row are not."""

    async def main() -> None:
        gate = Gate(OPTIONS, VirtualClock())
        for _ in range(10):
            assert not gate.failed(1, "x", system=False, probe=False)
        assert not gate.failed(2, "x", system=False, probe=False)
        gate.succeeded()
        assert not gate.failed(3, "x", system=False, probe=False)
        assert not gate.failed(4, "x", system=False, probe=False)
        assert gate.failed(5, "down", system=False, probe=False)
        assert gate.paused
        assert gate.reason == "down"

    run(main())


def test_probes_come_one_at_a_time_and_ever_later() -> None:
    """While paused one delivery passes after 1, 2, 4, 4 … seconds; a success lets all pass."""

    async def main() -> None:
        clock = VirtualClock()
        gate = Gate(OPTIONS, clock)
        assert gate.failed(1, "closed", system=True, probe=False)
        start, probes, free = clock.monotonic(), list[float](), list[float]()

        async def deliver(number: int) -> None:
            while True:
                async with gate.pass_() as probe:
                    if not probe:
                        free.append(clock.monotonic() - start)
                        return
                    probes.append(clock.monotonic() - start)
                    await asyncio.sleep(0.5)
                    if len(probes) == 5:
                        gate.succeeded()
                        return
                    gate.failed(number, "still", system=False, probe=True)

        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(deliver(number))
        assert probes == [1.0, 3.5, 8.0, 12.5, 17.0]
        assert free == [17.5] * 7
        assert not gate.paused

    run(main())


def test_late_failures_during_a_pause_do_not_count() -> None:
    """A delivery that began before the pause and fails in it is told that the group is paused."""

    async def main() -> None:
        gate = Gate(OPTIONS, VirtualClock())
        gate.failed(1, "closed", system=True, probe=False)
        assert gate.failed(2, "late", system=False, probe=False)

    run(main())


def test_a_cancelled_probe_gives_its_turn_on() -> None:
    """When the probing delivery is cancelled another one probes."""

    async def main() -> None:
        gate = Gate(OPTIONS, VirtualClock())
        gate.failed(1, "closed", system=True, probe=False)

        async def deliver() -> bool:
            async with gate.pass_() as probe:
                await asyncio.sleep(1)
                return probe

        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(deliver()), group.create_task(deliver())
            await asyncio.sleep(1.5)
            first.cancel()
        assert second.result()

    run(main())
