"""Redis only carries: flushed, restarted, killed or slow under load, and consumers killed, nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from autobot.testing.valkey import ValkeyServer
from tests.faults.store_killing import Place, kill_store

KILLS = 6
FROZEN_S = 0.3
BEGUN = int(time.time())


def disturbance(server: ValkeyServer) -> Callable[[], Awaitable[None]]:
    """Return what does the server something else each time: flush, kill, restart in good order, freeze."""

    def crash() -> None:
        server.kill()
        server.start()

    def restart() -> None:
        server.stop()
        server.start()

    def freeze() -> None:
        server.freeze()
        threading.Event().wait(FROZEN_S)
        server.thaw()

    acts = itertools.cycle([server.flush, crash, restart, freeze])

    async def disturb() -> None:
        await asyncio.to_thread(next(acts))

    return disturb


@pytest.mark.parametrize("keep", [False, True], ids=["nothing kept", "kept each second"])
def test_killed_consumers_and_a_disturbed_redis_lose_nothing(tmp_path: Path, *, keep: bool) -> None:
    """Whatever happens to Redis and to the process that relays and consumes, each event has its effect once, in order
    per key. The seed is printed."""
    seed = BEGUN % 1_000_000
    print(f"seed {seed}")
    with ValkeyServer(keep=keep) as server:
        place = Place(tmp_path, redis=server.url, disturb=disturbance(server), disturbed=0.8)
        report = asyncio.run(kill_store(place, kills=KILLS, seed=seed))
    print(report.line())
    assert report.findings == []
    assert report.acknowledged > KILLS
    assert report.disturbed > 0
