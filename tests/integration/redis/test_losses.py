"""What can happen to a stream, thing by thing: each is noticed, counted, and costs no message, no order, no double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.redis.options import Part, StreamOptions
from autobot.adapters.redis.reader import Entry, StreamReader
from autobot.adapters.redis.relay import Relay
from autobot.adapters.redis.server import Server
from autobot.adapters.redis.sources import StreamSources
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery
from autobot.kernel.messaging.leases import Lease
from autobot.testing.conformance.broker_base import GROUP, BrokerBase, Place, Work
from autobot.testing.messages import Maker
from autobot.testing.streams import QUICK, streams
from autobot.testing.valkey import ValkeyServer
from tests.integration.redis.counting import Counts

PART = Part("events", 0)
KEYS = "abcdeabcdeabcde"
Injury = Callable[[ValkeyServer], None]


def ask(server: ValkeyServer, *words: str) -> bytes:
    """Send a command that must succeed."""
    answer = server.ask(" ".join(words).encode())
    assert answer, words
    assert not answer.startswith(b"-"), answer
    return answer


def flush(server: ValkeyServer) -> None:
    """Drop everything."""
    server.flush()


def restart(server: ValkeyServer) -> None:
    """Kill it, and start it empty."""
    server.kill()
    server.start()


def drop_the_stream(server: ValkeyServer) -> None:
    """Delete the entries and their groups."""
    ask(server, "DEL", PART.stream)


def drop_the_state(server: ValkeyServer) -> None:
    """Delete what says how far the stream is."""
    ask(server, "DEL", PART.state)


def drop_the_group(server: ValkeyServer) -> None:
    """Delete the group, with what is pending."""
    server.ask(f"XGROUP DESTROY {PART.stream} {GROUP}".encode())


def trim_by_length(server: ValkeyServer) -> None:
    """Trim without regard to what is handled."""
    ask(server, "XTRIM", PART.stream, "MAXLEN", "1")


def delete_inside(server: ValkeyServer) -> None:
    """Delete entries in the middle."""
    ask(server, "XDEL", PART.stream, "17-0", "18-0", "24-0")


def write_rubbish(server: ValkeyServer) -> None:
    """Write as another program would."""
    ask(server, "XADD", PART.stream, "*", "rubbish", "yes")


def other_kind(server: ValkeyServer) -> None:
    """Put something else in the stream's place."""
    ask(server, "SET", PART.stream, "text")


INJURIES: list[Injury] = [
    flush,
    restart,
    drop_the_stream,
    drop_the_state,
    drop_the_group,
    trim_by_length,
    delete_inside,
    write_rubbish,
    other_kind,
]


class Bench(BrokerBase):
    """The suite's tools, with real time."""

    delays = (0.05, 0.1, 0.2)
    patience_s = 3.0

    def open(self) -> Any:
        """Not used: each test opens its own."""
        raise NotImplementedError


async def injured(
    server: ValkeyServer, injury: Injury, *, busy: bool, kind: type[StreamSources] = StreamSources
) -> tuple[dict[str, list[int]], Counts]:
    """Injure a stream while messages are unread (and, when `busy`, others are in their handlers); return the effects."""
    bench, counts, clock = Bench(), Counts(), SystemClock()
    store, make = MemoryEventStore(clock), Maker(clock)
    server.flush()
    go = asyncio.Event()
    async with streams(server.url, store, clock, listener=counts, kind=kind, parts=1, batch=2) as broker:
        place = Place(store, broker, clock)
        work = Work(place)

        async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
            if busy and recorded.position > len(KEYS):
                await go.wait()
            return await work.handle(recorded, delivery)

        async with bench.served(place, bench.subscription(handle, concurrency=2, window=2)):
            await bench.send(place, make, KEYS)
            if busy:
                await bench.settled(place)
                await bench.send(place, make, KEYS, start=1 + len(KEYS))
                await published(server, clock, 2 * len(KEYS))
            await asyncio.to_thread(injury, server)
            go.set()
            await bench.send(place, make, KEYS, start=1 + len(KEYS) * (2 if busy else 1))
            await bench.settled(place)
        effects = await work.effects()
    await store.close()
    return effects, counts


