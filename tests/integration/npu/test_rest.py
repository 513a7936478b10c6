"""A worker of ours that nobody needs is ended, and is there again when it is needed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from autobot.adapters.child.supervisor import Supervisor
from autobot.bootstrap.household import household
from autobot.config import Config, read_config
from autobot.contracts.inference import EmbedTexts
from autobot.kernel.core.errors import ConfigurationError
from autobot.testing.models.contexts import CONTEXT
from autobot.workers.npu.options import BUILT_IN
from tests.integration.npu.kit import CAT, row_to_worker

LONG = EmbedTexts(texts=tuple(f"text number {n} of many that take a while to be read" for n in range(500)))


async def resting(child: Supervisor) -> None:
    """Wait until the process of this life is over."""
    life = child.starts
    while child.state == "ready":
        await child.outlived(life)
    while child.pid is not None:
        await asyncio.sleep(0)


def test_an_unneeded_worker_ends_and_the_next_call_wakes_it(tmp_path: Path) -> None:
    """After its idle time its process is gone and its memory with it; the next call gets the same vectors from a new one, at once."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_idle_s=1.0)) as row:
            before = await row.inference.embed(CAT, CONTEXT)
            first = row.child.pid
            await resting(row.child)
            assert not Path(f"/proc/{first}").exists()
            (idle,) = await row.accelerators.listed(CONTEXT)
            assert (idle.state, idle.detail, idle.starts, idle.rests) == ("idle", "", 1, 1)
            assert idle.idle_after_s == 1.0
            after = await row.inference.embed(CAT, CONTEXT)
            assert after.vectors == before.vectors
            (awake,) = await row.accelerators.listed(CONTEXT)
            assert (awake.state, awake.starts, row.child.pid == first) == ("ready", 2, False)
            assert awake.load_s is not None
            assert awake.load_s > 0
            # To rest is no fault: neither the row nor its breaker noticed.
            shown = row.shown()
            assert (shown["retries"], shown["failures"]) == (0, 0)

    asyncio.run(main())


def test_the_page_of_processes_shows_a_worker_as_what_this_one_started(tmp_path: Path) -> None:
    """With its process, memory and device while it runs, and as resting when nobody needs it; looking starts none."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_idle_s=1.0)) as row:
            tell = household(row.accelerators, lambda: None)
            (before,), own = await tell(CONTEXT)
            assert (before.state, before.pid, before.memory_bytes, before.starts) == ("idle", None, None, 0)
            assert own is not None
            assert own > 10_000_000
            await row.inference.embed(CAT, CONTEXT)
            (working,), _ = await tell(CONTEXT)
            assert (working.what, working.state, working.pid) == ("npu", "ready", row.child.pid)
            assert working.devices == ("CPU",)
            assert working.memory_bytes is not None
            assert working.memory_bytes > 10_000_000
            await resting(row.child)
            (after,), _ = await tell(CONTEXT)
            assert (after.state, after.pid, after.devices, after.starts) == ("idle", None, (), 1)

    asyncio.run(main())


def test_a_worker_that_works_is_not_ended(tmp_path: Path) -> None:
    """A call that takes longer than the idle time is answered by the life that it began in."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_idle_s=1.0)) as row:
            began = asyncio.get_running_loop().time()
            found = await row.inference.embed(LONG, CONTEXT)
            assert asyncio.get_running_loop().time() - began > 1.0
            assert len(found.vectors) == len(LONG.texts)
            assert (row.child.starts, row.child.rests) == (1, 0)
            await resting(row.child)

    asyncio.run(main())


def test_looking_at_a_worker_neither_keeps_nor_wakes_it(tmp_path: Path) -> None:
    """Who has the page of models open asks again and again: the worker ends all the same, and stays ended."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_idle_s=1.5)) as row:
            await row.inference.embed(CAT, CONTEXT)
            looks = 0
            while (await row.accelerators.listed(CONTEXT))[0].state == "ready":
                looks += 1
            assert looks > 3
            await resting(row.child)
            assert (await row.accelerators.listed(CONTEXT))[0].state == "idle"
            assert (row.child.starts, row.child.rests) == (1, 1)

    asyncio.run(main())


def test_what_a_stranger_asked_of_it_is_answered_before_it_rests(tmp_path: Path) -> None:
    """A program that asks at the socket, unseen by the supervisor, gets its whole answer from a worker that is told to end."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_idle_s=1.0)) as row:
            await row.inference.embed(CAT, CONTEXT)
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "npu.sock"))
            texts = [f"a stranger's text number {n} that takes a while to be read" for n in range(300)]
            body = json.dumps({"model": BUILT_IN, "input": texts}).encode()
            head = f"POST /v1/embeddings HTTP/1.1\r\nhost: npu\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            life = row.child.starts
            while row.child.state == "ready":
                await row.child.outlived(life)
            assert row.child.pid is not None, "the process was gone before it could answer"
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200 ")
            told = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert len(told["data"]) == 300
            await resting(row.child)
            assert row.child.rests == 1

    asyncio.run(main())


@pytest.mark.parametrize("seconds", ["0.5", "-1", "for ever", "700000"])
def test_an_idle_time_out_of_range_stops_the_start(seconds: str, tmp_path: Path) -> None:
    """The setting is 1 s to a week, or 0 for never; anything else is refused by its name."""
    with pytest.raises(ConfigurationError, match="AUTOBOT_NPU_IDLE_S"):
        read_config({"AUTOBOT_NPU_IDLE_S": seconds}, tmp_path, tmp_path)
    assert read_config({"AUTOBOT_NPU_IDLE_S": "0"}, tmp_path, tmp_path).npu_idle_s is None
