"""What writes and reads files that somebody named keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autobot.adapters.files.archives import LocalFiles
from autobot.contexts.knowledge.ports.machine import MachineFiles
from autobot.testing.conformance.machine_files import MachineFilesSuite
from tests.conformance.planted import found_by


class OnThisMachine(MachineFilesSuite):
    made: type[LocalFiles] = LocalFiles

    def files(self) -> MachineFiles:
        return self.made()


class TestLocalFiles(OnThisMachine):
    pass


class WritesInPlace(LocalFiles):
    async def write(self, path: str, pieces: AsyncIterator[bytes]) -> int:
        with Path(path).open("wb") as file:
            return sum([file.write(piece) async for piece in pieces])


class LeavesWhatBroke(LocalFiles):
    async def write(self, path: str, pieces: AsyncIterator[bytes]) -> int:
        Path(path).with_name("part").write_bytes(b"")
        return await super().write(path, pieces)


class LetsEverybodyRead(LocalFiles):
    async def write(self, path: str, pieces: AsyncIterator[bytes]) -> int:
        size = await super().write(path, pieces)
        Path(path).chmod(0o644)
        return size


class ForgetsTheLastPiece(LocalFiles):
    async def read(self, path: str) -> AsyncIterator[bytes]:
        found = [piece async for piece in super().read(path)]
        for piece in found[:-1]:
            yield piece


@pytest.mark.parametrize(
    "fault",
    [WritesInPlace, LeavesWhatBroke, LetsEverybodyRead, ForgetsTheLastPiece],
    ids=lambda one: one.__name__,
)
def test_the_suite_finds_planted_faults(fault: type[LocalFiles]) -> None:
    """Each fault makes at least one test of the suite fail, and without one none does."""
    assert found_by(type("Planted", (OnThisMachine,), {"made": fault})())
    assert not found_by(OnThisMachine())