async def published(server: ValkeyServer, clock: SystemClock, position: int) -> None:
    """Return when the stream holds the log up to a position."""
    bench = Bench()

    async def there() -> bool:
        answer = server.ask(f"HGET {PART.state} to".encode())
        return not answer.startswith(b"$-1") and int(answer.split()[1]) >= position

    await bench.until(Place(None, None, clock), there)  # type: ignore[arg-type]


async def cut_off(
    server: ValkeyServer, kind: type[StreamSources] = StreamSources
) -> tuple[dict[str, list[int]], Counts]:
    """Cut a group off while messages are in its handlers and others are read ahead; serve it again."""
    bench, counts, clock = Bench(), Counts(), SystemClock()
    store, make = MemoryEventStore(clock), Maker(clock)
    server.flush()
    begun, go = asyncio.Event(), asyncio.Event()
    async with streams(server.url, store, clock, listener=counts, kind=kind, parts=1) as broker:
        place = Place(store, broker, clock)
        work = Work(place)

        async def handle(recorded: Recorded, delivery: Delivery) -> Transaction:
            if recorded.position > 4:
                begun.set()
                await go.wait()
            return await work.handle(recorded, delivery)

        await bench.send(place, make, KEYS)
        async with bench.served(place, bench.subscription(handle)) as task:
            await begun.wait()
            task.cancel()
        go.set()
        async with bench.served(place, bench.subscription(handle)):
            await bench.settled(place)
        effects = await work.effects()
    await store.close()
    return effects, counts


def test_a_group_that_was_cut_off_finds_what_was_in_its_hands(valkey: ValkeyServer) -> None:
    """What was read and not handled when a group was cut off is handled by its next life, in order."""
    effects, _ = asyncio.run(cut_off(valkey))
    assert effects == Bench().expected(KEYS)


@pytest.mark.parametrize("busy", [False, True], ids=["while reading", "while handling"])
@pytest.mark.parametrize("injury", INJURIES, ids=lambda one: one.__name__)
def test_whatever_happens_to_a_stream_nothing_is_lost(
    valkey: ValkeyServer, injury: Injury, *, busy: bool
) -> None:
    """Flushed, restarted empty, deleted, trimmed, written by others: each message has its effect once, in order."""
    effects, _ = asyncio.run(injured(valkey, injury, busy=busy))
    assert effects == Bench().expected(KEYS * (3 if busy else 2))


@pytest.mark.parametrize(
    ("injury", "counter"),
    [
        (flush, "stream_epoch_changed_total"),
        (drop_the_stream, "stream_epoch_changed_total"),
        (trim_by_length, "stream_entries_lost_total"),
        (delete_inside, "stream_entries_lost_total"),
    ],
)
def test_what_a_broker_could_hide_is_counted(valkey: ValkeyServer, injury: Injury, counter: str) -> None:
    """A stream that was made again, and entries that vanished unhandled, show in their counters."""
    _, counts = asyncio.run(injured(valkey, injury, busy=True))
    assert counts.totals[counter] > 0


def test_without_an_injury_nothing_is_counted(valkey: ValkeyServer) -> None:
    """On a healthy stream no loss is told, and each event is published once."""
    effects, counts = asyncio.run(injured(valkey, lambda server: None, busy=True))
    assert effects == Bench().expected(KEYS * 3)
    assert counts.totals["stream_epoch_changed_total"] == counts.totals["stream_entries_lost_total"] == 0


