"""Streams that several read: one source for equal ones in the air, whole ones played again, and nobody harms another."""

from dataclasses import dataclass
from typing import Any

import pytest

from autobot.kernel.core.errors import ConnectionLost, DeadlineExceeded, Overloaded
from autobot.kernel.resilience.cache.key import exact_key
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.kernel.resilience.served import noting
from tests.unit.kernel.resilience.kit import (
    ADMIN,
    CACHED,
    READ,
    USER,
    Bench,
    Slow,
    context,
    pass_time,
    refused,
    settle,
    spawn,
)

pytestmark = pytest.mark.anyio
SLOWLY = [Slow(1.0, "a"), Slow(1.0, "b"), Slow(1.0, "c")]


def cached(ttl: float = 60.0, **more: Any) -> PipelineOptions:
    """A row that keeps answers."""
    return PipelineOptions(cache=CacheOptions(ttl=ttl, jitter=0.0, **more))


async def test_equal_streams_in_the_air_have_one_source() -> None:
    """Who comes in the middle gets the beginning too; the source is opened once, and each sees the same chunks."""
    bench = Bench(cached(0.0), SLOWLY)
    first = spawn(bench.chunks(CACHED))
    await pass_time(1.5)
    with noting() as served:
        second = await bench.chunks(CACHED)
    assert await first == second == (["a", "b", "c"], None)
    assert (len(bench.transport.sent), served.cached, bench.transport.open_streams) == (1, "joined", 0)
    assert (await bench.chunks(CACHED))[0] == ["a", "b", "c"]
    assert len(bench.transport.sent) == 2


async def test_one_reader_that_leaves_does_not_end_the_others() -> None:
    """Cancelling or closing the first reader leaves the second its whole stream; when the last leaves the source ends."""
    bench = Bench(cached(0.0), SLOWLY)
    first = spawn(bench.chunks(CACHED))
    await settle()
    second = spawn(bench.chunks(CACHED))
    third = bench.pipeline.stream(CACHED, None, context())
    assert await anext(third) == "a"
    first.cancel()
    await third.aclose()
    assert await second == (["a", "b", "c"], None)
    assert len(bench.transport.sent) == 1

    alone = spawn(bench.chunks(CACHED))
    await pass_time(1.5)
    alone.cancel()
    await settle()
    assert bench.transport.open_streams == 0


async def test_each_reader_has_its_own_deadline() -> None:
    """A shared stream runs on for the patient one when the time of the other is over."""
    bench = Bench(cached(0.0), SLOWLY)
    now = bench.clock.monotonic()
    hasty = spawn(bench.chunks(CACHED, context=context(deadline=now + 1.5)))
    await settle()
    patient = await bench.chunks(CACHED)
    got, error = await hasty
    assert got == ["a"]
    assert isinstance(error, DeadlineExceeded)
    assert patient == (["a", "b", "c"], None)
    assert len(bench.transport.sent) == 1


async def test_a_whole_stream_is_played_again_until_it_is_old_or_wrong() -> None:
    """Within the ttl there is no second call; after it, after an invalidation and for somebody else there is."""
    bench = Bench(cached(), ["a", "b"])
    await bench.chunks(CACHED)
    with noting() as served:
        assert await bench.chunks(CACHED) == (["a", "b"], None)
    assert (served.cached, len(bench.transport.sent)) == ("hit", 1)
    await bench.chunks(CACHED, context=context(principal=ADMIN))
    await bench.chunks(CACHED, payload="other")
    assert len(bench.transport.sent) == 3
    bench.pipeline.invalidate("documents")
    await bench.chunks(CACHED)
    assert len(bench.transport.sent) == 4
    await pass_time(61)
    await bench.chunks(CACHED)
    assert len(bench.transport.sent) == 5
    assert bench.pipeline.snapshot().cached == 1


async def test_what_is_not_cacheable_has_a_source_of_its_own() -> None:
    """Two equal streams of an operation that forbids it are two."""
    bench = Bench(cached(), ["a"])
    await bench.chunks(READ)
    await bench.chunks(READ)
    assert len(bench.transport.sent) == 2


async def test_a_failure_is_everybodys_and_kept_by_nobody() -> None:
    """What comes in place of the first chunk, or breaks the stream later, reaches all readers; the next call is sent."""
    bench = Bench(cached(), [Slow(1.0, refused())], ["a", Slow(1.0, ConnectionLost("broke"))], ["a", "b"])
    first = spawn(bench.chunks(CACHED))
    await settle()
    assert isinstance((await bench.chunks(CACHED))[1], type(refused()))
    assert isinstance((await first)[1], type(refused()))
    first = spawn(bench.chunks(CACHED))
    await settle()
    for got, error in (await bench.chunks(CACHED), await first):
        assert got == ["a"]
        assert isinstance(error, ConnectionLost)
    assert await bench.chunks(CACHED) == (["a", "b"], None)
    assert len(bench.transport.sent) == 3


async def test_the_store_is_bounded_by_chunks() -> None:
    """Long streams count for more, so that a few of them make the oldest leave, and one that is too long is not kept."""
    bench = Bench(cached(max_entries=4), list("a" * 32))
    for payload in ("one", "two", "one", "two"):
        await bench.chunks(CACHED, payload=payload)
    assert len(bench.transport.sent) == 4
    bench.rebuild(cached(max_entries=6))
    for payload in ("one", "two", "one", "two"):
        await bench.chunks(CACHED, payload=payload)
    assert len(bench.transport.sent) == 5


async def test_closing_the_link_ends_shared_streams() -> None:
    """Readers hear that the link was closed, and the source is closed."""
    bench = Bench(cached(0.0), SLOWLY)
    reading = spawn(bench.chunks(CACHED))
    await pass_time(1.5)
    await bench.pipeline.close()
    got, error = await reading
    assert got == ["a"]
    assert isinstance(error, Overloaded)
    assert bench.transport.open_streams == 0


@dataclass(frozen=True)
class Inner:
    """A part of a payload."""

    text: str


@dataclass(frozen=True)
class Other:
    """A part of another type with the same field."""

    text: str


@dataclass(frozen=True)
class Outer:
    """A payload with parts."""

    parts: tuple[Any, ...]
    limits: dict[str, Any]


PAYLOADS = (
    Outer(parts=(), limits={}),
    Outer(parts=(Inner("a"),), limits={}),
    Outer(parts=(Other("a"),), limits={}),
    Outer(parts=(Inner("b"),), limits={}),
    Outer(parts=(Inner("a"), Inner("a")), limits={}),
    Outer(parts=((Inner("a"),),), limits={}),
    Outer(parts=(), limits={"a": 1}),
    Outer(parts=(), limits={"a": "1"}),
    Outer(parts=(), limits={"a": [1]}),
    Outer(parts=(), limits={"a": None}),
)


def test_the_key_of_a_stream_tells_apart_what_differs_at_any_depth() -> None:
    """Each of these payloads, and each of them for somebody else, has a key of its own; the same has the same."""
    keys = {exact_key(CACHED, one, who, "principal") for one in PAYLOADS for who in (ADMIN, USER)}
    assert len(keys) == 2 * len(PAYLOADS)
    again = Outer(parts=(Inner("a"),), limits={})
    assert exact_key(CACHED, again, USER, "tenant") == exact_key(CACHED, PAYLOADS[1], ADMIN, "tenant")
    with pytest.raises(TypeError):
        exact_key(CACHED, Outer(parts=(object(),), limits={}), USER, "principal")
