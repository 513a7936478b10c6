"""The shipped rows at work, in virtual time: what the specification's words mean on the wire."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from autobot.kernel.core.errors import AttemptTimeout, CircuitOpen, ConnectFailed
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry, RowLink, Wired
from autobot.testing.virtual_time import FixedChance, VirtualClock
from tests.unit.kernel.resilience.kit import NOBODY_WAITS, READ, Script, Slow, refused, status

pytestmark = pytest.mark.anyio

SHIPPED = Path(__file__).resolve().parents[4] / "src" / "autobot" / "matrix.toml"


def wired(row: str, *steps: object) -> tuple[RowLink, Script]:
    """A shipped row on a scripted transport."""
    matrix = Matrix(read_layer(SHIPPED.read_text(encoding="utf-8"), "matrix.toml"))
    registry = LinkRegistry(matrix, VirtualClock(), FixedChance(0.999))
    script = Script(list(steps))
    registry.wire(row, Wired(transport=script, targets=("a",)))
    return registry.link(row), script


def gaps(script: Script) -> list[float]:
    """Seconds between the attempts."""
    times = [one.at for one in script.sent]
    return [round(later - earlier, 3) for earlier, later in pairwise(times)]


@pytest.mark.parametrize(
    ("row", "waits"),
    [
        ("gateway-ai", [(1.0, 1.1)] * 2),
        ("ai-npu", [(0.0, 0.0)]),
        ("backend-redis", [(0.1, 0.11)] * 3),
        ("services-event_bus", [(0.0, 0.1), (0.0, 0.2), (0.0, 0.4), (0.0, 0.8), (0.0, 1.6)]),
        ("ai-ollama", [(0.0, 0.2), (0.0, 0.4)]),
    ],
)
async def test_a_failing_call_is_repeated_as_the_row_says(row: str, waits: list[tuple[float, float]]) -> None:
    """“2x with 1s delay” is two further attempts a second apart, “1x immediate” one at once, “5x with backoff” five with full jitter."""
    link, script = wired(row, refused())
    with pytest.raises(ConnectFailed):
        await link.call(READ, None, NOBODY_WAITS)
    seen = gaps(script)
    assert len(seen) == len(waits)
    assert [
        (low, gap, high) for gap, (low, high) in zip(seen, waits, strict=True) if not low <= gap <= high
    ] == []


@pytest.mark.parametrize(
    ("row", "failures"), [("gateway-ai", 10), ("ai-npu", 3), ("backend-redis", 5), ("ai-ollama", 5)]
)
async def test_a_breaker_opens_after_the_rows_failures(row: str, failures: int) -> None:
    """So many failed attempts in a row, and what comes next is refused without being sent."""
    link, script = wired(row, status(500))
    for _ in range(failures):
        assert not isinstance(await outcome(link), CircuitOpen)
    assert isinstance(await outcome(link), CircuitOpen)
    assert len(script.sent) == failures


@pytest.mark.parametrize(
    ("row", "seconds"),
    [("gateway-ai", 60.0), ("ai-npu", 30.0), ("backend-redis", 5.0), ("services-event_bus", 2.0)],
)
async def test_an_attempt_ends_after_the_rows_timeout(row: str, seconds: float) -> None:
    """Each attempt is given up after the specification's time."""
    link, script = wired(row, Slow(10_000.0))
    assert isinstance(await outcome(link), AttemptTimeout)
    assert script.sent
    assert all(gap >= seconds for gap in gaps(script))


async def outcome(link: RowLink) -> object:
    """Call, and return what was answered or raised."""
    try:
        return await link.call(READ, None, NOBODY_WAITS)
    except Exception as error:  # noqa: BLE001 - the test looks at what was raised
        return error


@pytest.mark.parametrize("row", ["ai-ollama", "ai-openai", "ai-llamacpp"])
async def test_a_model_that_loads_and_then_writes_slowly_succeeds(row: str) -> None:
    """Forty seconds of silence while the model loads, then three minutes of text: every piece arrives."""
    link, _ = wired(row, [Slow(40.0, "first"), *(Slow(1.0, "word") for _ in range(180))])
    began = asyncio.get_running_loop().time()
    pieces = [piece async for piece in link.stream(READ, None, NOBODY_WAITS)]
    assert len(pieces) == 181
    assert asyncio.get_running_loop().time() - began == pytest.approx(220.0)


async def test_a_model_that_never_speaks_is_given_up() -> None:
    """Two minutes of silence, three times, are not waited for longer than fifteen minutes."""
    link, _ = wired("ai-ollama", [Slow(100_000.0, "late")])
    began = asyncio.get_running_loop().time()
    with pytest.raises(AttemptTimeout):
        await anext(link.stream(READ, None, NOBODY_WAITS))
    assert asyncio.get_running_loop().time() - began <= 900.0
