"""Counts and quantiles of the last minute."""

import pytest

from autobot.kernel.resilience.latency import SIZE, Latency, joined

NOW = 1_000.0


@pytest.mark.parametrize("duration", [0.0, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 59.0, 3_600.0, 604_800.0, 1e8])
def test_every_duration_has_its_bucket(duration: float) -> None:
    """From nothing to three years a latency is told to within 10 % (and a microsecond)."""
    latency = Latency(NOW)
    latency.add(NOW, duration)

    assert latency.tally(NOW).quantile(0.5) == pytest.approx(duration, rel=0.1, abs=1.2e-6)


def test_quantiles_of_a_known_distribution() -> None:
    """Of 1 to 1000 ms the median is 500, the 95th 950, the 99th 990 ms, to within 10 %."""
    latency = Latency(NOW)
    for milliseconds in range(1, 1001):
        latency.add(NOW + milliseconds % 10 * 6, milliseconds / 1000)
    tally = latency.tally(NOW + 54)

    assert [tally.quantile(share) for share in (0.5, 0.95, 0.99)] == pytest.approx([0.5, 0.95, 0.99], rel=0.1)


def test_a_busy_slot_is_sampled_without_bias() -> None:
    """Beyond 64 calls in a slot every eighth is measured: counts stay exact, quantiles right."""
    latency = Latency(NOW)
    for number in range(20_000):
        latency.add(NOW, (1 + number * 7919 % 1000) / 1000)
    tally = latency.tally(NOW)

    assert (tally.calls, latency.calls) == (20_000, 20_000)
    assert sum(tally.histogram) == pytest.approx(20_000, abs=64)
    assert [tally.quantile(share) for share in (0.5, 0.95, 0.99)] == pytest.approx(
        [0.5, 0.95, 0.99], rel=0.12
    )


def test_nothing_has_no_quantile() -> None:
    """Without calls there is no latency to tell."""
    assert Latency(NOW).tally(NOW).quantile(0.5) is None


def test_the_last_minute_slides() -> None:
    """Counts leave after 54 to 60 s; the total since the start stays."""
    latency = Latency(NOW)
    for second in range(120):
        latency.add(NOW + second, 0.1)
        if second % 4 == 0:
            latency.fail(NOW + second)
    tally = latency.tally(NOW + 120)

    assert 54 <= tally.calls <= 60
    assert tally.calls / tally.seconds == pytest.approx(1.0, rel=0.05)
    assert tally.failures == pytest.approx(tally.calls / 4, abs=1)
    assert (latency.calls, latency.failures) == (120, 30)


@pytest.mark.parametrize("gap", [60.0, 61.0, 100.0, 1e6])
def test_after_a_silence_nothing_is_left(gap: float) -> None:
    """However long the silence, the ring forgets and counts anew."""
    latency = Latency(NOW)
    latency.add(NOW, 0.1)
    assert latency.tally(NOW + gap).calls == 0

    latency.add(NOW + gap, 0.1)

    assert latency.tally(NOW + gap).calls == 1
    assert latency.calls == 2


def test_reading_changes_nothing() -> None:
    """Reading far in the future does not move the ring."""
    latency = Latency(NOW)
    latency.add(NOW, 0.1)
    latency.tally(NOW + 1e6)

    assert latency.tally(NOW).calls == 1


def test_targets_are_joined() -> None:
    """A link's figures are those of its targets together."""
    one, other = Latency(NOW), Latency(NOW)
    for _ in range(9):
        one.add(NOW, 0.1)
    other.add(NOW, 10.0)
    other.fail(NOW)
    both = joined([one.tally(NOW + 1), other.tally(NOW + 1)])

    assert (both.calls, both.failures, len(both.histogram)) == (10, 1, SIZE)
    assert both.quantile(0.5) == pytest.approx(0.1, rel=0.1)
    assert both.quantile(0.99) == pytest.approx(10.0, rel=0.1)
