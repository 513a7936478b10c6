"""The health prober: what it says was really asked, and how long ago."""

from __future__ import annotations

import asyncio
from typing import Literal

from autobot.bootstrap.health import PROBE_TIMEOUT_S, ProbedHealth
from autobot.contexts.system.ports import Dependency
from autobot.kernel.core.errors import ConnectFailed
from autobot.testing.virtual_time import ManualClock, VirtualClock, run

Said = tuple[Literal["ok", "failing", "absent"], str]


async def fine() -> Said:
    """Answer."""
    return "ok", "There."


async def broken() -> Said:
    """Fail as an adapter fails."""
    raise ConnectFailed("It cannot be reached.")


async def silent() -> Said:
    """Never answer."""
    await asyncio.Event().wait()
    return "ok", ""


def dependency(name: str, probe: object) -> Dependency:
    """Return a dependency."""
    return Dependency(name=name, required=True, probe=probe)  # type: ignore[arg-type]


def test_what_was_never_asked_is_unknown() -> None:
    """Nothing is fine by default: before its first probe a dependency is unknown and has no age."""
    health = ProbedHealth((dependency("store", fine),), ManualClock())
    (check,) = health.checks()
    assert (check.state, check.checked_at, check.age_seconds) == ("unknown", None, None)


def test_a_probe_tells_state_detail_latency_and_age() -> None:
    """An answer, an error of the tree and a silence each have their state; ages grow with time."""

    async def scene() -> None:
        health = ProbedHealth(
            (dependency("a", fine), dependency("b", broken), dependency("c", silent)), VirtualClock()
        )
        await health.probe_all()
        a, b, c = health.checks()
        assert (a.state, a.detail, a.latency_ms) == ("ok", "There.", 0.0)
        assert (b.state, b.detail) == ("failing", "It cannot be reached.")
        assert c.state == "failing"
        assert c.latency_ms == PROBE_TIMEOUT_S * 1000
        await asyncio.sleep(7)
        assert health.checks()[2].age_seconds == 7.0

    run(scene())


def test_probes_repeat_and_one_that_hangs_does_not_stop_the_others() -> None:
    """Every dependency is asked again each round, whatever another one does."""

    async def scene() -> None:
        asked: list[str] = []

        async def counted() -> Said:
            asked.append("x")
            return "ok", ""

        health = ProbedHealth((dependency("a", counted), dependency("b", silent)), VirtualClock(), every_s=10)
        try:
            async with asyncio.timeout(32):
                await health.run()
        except TimeoutError:
            pass
        assert len(asked) == 3

    run(scene())
