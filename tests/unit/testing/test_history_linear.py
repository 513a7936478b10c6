"""The search for an order that explains every answer agrees with trying all orders, and finds what real stores spoil."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.core.errors import HopFailed, WrongExpectedVersion
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import ANY, Append, Transaction
from autobot.testing.faults import AcksEarly, ForgetsOneInTen, IgnoresExpectedVersions
from autobot.testing.history_linear import (
    AppendTo,
    Conflict,
    Get,
    Model,
    Operation,
    ReadAll,
    Set,
    append_log,
    explained,
    judge_linear,
    register,
)

EMPTY: tuple[str, ...] = ()


def sound(chance: random.Random, count: int, clients: int, *, unanswered: float = 0.15) -> list[Operation]:
    """Return a history of a real stream: each operation has its effect at one moment within its call."""
    free = [0.0] * clients
    made: list[tuple[float, Operation]] = []
    for number in range(count):
        client = chance.randrange(clients)
        called = free[client] + chance.random()
        effect = called + chance.random() * 3
        free[client] = effect + chance.random() * 3
        answered = None if chance.random() < unanswered else free[client]
        wish: Any = ReadAll()
        if chance.random() < 0.7:
            wish = AppendTo(
                tuple(f"{number}-{one}" for one in range(chance.randint(1, 2))),
                chance.choice([None, number // 2, number - 1, -1]),
            )
        made.append((effect, Operation(client=f"c{client}", called=called, answered=answered, input=wish)))
    state, told = EMPTY, []
    for _, one in sorted(made, key=lambda pair: pair[0]):
        if one.answered is None and chance.random() < 0.5:
            told.append(one)
            continue
        output: Any = state
        if isinstance(one.input, AppendTo):
            fits = one.input.expected in (None, len(state) - 1)
            output = len(state) + len(one.input.ids) - 1 if fits else Conflict(len(state) - 1)
            state = state + one.input.ids if fits else state
        told.append(replace(one, output=None if one.answered is None else output))
    return told


def by_all_orders(operations: Sequence[Operation], model: Model, state: Hashable) -> bool:
    """The definition itself: some set of the unanswered, some order, no answer before a later call's effect."""
    sure = [one for one in operations if one.answered is not None]
    open_ones = [one for one in operations if one.answered is None]
    for size in range(len(open_ones) + 1):
        for some in itertools.combinations(open_ones, size):
            for order in itertools.permutations([*sure, *some]):
                kept = all(
                    later.answered is None or later.answered >= earlier.called
                    for place, earlier in enumerate(order)
                    for later in order[place + 1 :]
                )
                if kept and _runs(order, model, state):
                    return True
    return False


def _runs(order: Sequence[Operation], model: Model, state: Hashable) -> bool:
    for one in order:
        after = model(state, one)
        if after is None:
            return False
        state = after
    return True


@pytest.mark.parametrize("seed", range(40))
def test_a_history_of_a_real_stream_is_explained(seed: int) -> None:
    """Sixty overlapping calls of four clients on a stream that keeps its word have an order."""
    assert judge_linear({"s": sound(random.Random(seed), 60, 4)}, append_log, EMPTY) == []


def misreads(history: list[Operation], chance: random.Random) -> None:
    """Let a read miss the newest id that it saw."""
    place = chance.choice(
        [n for n, one in enumerate(history) if isinstance(one.output, tuple) and one.output]
    )
    history[place] = replace(history[place], output=(*history[place].output[:-1], "never-written"))


def reorders(history: list[Operation], chance: random.Random) -> None:
    """Let a read see two ids in the other order."""
    place = chance.choice(
        [n for n, one in enumerate(history) if isinstance(one.output, tuple) and len(one.output) > 1]
    )
    first, second, *rest = history[place].output
    history[place] = replace(history[place], output=(second, first, *rest))


def acknowledges_in_vain(history: list[Operation], chance: random.Random) -> None:
    """Tell a client that its append is where another one is."""
    place = chance.choice([n for n, one in enumerate(history) if isinstance(one.output, int)])
    history[place] = replace(history[place], output=history[place].output + 1)


def loses(history: list[Operation], chance: random.Random) -> None:
    """Take an acknowledged append out of every read, and of every later answer."""
    chance.random()
    ids = next(one.input.ids for one in history if isinstance(one.output, int))
    for place, one in enumerate(history):
        if isinstance(one.output, tuple):
            history[place] = replace(one, output=tuple(each for each in one.output if each not in ids))
    last = max(one.answered or 0.0 for one in history)
    history.append(Operation(client="z", called=last + 1, answered=last + 2, input=ReadAll(), output=()))


@pytest.mark.parametrize("fault", [misreads, reorders, acknowledges_in_vain, loses])
@pytest.mark.parametrize("seed", range(10))
def test_a_planted_fault_has_no_order(
    fault: Callable[[list[Operation], random.Random], None], seed: int
) -> None:
    """An invented, reordered, misplaced or lost append is found, with a beginning that shows it."""
    chance = random.Random(seed)
    history = sound(chance, 40, 3, unanswered=0.0)
    fault(history, chance)
    (found,) = judge_linear({"s": history}, append_log, EMPTY)
    assert found.kind == "unlinearizable"