def test_a_server_that_is_away_stops_nothing_for_good(valkey: ValkeyServer) -> None:
    """While Redis is away facts are accepted all the same; when it is back they are delivered."""

    async def main() -> None:
        bench, clock = Bench(), SystemClock()
        store, make = MemoryEventStore(clock), Maker(clock)
        valkey.kill()
        async with streams(valkey.url, store, clock, parts=2) as broker:
            place = Place(store, broker, clock)
            work = Work(place)
            async with bench.served(place, bench.subscription(work.handle)):
                await bench.send(place, make, KEYS)
                state = await broker.statistics(GROUP)
                assert (state.lag, state.position, work.calls) == (len(KEYS), 0, [])
                await asyncio.to_thread(valkey.start)
                await bench.settled(place)
            assert await work.effects() == bench.expected(KEYS)
        await store.close()

    asyncio.run(main())


def test_relays_that_take_a_part_from_one_another_publish_once(valkey: ValkeyServer) -> None:
    """Relays that fight for one part leave each event in the stream once, in log order."""

    async def main() -> None:
        clock = SystemClock()
        store, make = MemoryEventStore(clock), Maker(clock)
        valkey.flush()
        server = Server(valkey.url)
        # One name for all: each lease is given to whoever asks next.
        options = StreamOptions(**{**QUICK, "lease": 0.3}, parts=1, holder="same")
        counts = [Counts() for _ in range(4)]
        relays = [Relay(server, store, clock, options, listener=one) for one in counts]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(relay.run()) for relay in relays]
            await published(valkey, clock, 0)
            for number in range(150):
                await store.commit(make.transaction(f"s{number % 3}", number=2))
                await published(valkey, clock, 2 * number + 2)
            for task in tasks:
                task.cancel()
        # Not the entries: without a group that needs them a relay may have trimmed them by now.
        state = await server.state(PART)
        assert state is not None
        assert state[2] == b"300-0"
        assert sum(one.totals["stream_published_total"] for one in counts) >= 300
        assert sum(one.totals["stream_published_total"] > 0 for one in counts) > 1
        await server.close()
        await store.close()

    asyncio.run(main())


# ------------------------------------------------------------------------------------------------ planted faults


class TrustsTheStream(StreamReader):
    """Takes what comes for all that there is."""

    async def _explain(self, read: int, last: int) -> None:
        return

    async def _fresh(self, entries: list[Entry], *, again: bool) -> list[Recorded]:
        return await super()._fresh([one for one in entries if one[1]], again=True)


class LosesItsPlace(StreamReader):
    """Counts one event more as given than was."""

    async def batches(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        async for batch in super().batches(after):
            self._read += 1
            yield batch


class LeavesThePending(StreamReader):
    """Reads new entries alone after a restart."""

    async def _pending(self) -> AsyncIterator[Sequence[Recorded]]:
        for nothing in ():
            yield nothing


class AcknowledgesFirst(StreamReader):
    """Acknowledges when it hands on."""

    async def _fresh(self, entries: list[Entry], *, again: bool) -> list[Recorded]:
        fresh = await super()._fresh(entries, again=again)
        ids = [f"{one.position}-0" for one in fresh]
        if ids:
            await self._server.do("XACK", self._part.stream, self._group, *ids)
        return fresh


READERS: list[type[StreamReader]] = [TrustsTheStream, LosesItsPlace, LeavesThePending, AcknowledgesFirst]


def with_reader(reader: type[StreamReader]) -> type[StreamSources]:
    """Return sources that read by another class."""

    class Faulty(StreamSources):
        def reader(self, group: str, number: int, lease: Lease) -> StreamReader:
            made = super().reader(group, number, lease)
            made.__class__ = reader
            return made

    return Faulty


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.__name__)
def test_each_planted_fault_is_found(valkey: ValkeyServer, reader: type[StreamReader]) -> None:
    """With this fault at least one of the injuries costs a message, its order, or the group's going on."""
    kind, found = with_reader(reader), 0
    for injury in (trim_by_length, delete_inside, None):
        try:
            made = cut_off(valkey, kind) if injury is None else injured(valkey, injury, busy=True, kind=kind)
            effects = asyncio.run(made)[0]
        except (Exception, BaseExceptionGroup):  # noqa: BLE001 - any failure counts
            found += 1
        else:
            found += effects != Bench().expected(KEYS * (1 if injury is None else 3))
    assert found > 0
