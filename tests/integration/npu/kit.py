"""What the tests of the worker's process share: the row to it, from the shipped matrix."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from autobot.bootstrap.accelerators import Accelerators
from autobot.bootstrap.outside import memory_outside
from autobot.bootstrap.wiring import load_matrix
from autobot.config import Config
from autobot.contracts.inference import EmbedTexts
from autobot.kernel.links.registry import LinkRegistry

PATIENCE_S = 90.0
CAT = EmbedTexts(texts=("A cat sleeps on the warm mat",))
TOKEN = "a-token-that-only-tests-have"


@dataclass(frozen=True)
class Row:
    """The row `ai-npu` of one process, and what stands behind it."""

    accelerators: Accelerators
    registry: LinkRegistry

    @property
    def inference(self):
        return self.accelerators.inference

    @property
    def child(self):
        assert self.accelerators.child is not None
        return self.accelerators.child

    def shown(self):
        return next(one for one in self.registry.describe() if one["id"] == "ai-npu")


@asynccontextmanager
async def row_to_worker(config: Config) -> AsyncIterator[Row]:
    """Connect the row for the block; a child of ours runs as long as that."""
    outside = memory_outside()
    registry = LinkRegistry(load_matrix(config), outside.clock, outside.chance, None)
    accelerators = Accelerators(config, outside, registry)
    await accelerators.open()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        child = accelerators.child
        running = group.create_task(child.run()) if child is not None else None
        try:
            yield Row(accelerators, registry)
        finally:
            if running is not None:
                running.cancel()
            await registry.close()
            await accelerators.close()


@dataclass
class Served:
    """A worker on a port, as its own process."""

    process: asyncio.subprocess.Process
    address: str
    grpc: str

    def kill(self) -> None:
        self.process.kill()


@asynccontextmanager
async def served_worker(folder: Path, *options: str, **settings: str) -> AsyncIterator[Served]:
    """Run `autobot serve npu` for the block."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "AUTOBOT_DATA_DIR": str(folder),
        **{f"AUTOBOT_{name}": value for name, value in settings.items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autobot", "serve", "npu", "--port", "0", *options,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        grpc = address = ""
        async with asyncio.timeout(PATIENCE_S):
            while not address:
                line = (await process.stdout.readline()).decode()
                assert line, "the worker ended"
                if found := re.match(r"Takes gRPC at (\S+)", line):
                    grpc = found[1]
                if found := re.match(r"Takes work at (\S+)", line):
                    address = found[1]
        yield Served(process, address, grpc)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