@pytest.mark.parametrize("seed", range(120))
def test_the_search_agrees_with_the_definition(seed: int) -> None:
    """On six calls with random answers the verdict is that of trying every order of every subset."""
    chance = random.Random(seed)
    history = sound(chance, 6, 3, unanswered=0.3)
    if seed % 2:
        place = chance.randrange(6)
        if history[place].answered is not None:
            history[place] = replace(history[place], output=chance.choice([0, 1, EMPTY, Conflict(0)]))
    assert explained(history, append_log, EMPTY) == by_all_orders(history, append_log, EMPTY)


def test_a_stale_read_of_a_register_is_found() -> None:
    """A read that began after a write was answered must not see the value before it; one that overlaps may."""

    def history(read_at: float) -> list[Operation]:
        return [
            Operation(client="a", called=1, answered=4, input=Set("new"), output=True),
            Operation(client="b", called=read_at, answered=9, input=Get(), output="old"),
        ]

    assert judge_linear({"x": history(3)}, register, ("old",)) == []
    assert [one.kind for one in judge_linear({"x": history(5)}, register, ("old",))] == ["unlinearizable"]


def test_an_unanswered_write_may_happen_late_or_never() -> None:
    """What was never answered explains a value that shows up later, and one that never does."""
    lost = Operation(client="a", called=1, answered=None, input=Set("new"))
    for values in (("old", "new"), ("old", "old"), ("new", "new")):
        reads = [
            Operation(client="b", called=10 + n, answered=10.5 + n, input=Get(), output=value)
            for n, value in enumerate(values)
        ]
        assert explained([lost, *reads], register, ("old",))
    back = [
        Operation(client="b", called=10 + n, answered=10.5 + n, input=Get(), output=value)
        for n, value in enumerate(("new", "old"))
    ]
    assert not explained([lost, *back], register, ("old",))


# --------------------------------------------------------------------------------------------- real stores


async def recorded(
    stores: Sequence[EventStore],
    clock: SystemClock,
    seed: int,
    told: Callable[[int], None] = lambda count: None,
) -> list[Operation]:
    """Let five clients append to one stream and read it, all at once, and note what they were told.

    Each has one of the stores, which are of one log; what broke off is repeated with the same ids. `told` hears how
    many operations were answered, after each.
    """
    made: list[Operation] = []

    async def client(number: int) -> None:
        name, store = "abcde"[number], stores[number % len(stores)]
        chance, mine, known = random.Random(f"{seed}-{name}"), 0, -1
        for number in range(12):
            wish: Any = ReadAll()
            if chance.random() < 0.7:
                wish = AppendTo((f"{name}-{number}",), chance.choice([None, known]))
            called = clock.monotonic()
            output: Any
            if isinstance(wish, AppendTo):
                mine += 1
                output = await append(store, wish)
                known = output.current if isinstance(output, Conflict) else output
            else:
                output = tuple(one.message.id for one in await store.read_stream("s"))
                known = len(output) - 1
            made.append(
                Operation(client=name, called=called, answered=clock.monotonic(), input=wish, output=output)
            )
            told(len(made))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(client(number))
    return made


async def append(store: EventStore, wish: AppendTo) -> int | Conflict:
    """Append and return what the model calls the outcome."""
    events = tuple(
        Message(
            id=one,
            source="urn:autobot:test",
            type="autobot.test.happened.v1",
            time=datetime(2026, 1, 1, tzinfo=UTC),
            subject="s",
            data=b"{}",
            correlation_id="c",
            partition_key="s",
        )
        for one in wish.ids
    )
    expected = ANY if wish.expected is None else wish.expected
    while True:
        try:
            done = await store.commit(
                Transaction(appends=(Append(stream="s", expected=expected, events=events),))
            )
        except WrongExpectedVersion as refused:
            return Conflict(refused.current)
        except HopFailed:
            continue
        return done.revisions[0]


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_appends_and_reads_of_real_stores_are_linearizable(
    kind: str, seed: int, tmp_path: Path
) -> None:
    """Overlapping appends with and without expectations, and reads, look as if each happened at one moment."""
    clock = SystemClock()
    store: EventStore = (
        MemoryEventStore(clock)
        if kind == "memory"
        else await SqliteEventStore.open(tmp_path / "autobot.db", clock)
    )
    history = await recorded([store], clock, seed)
    await store.close()
    assert len(history) == 60
    assert judge_linear({"s": history}, append_log, EMPTY) == []


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [IgnoresExpectedVersions, AcksEarly, ForgetsOneInTen])
async def test_stores_with_a_fault_are_not_linearizable(fault: Callable[[EventStore], EventStore]) -> None:
    """A store that ignores expectations, answers early or forgets is found by what its clients were told."""
    clock = SystemClock()
    store = fault(MemoryEventStore(clock))
    history = await recorded([store], clock, 1)
    await store.close()
    assert [one.kind for one in judge_linear({"s": history}, append_log, EMPTY)] == ["unlinearizable"]
